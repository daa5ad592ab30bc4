#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answer;
mod ask;
mod control;
mod credentials;
mod hash;
mod headers;
mod judge;
mod kept;
mod key;
pub mod options;
pub mod plain;
mod policy;
mod reason;
mod request;
mod rfc9111;
mod tags;
mod validators;

pub use answer::{Answer, How, Passed};
pub use ask::{Ask, Lookup, Question};
pub use judge::{Keep, ResponseHead, Verdict};
pub use kept::{Match, Meta, Vary};
pub use options::{Options, Query, Ttl};
pub use policy::Policy;
pub use reason::Reason;
pub use request::{Body, Request};
