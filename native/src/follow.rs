//! Following in the background, for services that live long.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::shared::Shared;

/// Keeps a cache caught up while nobody reads; made by
/// [`Cache::spawn_follower`](crate::Cache::spawn_follower).
///
/// Following stops when this is dropped, and when the last clone of the cache
/// is.
#[derive(Debug)]
#[must_use = "following stops when this is dropped"]
pub struct FollowerHandle(JoinHandle<()>);

impl FollowerHandle {
    /// Stops following.
    pub fn stop(self) {
        drop(self);
    }

    /// Whether it has stopped by itself: the cache or its runtime is gone.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for FollowerHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Follows as the core paces it.
pub(crate) fn spawn<V: Clone + Send + Sync + 'static>(shared: &Arc<Shared<V>>) -> FollowerHandle {
    FollowerHandle(tokio::spawn(follow(Arc::downgrade(shared))))
}

async fn follow<V: Clone + Send + Sync + 'static>(shared: Weak<Shared<V>>) {
    while let Some(shared) = shared.upgrade() {
        shared.catch_up_for_read().await;
        let pause = pause(&shared);
        drop(shared);
        sleep(pause).await;
    }
}

/// Until the next catch-up is due; while nothing is followed, for a while.
fn pause<V: Clone + Send + Sync + 'static>(shared: &Shared<V>) -> Duration {
    let every = shared.engine.config().catch_up_every;
    let every = if every.is_zero() { Duration::from_secs(1) } else { every };
    let now = shared.precise_now();
    let least = if shared.engine.stats(now).lag.is_some() { every / 20 } else { every / 2 };
    shared.engine.catch_up_due().since(now).max(least.clamp(Duration::from_millis(5), Duration::from_secs(1)))
}
