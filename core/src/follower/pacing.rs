//! When the next catch-up is tried.
//!
//! A shard gives five reads a second to the whole fleet, so that throttling
//! is the normal case. Each follower keeps an interval of its own that creeps
//! towards what the fleet can have: multiplied by 1.05 on a throttle and by
//! 0.99 on success, never reset. Backoff that starts anew after each success
//! would have every sandbox rush in together again.

use crate::random::Random;
use crate::time::Time;

/// The least interval that grows: a throttle at an interval of zero must
/// still slow down. In microseconds.
const LEAST_THROTTLED: u64 = 100_000;
/// The least interval that a retry after a failure is reckoned from.
const LEAST_FAILED: u64 = 1_000_000;

#[derive(Debug)]
pub(super) struct Pacing {
    /// In microseconds, so that one percent of a short interval counts.
    interval: u64,
    least: u64,
    most: u64,
    due: Time,
}

impl Pacing {
    /// For bounds in milliseconds. The first catch-up is put off by a random
    /// part of the interval, so that a fleet that starts together spreads.
    pub(super) fn new(catch_up_every: u64, max_lag: u64, now: Time, random: &mut Random) -> Self {
        let first = catch_up_every + random.up_to(catch_up_every);
        Self {
            interval: catch_up_every * 1000,
            least: catch_up_every * 1000,
            most: max_lag * 1000,
            due: now.shifted(first.cast_signed()),
        }
    }

    /// Before this no reader starts a catch-up of its own accord.
    pub(super) fn due(&self) -> Time {
        self.due
    }

    pub(super) fn succeeded(&mut self, started: Time) {
        self.interval = (self.interval - self.interval / 100).max(self.least);
        self.due = started.shifted((self.interval / 1000).cast_signed());
    }

    pub(super) fn throttled(&mut self, now: Time, random: &mut Random) {
        let interval = self.interval.max(LEAST_THROTTLED);
        self.interval = (interval + interval / 20).min(self.most.max(LEAST_THROTTLED));
        self.retry(self.interval, now, random);
    }

    pub(super) fn failed(&mut self, now: Time, random: &mut Random) {
        self.retry(self.interval.max(LEAST_FAILED), now, random);
    }

    /// Tries again after 5 to 20 % of an interval.
    fn retry(&mut self, interval: u64, now: Time, random: &mut Random) {
        let after = interval / 20 + random.up_to(interval * 3 / 20);
        self.due = now.shifted((after / 1000).max(1).cast_signed());
    }
}
