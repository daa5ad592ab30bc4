#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod config;
pub mod engine;
mod error;
mod event;
pub mod eviction;
mod expiry;
mod fence;
pub mod follower;
pub mod invalidation;
mod lease;
mod lock;
pub mod memory;
mod mutant;
pub mod options;
mod outcome;
pub mod protocol;
mod random;
mod refresh;
mod report;
mod segment;
mod stats;
mod store;
mod stream_address;
mod stream_spec;
#[cfg(test)]
mod tests;
mod time;
pub mod writer;

pub use config::{Config, OnUndecodable};
#[doc(hidden)]
pub use engine::Moment;
pub use engine::{CatchUp, Engine, Loaded};
pub use error::{ConfigError, InputError, codes};
pub use event::Event;
pub use invalidation::{DataId, Invalidation, RecordFormat, Source};
pub use lease::{Arrival, Lease, LeaseId};
pub use lock::{Guarded, Host};
pub use memory::MemoryModel;
pub use options::{Setting, Units};
pub use outcome::{Begin, FillOutcome, Lookup, Next, Rescued, Worth};
pub use refresh::{Refresh, Share};
pub use report::InvocationReport;
pub use stats::Stats;
pub use stream_address::{Arn, StreamAddress};
pub use stream_spec::StreamSpec;
pub use time::{Time, Timeline};
pub use writer::{PositionToken, Write, WriteError, WriteStep};
