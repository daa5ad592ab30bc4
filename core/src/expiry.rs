//! How long an entry lives and how stale it may be (contract lines 3 and 8).

use core::time::Duration;

use crate::config::Config;
use crate::mutant::{Mutant, active};
use crate::random::{mix, scale};
use crate::refresh::{self, Refresh};
use crate::time::{Time, millis};

/// The bounds that a cache was configured with, in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    ttl_min: u64,
    ttl_max: u64,
    /// 0 means "once in each invocation".
    catch_up_every: u64,
    max_lag: u64,
    /// How far behind `now` may be.
    resolution: u64,
    refresh: Refresh,
    negative_ttl: Option<Duration>,
}

/// The times of one entry, in milliseconds. Of whole words, though less would
/// do: what is made of halves and copied as a whole is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// When the load began: the value is at least as new as that.
    pub start: Time,
    /// For so long from `start` it is served and no more is thought of; then
    /// it is to be refreshed ahead. At most `life`.
    pub calm: u64,
    /// Lifetime from `start`, of 32 bits.
    pub life: u64,
    /// For how long after its life it may be served while it is loaded anew,
    /// of 32 bits.
    pub stale: u64,
    /// For how long after its life it may be served if it cannot be loaded, of
    /// 32 bits.
    pub rescue: u64,
    /// Shortens the hard bound by `spread / 256` of a fifth; below 256.
    pub spread: u64,
}

/// What the caller wishes of a value's times.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    pub ttl: Option<Duration>,
    pub refresh: Refresh,
    pub absent: bool,
}

/// Where in its life an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Age {
    Fresh,
    /// Fresh, and past the share from which it is refreshed ahead.
    Late,
    /// Past its lifetime; may be served while it is loaded anew.
    Stale,
    /// May be served if it cannot be loaded anew.
    Kept,
    /// For nobody.
    Gone,
}

/// Whether the stream was applied lately enough for an entry to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lag {
    Within,
    /// Try to catch up first; serve it if that takes too long.
    Due,
    /// Past the hard bound: load anew.
    TooLong,
}

impl Bounds {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            ttl_min: millis(config.ttl_min),
            ttl_max: millis(config.ttl_max),
            catch_up_every: millis(config.catch_up_every),
            max_lag: millis(config.max_lag),
            resolution: millis(config.clock_resolution),
            refresh: Refresh {
                stale_while_revalidate: Some(config.stale_while_revalidate),
                stale_if_error: Some(config.stale_if_error),
                refresh_ahead: Some(config.refresh_ahead),
            },
            negative_ttl: config.negative_ttl,
        }
    }

    /// The times of an entry whose load began at `start`.
    ///
    /// The lifetime is drawn uniformly from the configured window, or is
    /// `ttl` if the caller gave one (longest: 49 days). What is not there has
    /// `negative_ttl`, or the caller's if that is shorter, and no window:
    /// nobody is better off with an old "no".
    pub(crate) fn timing(&self, start: Time, wish: Wish, random: u64) -> Timing {
        let negative = self.negative_ttl.filter(|_| wish.absent && !active(Mutant::AbsentLivesOn));
        let ttl = wish.ttl.filter(|ttl| !ttl.is_zero() || !active(Mutant::ZeroKept));
        let life = match ttl.into_iter().chain(negative).min() {
            Some(ttl) => millis(ttl),
            None => self.ttl_min + scale(random, self.ttl_max - self.ttl_min),
        };
        let none = Some(Duration::ZERO);
        let Refresh { stale_while_revalidate, stale_if_error, refresh_ahead } = wish.refresh;
        let (stale, rescue) = if negative.is_some() || life == 0 {
            (none, none)
        } else {
            (stale_while_revalidate, stale_if_error)
        };
        let share = refresh_ahead.or(self.refresh.refresh_ahead).unwrap_or_default();
        let life = self.on_time(life).min(u32::MAX.into());
        Timing {
            start,
            calm: share.of(life).unwrap_or(life),
            life,
            stale: window(stale.or(self.refresh.stale_while_revalidate)),
            rescue: window(rescue.or(self.refresh.stale_if_error)),
            spread: u64::from(random.to_le_bytes()[0]),
        }
    }

    /// Whether an entry may be served at `now` by a cache that has applied
    /// the stream up to `as_of`.
    ///
    /// `boundary` is when the current invocation began; it counts where
    /// `catch_up_every` is 0.
    #[inline]
    pub(crate) fn lag(&self, timing: &Timing, as_of: Time, boundary: Time, now: Time) -> Lag {
        let good = timing.start.max(as_of);
        let lag = now.as_millis().saturating_sub(good.as_millis());
        if lag > self.catch_up_every {
            if lag > self.hard_bound(timing) && !active(Mutant::NoHardBound) {
                return Lag::TooLong;
            }
            if self.catch_up_every > 0 || good < boundary {
                return Lag::Due;
            }
        }
        Lag::Within
    }

    /// Whether an entry that cannot be loaded anew may be served, past its
    /// lifetime or the hard bound: each by `stale_if_error` at most.
    pub(crate) fn rescues(&self, timing: &Timing, as_of: Time, now: Time) -> bool {
        let lag = now.since(timing.start.max(as_of));
        let late = now.since(timing.expires());
        timing.rescue > 0
            && millis(late) < timing.rescue
            && (millis(lag) < self.hard_bound(timing) + timing.rescue || active(Mutant::RescueAnyLag))
    }

    /// `max_lag`, less this entry's share of the spread.
    fn hard_bound(&self, timing: &Timing) -> u64 {
        self.on_time(self.max_lag) - self.max_lag / 5 * timing.spread / 256
    }

    /// A bound that is kept although the clock may be behind.
    fn on_time(&self, bound: u64) -> u64 {
        bound - self.resolution.min(bound / 5)
    }
}

fn window(duration: Option<Duration>) -> u64 {
    millis(duration.unwrap_or_default()).min(u32::MAX.into())
}

impl Timing {
    /// Whether it is fresh, and not to be refreshed ahead either.
    #[inline]
    pub(crate) fn is_calm(&self, now: Time) -> bool {
        now < self.late_from()
    }

    /// Where in its life the entry is.
    pub(crate) fn age(&self, now: Time) -> Age {
        if now < self.expires() {
            return if self.is_calm(now) { Age::Fresh } else { Age::Late };
        }
        let late = millis(now.since(self.expires()));
        if late < self.stale || (self.stale > 0 && active(Mutant::WindowEndless)) {
            Age::Stale
        } else if late < self.rescue {
            Age::Kept
        } else {
            Age::Gone
        }
    }

    /// Whether a reader who comes at `now`, past the share, refreshes it.
    /// `seed` is the key's and the cache's.
    pub(crate) fn draws_refresh(&self, took: u64, now: Time, seed: u64) -> bool {
        let (end, from) = (self.expires(), self.late_from());
        let (remaining, window) = (millis(end.since(now)), millis(end.since(from)));
        refresh::draws(remaining, window, took, mix(seed ^ self.start.as_millis()))
    }

    /// When the lifetime is over.
    #[inline]
    pub(crate) fn expires(&self) -> Time {
        Time::from_millis(self.start.as_millis().saturating_add(self.life))
    }

    /// When it is for nobody any more.
    #[inline]
    pub(crate) fn ends(&self) -> Time {
        Time::from_millis(self.start.as_millis().saturating_add(self.retention()))
    }

    /// For how long after its start it can be of use.
    pub(crate) const fn retention(&self) -> u64 {
        self.life + if self.stale > self.rescue { self.stale } else { self.rescue }
    }

    #[inline]
    fn late_from(&self) -> Time {
        Time::from_millis(self.start.as_millis().saturating_add(self.calm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A read is judged by what a clock that is behind says, and must keep the
    /// bounds in real time.
    #[test]
    fn a_clock_that_is_behind_keeps_the_bounds() {
        let second = Duration::from_secs(1);
        let config = Config {
            ttl_min: second,
            ttl_max: second,
            catch_up_every: Duration::ZERO,
            max_lag: Duration::from_millis(400),
            clock_resolution: Duration::from_millis(20),
            ..Config::default()
        };
        let bounds = Bounds::new(&config);
        let start = Time::from_millis(10_000);
        let shown = |real: u64| Time::from_millis(10_000 + real - 20);
        let lag = |timing: &Timing, real| bounds.lag(timing, start, Time::ZERO, shown(real));
        for draw in 0..256 {
            let timing = bounds.timing(start, Wish::default(), draw);
            assert_eq!(lag(&timing, 401), Lag::TooLong);
            assert_eq!((timing.age(shown(999)), timing.age(shown(1_000))), (Age::Fresh, Age::Gone));
        }
        assert_eq!(lag(&bounds.timing(start, Wish::default(), 0), 400), Lag::Within);
        // What is shorter than the clock's steps loses a fifth.
        let wish = Wish { ttl: Some(Duration::from_millis(10)), ..Wish::default() };
        let short = bounds.timing(start, wish, 0);
        assert_eq!(short.life, 8);
    }
}
