//! The embedded stream: a small Kinesis within the process.
//!
//! For tests, for demonstrations, and for several caches of one process that
//! keep each other honest without AWS. The core has the model; here are the
//! names, the clock, the lock and the time a call takes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use snowmelt_core::MemoryModel;
use snowmelt_core::follower::{Answer, Request};
use snowmelt_core::writer::{Put, PutAnswer};

use super::{CallFuture, Stream};

/// Milliseconds since the Unix epoch.
pub type MemoryClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// An embedded stream; clones share it.
#[derive(Clone)]
pub struct MemoryStream {
    shared: Arc<Shared>,
    latency: Duration,
}

struct Shared {
    name: String,
    state: Mutex<State>,
}

/// The streams that have a name and are in use.
static NAMED: Mutex<BTreeMap<String, Weak<Shared>>> = Mutex::new(BTreeMap::new());

impl MemoryStream {
    /// A stream of its own, with one shard.
    pub fn new() -> Self {
        static PRIVATE: AtomicU64 = AtomicU64::new(1);
        Self::over(Shared::new(format!("memory:#{}", PRIVATE.fetch_add(1, Ordering::Relaxed))))
    }

    /// The stream of that name in this process (the empty name is one, too);
    /// made with one shard when nobody holds it. It lasts as long as anybody
    /// does.
    pub fn named(name: &str) -> Self {
        let mut named = NAMED.lock();
        if let Some(shared) = named.get(name).and_then(Weak::upgrade) {
            return Self::over(shared);
        }
        named.retain(|_, stream| stream.strong_count() > 0);
        let shared = Shared::new(format!("memory:{name}"));
        named.insert(name.into(), Arc::downgrade(&shared));
        Self::over(shared)
    }

    fn over(shared: Arc<Shared>) -> Self {
        Self { shared, latency: Duration::ZERO }
    }

    /// Gives the stream that many shards (at least one).
    ///
    /// A stream that has another number of them is made anew, as if it had been
    /// deleted: its records are lost and its readers find a gap.
    #[must_use]
    pub fn with_shards(self, shards: usize) -> Self {
        self.shared.state.lock().model.reshape(shards, incarnation());
        self
    }

    /// Lets each call of this handle (and of its later clones) take that long,
    /// by tokio's timer.
    #[must_use]
    pub const fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Replaces the wall clock, for the stream and so for all who share it.
    #[must_use]
    pub fn with_clock(self, clock: MemoryClock) -> Self {
        self.shared.state.lock().clock = clock;
        self
    }

    /// Bounds what the stream holds; default 100,000 records and 32 MiB.
    #[must_use]
    pub fn with_limits(self, records: usize, bytes: usize) -> Self {
        let mut state = self.shared.state.lock();
        let now = (state.clock)();
        state.model.limit(records, bytes, now);
        drop(state);
        self
    }
}

impl Default for MemoryStream {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStream").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl Stream for MemoryStream {
    fn call(&self, request: Request) -> CallFuture<Answer> {
        let (shared, latency) = (Arc::clone(&self.shared), self.latency);
        Box::pin(async move {
            pass(latency).await;
            let mut state = shared.state.lock();
            let now = (state.clock)();
            state.model.call(&request, now)
        })
    }

    fn put(&self, put: Put) -> CallFuture<PutAnswer> {
        let (shared, latency) = (Arc::clone(&self.shared), self.latency);
        Box::pin(async move {
            pass(latency).await;
            let mut state = shared.state.lock();
            let now = (state.clock)();
            state.model.put(put, now)
        })
    }

    fn name(&self) -> &str {
        &self.shared.name
    }
}

/// Needs a runtime only if there is something to wait for.
async fn pass(latency: Duration) {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

impl Shared {
    fn new(name: String) -> Arc<Self> {
        let state = State { clock: Arc::new(wall_clock), model: MemoryModel::new(incarnation(), 1) };
        Arc::new(Self { name, state: Mutex::new(state) })
    }
}

struct State {
    clock: MemoryClock,
    model: MemoryModel,
}

fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Differs between any two streams made in this process, and in practice
/// between processes.
fn incarnation() -> u128 {
    static MADE: AtomicU64 = AtomicU64::new(0);
    MemoryModel::incarnation(wall_clock(), MADE.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests;
