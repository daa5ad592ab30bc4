//! The listeners: who may ask, and how much.
//!
//! A [`Listener`] holds a port on the loopback; a [`Server`] turns its
//! connections into requests, lets the [`Guards`] look at each, and hands it to
//! a [`Service`]. What is bounded, and by how much, is in [`Limits`].
//!
//! The sandbox may be frozen at any time and for hours, after which every timer
//! is late. So nothing here measures a client by a clock: ticks are
//! counted in which the process ran, and one that came late counts for nothing.

mod connection;
mod door;
mod guard;
mod listen;
mod problem;
mod pulse;
mod server;

use bytes::Bytes;

use crate::Pending;

pub use guard::Guards;
pub(crate) use guard::TOKEN;
pub use listen::Listener;
pub use problem::problem;
pub(crate) use problem::shown;
pub use server::{Limits, Server};

/// A request whose body was read, within its bound.
pub type Request = ::http::Request<Bytes>;

/// An answer, whole.
pub type Response = ::http::Response<Bytes>;

/// What a service answers.
#[must_use]
pub enum Answer {
    /// It is at hand: a hit costs no future.
    Now(Response),
    /// It takes a while.
    Later(Pending<Response>),
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self::Now(response)
    }
}

/// What answers the requests of one port. It never fails: what goes wrong is
/// an answer with a status.
pub trait Service: Send + Sync + 'static {
    /// Answers a request that the guards let through. `HEAD` comes as `GET`.
    /// Must not block. If it panics, or its future does, the answer is a 500.
    /// If the client goes away, the future is dropped.
    fn answer(&self, request: Request) -> Answer;

    /// Looks at the head of a request whose body is still to come; what it
    /// puts into the extensions is there when the request is answered.
    fn received(&self, head: &mut ::http::request::Parts) {
        let _ = head;
    }
}

/// In the extensions of a request that may have waited in its socket while the
/// sandbox was frozen: what it says was true before that, and may not be now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentBeforeFreeze;
