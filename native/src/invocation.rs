//! One invocation of a function, from its event to its answer.

use std::sync::Arc;
use std::time::Duration;

use snowmelt_core::{InvocationReport, Stats};

use crate::shared::Shared;

/// An invocation under way; made by [`Cache::invocation`](crate::Cache::invocation).
///
/// When it ends, by [`finish`](Self::finish) or by being dropped, it reports
/// what the cache did meanwhile, in the way the builder's `report` says.
#[derive(Debug)]
#[must_use = "the invocation ends when this is dropped"]
pub struct Invocation<V: Clone + Send + Sync + 'static> {
    shared: Arc<Shared<V>>,
    before: Stats,
    /// On the monotonic clock.
    began: Duration,
    ended: bool,
}

impl<V: Clone + Send + Sync + 'static> Invocation<V> {
    pub(crate) async fn begin(shared: Arc<Shared<V>>) -> Self {
        let now = shared.precise_now();
        shared.engine.begin_invocation(now);
        let (before, began) = (shared.engine.stats(now), shared.clock.monotonic());
        // Made before anything is awaited, so that it ends if this is dropped.
        let invocation = Self { shared, before, began, ended: false };
        invocation.shared.catch_up_for_read().await;
        invocation
    }

    /// Ends the invocation and reports it.
    pub fn finish(mut self) -> InvocationReport {
        self.end()
    }

    fn end(&mut self) -> InvocationReport {
        self.ended = true;
        let now = self.shared.precise_now();
        let after = self.shared.engine.stats(now);
        self.shared.engine.end_invocation();
        let took = self.shared.clock.monotonic().saturating_sub(self.began);
        let report = InvocationReport::between(&self.before, &after, took);
        let stream = self.shared.engine.config().stream.as_deref();
        self.shared.reporter.report(stream, &report, now);
        report
    }
}

impl<V: Clone + Send + Sync + 'static> Drop for Invocation<V> {
    fn drop(&mut self) {
        if !self.ended {
            self.end();
        }
    }
}
