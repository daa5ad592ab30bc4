//! When the next catch-up is tried.
//!
//! A shard gives five reads a second to the whole fleet, so that throttling
//! is the normal case. Each follower keeps an interval of its own that creeps
//! towards what the fleet can have: longer by 5 % on a throttle (by 10 % on the
//! second in a row, and so on) and shorter by 1 % on success, never reset.
//! Backoff that starts anew after each success would have every sandbox rush
//! in together again.
//!
//! The interval may grow to 1.2 × `max_lag`. With 50 caches on one shard (what
//! five reads a second give at a `max_lag` of 10 s) a bound at `max_lag` itself
//! leaves no room for a throttle: all pile up at the bound, and a third of the
//! calls is throttled. Growing with the run matters after a start, when nine
//! calls of ten are throttled (`tests/fleet.rs` measures both).

use crate::random::Random;
use crate::time::Time;

/// The least interval that grows: a throttle at an interval of zero must
/// still slow down. In microseconds.
const LEAST_THROTTLED: u64 = 100_000;
/// The least interval that a retry after a failure is reckoned from.
const LEAST_FAILED: u64 = 1_000_000;

/// A run of throttles counts no further than this.
const LONGEST_RUN: u64 = 20;

#[derive(Debug)]
pub(super) struct Pacing {
    /// In microseconds, so that one percent of a short interval counts.
    interval: u64,
    least: u64,
    most: u64,
    /// Throttles since the last success.
    run: u64,
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
            most: max_lag * 1200,
            run: 0,
            due: now.shifted(first.cast_signed()),
        }
    }

    /// Before this no reader starts a catch-up of its own accord.
    pub(super) fn due(&self) -> Time {
        self.due
    }

    pub(super) fn succeeded(&mut self, started: Time) {
        self.run = 0;
        self.interval = (self.interval - self.interval / 100).max(self.least);
        self.due = started.shifted((self.interval / 1000).cast_signed());
    }

    pub(super) fn throttled(&mut self, now: Time, random: &mut Random) {
        self.run = (self.run + 1).min(LONGEST_RUN);
        let interval = self.interval.max(LEAST_THROTTLED);
        self.interval = (interval + interval / 20 * self.run).min(self.most.max(LEAST_THROTTLED));
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
