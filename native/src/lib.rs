//! An in-memory cache for serverless functions that a stream keeps honest.
//!
//! A function's sandbox keeps its memory between invocations, so that data
//! cached there is the fastest there is, and the least trustworthy: while the
//! sandbox was frozen, anyone may have changed the database. With Snowmelt
//! whoever changes data writes an *invalidation* to a Kinesis data stream; a
//! cache that thaws first catches up with the stream, drops what went stale,
//! and only then serves.
//!
//! ```
//! use std::sync::LazyLock;
//! use snowmelt::{Cache, Loaded};
//!
//! #[derive(Clone, Debug, PartialEq)]
//! struct User { name: String, tenant: u32 }
//!
//! static USERS: LazyLock<Cache<User>> = LazyLock::new(|| {
//!     let stream = std::env::var("SNOWMELT_STREAM").unwrap_or("memory:users".into());
//!     Cache::builder().stream(stream).build().expect("a stream, and options that fit together")
//! });
//!
//! async fn handler(id: u32) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
//!     let _invocation = USERS.invocation().await; // catches up if that is due, and reports at its end
//!     let user = USERS.get_or_load(format!("users/{id}"), move || async move {
//!         let user = select(id).await?; // one load, however many ask for it
//!         Ok::<_, std::io::Error>(Loaded::new(user.clone()).tags([format!("tenant:{}", user.tenant)]))
//!     });
//!     Ok(user.await?.name)
//! }
//!
//! async fn rename(id: u32, name: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     update(id, name).await?; // first the database, then the stream
//!     USERS.invalidate(format!("users/{id}")).await?;
//!     Ok(())
//! }
//! # async fn select(id: u32) -> std::io::Result<User> { Ok(User { name: format!("user {id}"), tenant: 7 }) }
//! # async fn update(_: u32, _: &str) -> std::io::Result<()> { Ok(()) }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # assert_eq!(handler(3).await?, "user 3");
//! # rename(3, "Ada").await?;
//! # assert_eq!(USERS.peek("users/3"), None);
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - A value that was invalidated before a successful catch-up began is not
//!   served after it. In the steady state a catch-up is one call a shard.
//! - A load that races an invalidation is given to its caller, never stored.
//! - With the stream out of reach, entries are served for `max_lag` (10 s)
//!   and then loaded anew; nothing fails because of the stream but
//!   [`Cache::invalidate`] and [`Cache::catch_up`].
//! - Concurrent reads of a missing key share one load; nobody's cancellation
//!   is anybody else's.
//! - A read waits for a catch-up no longer than `catch_up_budget` (250 ms).
//!
//! The core's documentation has the whole contract.
//!
//! # When a value is loaded anew
//!
//! When its lifetime is over, and all who want it wait; unless the cache, or
//! the load of that value, says otherwise:
//!
//! - past its lifetime it can be served while one reader loads it anew
//!   ([`stale_while_revalidate`](Builder::stale_while_revalidate)), and if it
//!   cannot be loaded ([`stale_if_error`](Builder::stale_if_error)) or not
//!   soon enough ([`soft_load_timeout`](Builder::soft_load_timeout));
//! - one reader can load it anew early
//!   ([`refresh_ahead`](Builder::refresh_ahead));
//! - nobody needs to wait for a refresh, where something keeps the process
//!   running until it landed ([`wait_until`](Builder::wait_until)).
//!
//! None of this serves what was invalidated, and only `stale_if_error` serves
//! anything past `max_lag`. [`Cache::fetch`] tells which of them it was.
//! [`Cache::get_many`] loads many keys with one call.
//!
//! # From the database's own change log
//!
//! A writer can forget to invalidate, or end between its commit and that.
//! DynamoDB can write its changes to the stream by itself (a table's Kinesis
//! streaming destination), and EventBridge those of Parameter Store and of
//! Secrets Manager (a rule with the stream as its target). A [`Source`] says
//! what they invalidate:
//!
//! ```
//! use snowmelt::{Cache, KeyPart, Source};
//!
//! let cache: Cache<String> = Cache::builder()
//!     .stream("memory:changes")
//!     .source(Source::dynamodb("users").key("users/{id}").tag("tenant:{tenant}"))
//!     .source(Source::parameter_store().key("config/{name}"))
//!     .source(Source::secrets_manager().key("secrets/{id}"))
//!     .build()?;
//!
//! // Values are percent-encoded in templates, and must be in keys, too:
//! let (user, parameter) = ("ada@example.com", "/shop/rate");
//! assert_eq!(format!("users/{}", KeyPart(user)), "users/ada%40example.com");
//! assert_eq!(format!("config/{}", KeyPart(parameter)), "config/%2Fshop%2Frate");
//!
//! // A template that cannot be used is refused, with the place and the remedy.
//! let wrong = Cache::<String>::builder().stream("memory:changes").source(Source::dynamodb("users").key("users/{id"));
//! assert!(wrong.build().is_err_and(|error| error.to_string().contains("at character 7, `{` is not closed")));
//! # Ok::<(), snowmelt::BuildError>(())
//! ```
//!
//! [`Origin`] says what the names in braces may be for each of them.
//!
//! # Runtime
//!
//! Everything that waits needs a tokio runtime with its time driver on (and
//! I/O, for Kinesis) and panics outside of one, as tokio itself does.
//! [`Cache::peek`], [`Cache::insert`] and everything else that does not wait
//! works anywhere.
//!
//! # Logging
//!
//! With [`tracing`]: `warn` for what someone should look at (gaps, records
//! that cannot be read, a stream that cannot be read), once until it worked
//! again; `debug` and `trace` for the rest; nothing at `info`.

// Allowed in one place only: the lock's.
#![deny(unsafe_code)]

mod builder;
mod cache;
mod clock;
mod driver;
mod error;
mod fetch_options;
mod fetched;
mod follow;
mod for_hosts;
mod invalidate;
mod invocation;
mod load;
mod loaded;
mod lock;
mod many;
mod reader;
mod report;
mod shared;
pub mod stream;

pub use builder::Builder;
pub use cache::Cache;
#[doc(hidden)]
pub use clock::ManualClock;
pub use error::{BuildError, InvalidateError, LoadError};
pub use fetch_options::{FetchOptions, Refreshing};
pub use fetched::{Fetched, How};
pub use follow::FollowerHandle;
pub use invalidate::Invalidating;
pub use invocation::Invocation;
pub use load::{Begin, Joined, Lease};
pub use loaded::Loaded;
pub use report::Report;
pub use snowmelt_core::follower::{CallErrorKind, CatchUpError, CatchUpToError};
pub use snowmelt_core::invalidation::{DataIdError, KeyPart, Origin};
pub use snowmelt_core::{
    ConfigError, DataId, FillOutcome, InputError, Invalidation, InvocationReport, OnUndecodable,
    PositionToken, RecordFormat, Share, Source, Stats, StreamSpec, WriteError,
};

/// What the bindings for other languages share with this crate. No part of the
/// public interface: it changes without notice.
#[doc(hidden)]
pub mod host {
    pub use crate::clock::{Clock, RESOLUTION, Reading, Tick, entropy};
    pub use crate::load::{LoadEnd, Step};
    pub use snowmelt_core::{Arrival, Event, LeaseId, Lookup, Moment, Rescued, Worth};
}

/// Compiles what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeDoctests;
