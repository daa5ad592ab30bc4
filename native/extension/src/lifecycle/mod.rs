//! The Extensions API: register, invocations, shutdown.
//!
//! ```text
//! life      the order of everything, and the event loop
//! api       the calls
//! event     what comes
//! failure   what Lambda is told when it cannot work
//! log       lines on standard output
//! signals   SIGTERM and SIGINT
//! ```

mod api;
mod event;
mod failure;
mod life;
pub mod log;
mod signals;

pub use api::{Api, ApiError};
pub use event::Event;
pub use failure::{Failure, Problem};
pub use life::{Environment, STOP, Work, live};
pub use signals::stop;
