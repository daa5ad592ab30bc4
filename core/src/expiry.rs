//! How long an entry lives and how stale it may be (contract lines 3 and 8).

use core::time::Duration;

use crate::mutant::{Mutant, active};
use crate::random::scale;
use crate::time::{Time, millis};

/// The bounds that a cache was configured with, in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Shortest lifetime.
    pub ttl_min: u64,
    /// Longest lifetime.
    pub ttl_max: u64,
    /// Soft bound on staleness; 0 means "once in each invocation".
    pub catch_up_every: u64,
    /// Hard bound on staleness.
    pub max_lag: u64,
    /// How far behind `now` may be.
    pub resolution: u64,
}

/// The times of one entry. Of whole words, though less would do: what is made
/// of halves and copied as a whole is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// When the load began: the value is at least as new as that.
    pub start: Time,
    /// Lifetime in milliseconds from `start`, of 32 bits.
    pub life: u64,
    /// Shortens the hard bound by `spread / 256` of a fifth; below 256.
    pub spread: u64,
}

/// What may be done with an entry that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Serve it.
    Fresh,
    /// Try to catch up first; serve it if that takes too long.
    Due,
    /// Past the hard bound: load anew.
    TooOld,
    /// Past its lifetime: load anew.
    Expired,
}

impl Bounds {
    /// The times of an entry whose load began at `start`.
    ///
    /// The lifetime is drawn uniformly from the configured window, or is
    /// `ttl` if the caller gave one (longest: 49 days).
    pub(crate) fn timing(&self, start: Time, ttl: Option<Duration>, random: u64) -> Timing {
        let life = match ttl {
            Some(ttl) => millis(ttl),
            None => self.ttl_min + scale(random, self.ttl_max - self.ttl_min),
        };
        let spread = u64::from(random.to_le_bytes()[0]);
        Timing { start, life: self.on_time(life).min(u32::MAX.into()), spread }
    }

    /// Whether an entry may be served at `now` by a cache that has applied
    /// the stream up to `as_of`.
    ///
    /// `boundary` is when the current invocation began; it counts where
    /// `catch_up_every` is 0.
    #[inline]
    pub(crate) fn judge(&self, timing: Timing, as_of: Time, boundary: Time, now: Time) -> Freshness {
        if timing.expired(now) {
            return Freshness::Expired;
        }
        let good = timing.start.max(as_of);
        let lag = now.as_millis().saturating_sub(good.as_millis());
        if lag > self.catch_up_every {
            if lag > self.hard_bound(timing) && !active(Mutant::NoHardBound) {
                return Freshness::TooOld;
            }
            if self.catch_up_every > 0 || good < boundary {
                return Freshness::Due;
            }
        }
        Freshness::Fresh
    }

    /// `max_lag`, less this entry's share of the spread.
    fn hard_bound(&self, timing: Timing) -> u64 {
        self.on_time(self.max_lag) - self.max_lag / 5 * timing.spread / 256
    }

    /// A bound that is kept although the clock may be behind.
    fn on_time(&self, bound: u64) -> u64 {
        bound - self.resolution.min(bound / 5)
    }
}

impl Timing {
    /// Whether the lifetime is over.
    #[inline]
    pub(crate) fn expired(self, now: Time) -> bool {
        now >= self.expires()
    }

    /// When the lifetime is over.
    #[inline]
    pub(crate) fn expires(self) -> Time {
        Time::from_millis(self.start.as_millis().saturating_add(self.life))
    }

    /// As an entry keeps them.
    #[expect(clippy::cast_possible_truncation, reason = "of 32 and 8 bits, see above")]
    pub(crate) const fn packed(self) -> (Time, u32, u8) {
        (self.start, self.life as u32, self.spread as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A read is judged by what a clock that is behind says, and must keep the
    /// bounds in real time.
    #[test]
    fn a_clock_that_is_behind_keeps_the_bounds() {
        let bounds =
            Bounds { ttl_min: 1_000, ttl_max: 1_000, catch_up_every: 0, max_lag: 400, resolution: 20 };
        let start = Time::from_millis(10_000);
        let shown = |real: u64| Time::from_millis(10_000 + real - 20);
        let judge = |timing, as_of, real| bounds.judge(timing, as_of, Time::ZERO, shown(real));
        for draw in 0..256 {
            let timing = bounds.timing(start, None, draw);
            assert_eq!(judge(timing, start, 401), Freshness::TooOld);
            assert_eq!(judge(timing, Time::MAX, 1_000), Freshness::Expired);
            assert_eq!(judge(timing, Time::MAX, 999), Freshness::Fresh);
        }
        assert_eq!(judge(bounds.timing(start, None, 0), start, 400), Freshness::Fresh);
        // What is shorter than the clock's steps loses a fifth.
        let short = bounds.timing(start, Some(Duration::from_millis(10)), 0);
        assert_eq!(short.life, 8);
    }
}
