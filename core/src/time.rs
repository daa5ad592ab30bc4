//! The one time axis of a cache, made from two clocks that the host reads.

use core::ops::{Add, Sub};
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use core::time::Duration;

use crate::mutant::{Mutant, active};

/// A point on the cache's own time axis, in milliseconds.
///
/// The axis starts at the wall clock's reading (milliseconds since the Unix
/// epoch) and then follows the monotonic clock, plus every forward jump of
/// the wall clock against it (contract line 8). It never runs backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The earliest time there is.
    pub const ZERO: Self = Self(0);
    /// The latest time there is; "never" where a deadline is meant.
    pub const MAX: Self = Self(u64::MAX);

    /// The time that lies `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This time moved by a signed number of milliseconds, within bounds.
    #[must_use]
    pub const fn shifted(self, millis: i64) -> Self {
        Self(self.0.saturating_add_signed(millis))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(millis(after)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(millis(before)))
    }
}

/// A duration in whole milliseconds, at most `u64::MAX`.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Makes [`Time`] from the host's two clocks.
///
/// A freeze stops the monotonic clock of some sandboxes and not of others; a
/// restored snapshot brings an old monotonic clock back. Both show as a
/// forward jump of the wall clock against the monotonic one, and so count as
/// time that passed. A wall clock that is set back is ignored, and what it
/// jumps forward from there counts. A freeze, a snapshot or a clock step can
/// thus shorten a life and never lengthen it, but for 50 ms in all.
#[derive(Debug)]
pub struct Timeline {
    /// `wall - monotonic` as far as it is accounted for, in milliseconds.
    reference: AtomicI64,
    /// What to add to the monotonic clock.
    offset: AtomicI64,
    /// The latest time given out.
    latest: AtomicU64,
}

/// Jumps shorter than this many milliseconds are not counted until they add
/// up to it: two clocks are read at slightly different moments, coarse ones
/// up to a tick apart.
const JITTER: i64 = 50;

/// A jump of at least this many milliseconds is a freeze, and cuts the loads
/// under way in two.
const FREEZE: i64 = 250;

/// In place of a reference: no clock was seen yet.
const NONE: i64 = i64::MAX;
/// In place of a reference: another thread is counting a jump.
const CHANGING: i64 = i64::MIN;

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

impl Timeline {
    /// A timeline that has seen no clock yet.
    pub const fn new() -> Self {
        Self { reference: AtomicI64::new(NONE), offset: AtomicI64::new(0), latest: AtomicU64::new(0) }
    }

    /// The time now, from readings of the monotonic clock and of the wall
    /// clock (Unix time), both in milliseconds and taken together; and whether
    /// a freeze ended just before it.
    ///
    /// Never less than what an earlier call returned, on whatever thread, so
    /// that a coarse clock that lags after a thaw cannot turn time back.
    #[inline]
    pub fn observe(&self, monotonic_ms: u64, wall_ms: u64) -> (Time, bool) {
        let apart = wall_ms.cast_signed().saturating_sub(monotonic_ms.cast_signed());
        let reference = self.reference.load(Ordering::Acquire);
        let froze = apart != reference && self.account(apart);
        let now = monotonic_ms.saturating_add_signed(self.offset.load(Ordering::Acquire));
        let latest = self.latest.load(Ordering::Relaxed);
        if now > latest {
            return (Time(self.latest.fetch_max(now, Ordering::AcqRel).max(now)), froze);
        }
        (Time(latest), froze)
    }

    /// The latest time that was given out. A host that knows its clocks not
    /// to have moved since can take it in place of [`Timeline::observe`].
    #[inline]
    pub fn latest(&self) -> Time {
        Time(self.latest.load(Ordering::Acquire))
    }

    /// Counts a jump; whether it was a freeze.
    #[cold]
    fn account(&self, apart: i64) -> bool {
        loop {
            let reference = self.reference.load(Ordering::Acquire);
            let jump = match reference {
                CHANGING => {
                    core::hint::spin_loop();
                    continue;
                }
                NONE => apart,
                _ => apart.saturating_sub(reference),
            };
            if reference != NONE && (0..JITTER).contains(&jump) {
                return false;
            }
            let swap =
                self.reference.compare_exchange(reference, CHANGING, Ordering::AcqRel, Ordering::Relaxed);
            if swap.is_err() {
                continue;
            }
            let counts = reference == NONE || (jump > 0 && !active(Mutant::FreezeIgnored));
            if counts {
                self.offset.fetch_add(jump, Ordering::AcqRel);
            }
            self.reference.store(apart, Ordering::Release);
            return reference != NONE && jump >= FREEZE;
        }
    }
}
