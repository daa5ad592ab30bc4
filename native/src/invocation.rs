//! One invocation of a function, from its event to its answer.

use std::sync::Arc;
use std::time::Duration;

use snowmelt_core::Stats;

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

/// What a cache did during an invocation.
///
/// Taken from the cache's counters: where invocations overlap, each report
/// holds what all of them did in its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvocationReport {
    /// How long the invocation took.
    pub took: Duration,
    /// The load times that hits avoided.
    pub time_saved: Duration,
    /// The time spent catching up.
    pub time_spent: Duration,
    /// Reads that were served from memory.
    pub hits: u64,
    /// Reads that were not.
    pub misses: u64,
    /// Loads that began.
    pub loads: u64,
    /// Catch-ups that did not reach the tip: failed, throttled, out of budget.
    pub catch_ups_missed: u64,
    /// Times that everything was dropped because continuity was in doubt.
    pub gaps: u64,
    /// How far behind the stream the cache is at the end; `None` while it
    /// follows nothing.
    pub lag: Option<Duration>,
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
        let (before, after) = (&self.before, self.shared.engine.stats(now));
        self.shared.engine.end_invocation();
        let missed = |stats: &Stats| stats.catch_ups_failed + stats.catch_ups_throttled;
        let report = InvocationReport {
            took: self.shared.clock.monotonic().saturating_sub(self.began),
            time_saved: after.time_saved.saturating_sub(before.time_saved),
            time_spent: after.time_spent.saturating_sub(before.time_spent),
            hits: after.hits.saturating_sub(before.hits),
            misses: after.misses.saturating_sub(before.misses),
            loads: after.loads.saturating_sub(before.loads),
            catch_ups_missed: missed(&after).saturating_sub(missed(before)),
            gaps: after.gaps.saturating_sub(before.gaps),
            lag: after.lag,
        };
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
