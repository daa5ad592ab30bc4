//! The listeners: who may ask, and how much.

use bytes::Bytes;

use crate::Pending;

/// A request whose body was read, within its bound.
pub type Request = ::http::Request<Bytes>;

/// An answer, whole.
pub type Response = ::http::Response<Bytes>;

/// What answers the requests of one port. It never fails: what goes wrong is
/// an answer with a status.
pub trait Service: Send + Sync + 'static {
    /// Answers a request that the guards let through.
    fn answer(&self, request: Request) -> Pending<Response>;
}
