//! Transports: calls in, answers out, no decisions.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use snowmelt_core::follower::{Answer, CallError, Request};
use snowmelt_core::writer::{Put, PutAnswer};

pub mod kinesis;
pub mod memory;

/// What a transport's methods return.
pub type CallFuture<T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

/// A way to a Kinesis data stream.
///
/// A transport sends what it is given, once, and reports what came back. It
/// does not retry, cache or decide: the core does. Its futures are `'static`,
/// so that a call outlives the reader that caused it.
pub trait Stream: fmt::Debug + Send + Sync + 'static {
    /// `ListShards`, `GetShardIterator` or `GetRecords`.
    fn call(&self, request: Request) -> CallFuture<Answer>;

    /// `PutRecords`.
    fn put(&self, put: Put) -> CallFuture<PutAnswer>;

    /// Drops connections that may have died during a freeze; the next call
    /// makes a new one.
    fn forget_connections(&self) {}

    /// The stream's identity, for position tokens: its name (the same whether
    /// it was given by name or by ARN).
    fn name(&self) -> &str;
}
