//! The only file that reads a clock.
//!
//! The core wants the monotonic clock and the wall clock *taken together*:
//! what lies between them tells it of a freeze. A thread that is preempted
//! between two readings must not look like one, so that a pair which differs
//! from the last is taken again, with the wall clock between two readings of
//! the monotonic one.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Both clocks, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The monotonic clock, since some moment of its own.
    pub monotonic: u64,
    /// The wall clock, since the Unix epoch.
    pub wall: u64,
}

/// Where a cache has its time from.
#[derive(Debug)]
pub struct Clock {
    manual: Option<Arc<ManualClock>>,
    /// The last `wall - monotonic`, in milliseconds.
    apart: AtomicI64,
    /// The last tick that was passed on.
    passed: AtomicI64,
}

/// What the coarse wall clock shows from one interrupt of the system's timer
/// to the next. While it stays the same, no coarse clock moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick(i64);

/// A clock without ticks.
const NO_TICK: i64 = i64::MIN;

/// How far behind a coarse reading may be: two ticks of the slowest timer that
/// Linux has (100 Hz), for a virtual machine can be late with one.
#[cfg(target_os = "linux")]
pub const RESOLUTION: Duration = Duration::from_millis(20);
/// How far behind a reading may be: it is in whole milliseconds.
#[cfg(not(target_os = "linux"))]
pub const RESOLUTION: Duration = Duration::from_millis(1);

/// Differences up to this are rounding, or the wall clock being slewed.
const ROUNDING: u64 = 1;
/// Readings of the monotonic clock that lie further apart than this, in
/// nanoseconds, do not count as taken together.
const TOGETHER: i64 = 500_000;

impl Clock {
    /// The system's clocks, or `manual`.
    pub fn new(manual: Option<Arc<ManualClock>>) -> Self {
        Self { manual, apart: AtomicI64::new(i64::MIN), passed: AtomicI64::new(i64::MAX) }
    }

    /// For the hit path: one clock, a few nanoseconds. If the tick was passed
    /// on already, a reading would tell nothing new.
    #[inline]
    pub fn tick(&self) -> Tick {
        Tick(if self.manual.is_some() { NO_TICK } else { system::tick() })
    }

    /// Whether a reading of this tick was passed on.
    #[inline]
    pub fn passed(&self, tick: Tick) -> bool {
        self.passed.load(Ordering::Acquire) == tick.0
    }

    /// To be called when a reading taken after `tick` was passed on.
    pub fn pass(&self, tick: Tick) {
        if tick.0 != NO_TICK {
            self.passed.store(tick.0, Ordering::Release);
        }
    }

    /// Up to a tick (some milliseconds) behind.
    pub fn coarse(&self) -> Reading {
        if let Some(manual) = &self.manual {
            return manual.reading();
        }
        let (monotonic, wall) = (system::coarse_monotonic(), system::coarse_wall());
        let apart = self.apart.load(Ordering::Relaxed);
        if to_millis(wall - monotonic).abs_diff(apart) <= ROUNDING {
            return reading(monotonic, apart);
        }
        self.precise()
    }

    /// For the start of an invocation, a load or a catch-up: right after a
    /// thaw the coarse clocks may still show the time of the freeze.
    pub fn precise(&self) -> Reading {
        if let Some(manual) = &self.manual {
            return manual.reading();
        }
        let (monotonic, apart) = together();
        let (apart, known) = (to_millis(apart), self.apart.load(Ordering::Relaxed));
        if apart.abs_diff(known) <= ROUNDING {
            return reading(monotonic, known);
        }
        self.apart.store(apart, Ordering::Relaxed);
        reading(monotonic, apart)
    }

    /// The monotonic clock, to measure how long something took.
    pub fn monotonic(&self) -> Duration {
        match &self.manual {
            Some(manual) => Duration::from_millis(manual.reading().monotonic),
            None => Duration::from_nanos(system::monotonic().unsigned_abs()),
        }
    }
}

/// The monotonic clock, and how far the wall clock is from it; nanoseconds.
fn together() -> (i64, i64) {
    let mut best = (0, 0, i64::MAX);
    for _ in 0..4 {
        let before = system::monotonic();
        let wall = system::wall();
        let after = system::monotonic();
        let width = after - before;
        if width < best.2 {
            best = (after, wall - before - width / 2, width);
        }
        if width <= TOGETHER {
            break;
        }
    }
    (best.0, best.1)
}

const fn to_millis(nanos: i64) -> i64 {
    nanos.div_euclid(1_000_000)
}

const fn reading(monotonic_nanos: i64, apart_millis: i64) -> Reading {
    let monotonic = to_millis(monotonic_nanos).unsigned_abs();
    Reading { monotonic, wall: monotonic.saturating_add_signed(apart_millis) }
}

/// A number that differs from process to process, and from one restored copy
/// of a snapshot to the next: the standard library's random keys are part of
/// a snapshot, the time is not.
#[must_use]
pub fn entropy() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_i64(system::wall());
    hasher.write_i64(system::monotonic());
    hasher.write_u32(std::process::id());
    hasher.finish()
}

/// A clock for tests and demonstrations, that can be moved by hand.
///
/// It runs along with tokio's clock (which a test can pause) and can jump:
/// [`advance`](Self::advance) lets time pass, [`freeze`](Self::freeze) stops
/// the monotonic clock meanwhile, as a sandbox that is frozen does.
#[derive(Debug)]
pub struct ManualClock {
    start: Instant,
    /// Milliseconds to add to what has elapsed since `start`.
    monotonic: AtomicU64,
    wall: AtomicU64,
}

impl ManualClock {
    /// A clock whose wall clock shows the time of now.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let wall = to_millis(system::wall()).unsigned_abs();
        Arc::new(Self {
            start: Instant::now(),
            monotonic: AtomicU64::new(1_000_000),
            wall: AtomicU64::new(wall),
        })
    }

    /// Lets this much time pass on both clocks. Counts milliseconds.
    pub fn advance(&self, by: Duration) {
        self.monotonic.fetch_add(millis(by), Ordering::SeqCst);
        self.wall.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Lets this much time pass on the wall clock only: the sandbox was frozen.
    pub fn freeze(&self, by: Duration) {
        self.wall.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// The wall clock, in milliseconds since the Unix epoch.
    pub fn wall_millis(&self) -> u64 {
        self.reading().wall
    }

    fn reading(&self) -> Reading {
        let elapsed = millis(Instant::now().saturating_duration_since(self.start));
        Reading {
            monotonic: elapsed + self.monotonic.load(Ordering::SeqCst),
            wall: elapsed + self.wall.load(Ordering::SeqCst),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The system's clocks, in nanoseconds.
#[cfg(target_os = "linux")]
mod system {
    use rustix::time::{ClockId, clock_gettime};

    #[inline]
    fn nanos(clock: ClockId) -> i64 {
        let time = clock_gettime(clock);
        time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
    }

    #[inline]
    pub(super) fn coarse_monotonic() -> i64 {
        nanos(ClockId::MonotonicCoarse)
    }

    #[inline]
    pub(super) fn coarse_wall() -> i64 {
        nanos(ClockId::RealtimeCoarse)
    }

    #[inline]
    pub(super) fn tick() -> i64 {
        coarse_wall()
    }

    pub(super) fn monotonic() -> i64 {
        nanos(ClockId::Monotonic)
    }

    pub(super) fn wall() -> i64 {
        nanos(ClockId::Realtime)
    }
}

/// The system's clocks, in nanoseconds.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    fn nanos(duration: Duration) -> i64 {
        i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
    }

    pub(super) use monotonic as coarse_monotonic;
    pub(super) use wall as coarse_wall;

    /// Without coarse clocks a millisecond has to do.
    pub(super) fn tick() -> i64 {
        wall().div_euclid(1_000_000)
    }

    pub(super) fn monotonic() -> i64 {
        nanos(START.elapsed())
    }

    pub(super) fn wall() -> i64 {
        nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_and_precise_agree_on_how_far_the_clocks_are_apart() {
        let clock = Clock::new(None);
        let first = clock.precise();
        for _ in 0..10_000 {
            let coarse = clock.coarse();
            assert!((coarse.wall - coarse.monotonic).abs_diff(first.wall - first.monotonic) <= 2);
            assert!(coarse.monotonic + 50 >= first.monotonic);
        }
    }

    #[test]
    fn entropy_differs() {
        assert_ne!(entropy(), entropy());
    }

    #[tokio::test(start_paused = true)]
    async fn a_manual_clock_runs_with_tokio_and_jumps_by_hand() {
        let manual = ManualClock::new();
        let clock = Clock::new(Some(Arc::clone(&manual)));
        let before = clock.coarse();
        tokio::time::advance(Duration::from_millis(20)).await;
        manual.advance(Duration::from_millis(300));
        manual.freeze(Duration::from_secs(5));
        let after = clock.precise();
        assert_eq!(after.monotonic - before.monotonic, 320);
        assert_eq!(after.wall - before.wall, 5320);
    }
}
