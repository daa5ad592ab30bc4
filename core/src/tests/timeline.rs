//! The time axis: what clocks may do, and what must not come of it.

use std::vec::Vec;

use crate::random::Random;
use crate::{Time, Timeline};

const WALL: u64 = 1_790_000_000_000;

fn at(timeline: &Timeline, monotonic: u64, wall: i64) -> (u64, bool) {
    let (time, froze) = timeline.observe(monotonic, WALL.saturating_add_signed(wall));
    (time.as_millis() - WALL, froze)
}

#[test]
fn starts_at_the_wall_clock_and_follows_the_monotonic_one() {
    let timeline = Timeline::new();
    assert_eq!(at(&timeline, 5_000, 0), (0, false));
    assert_eq!(at(&timeline, 5_700, 700), (700, false));
}

#[test]
fn a_freeze_counts_whether_the_monotonic_clock_ran_or_not() {
    let timeline = Timeline::new();
    at(&timeline, 0, 0);
    assert_eq!(at(&timeline, 3_600_000, 3_600_000), (3_600_000, false));
    assert_eq!(at(&timeline, 3_600_010, 7_200_010), (7_200_010, true));
    assert_eq!(at(&timeline, 3_600_020, 7_200_020), (7_200_020, false), "reported once");
}

#[test]
fn a_restored_snapshot_counts() {
    let timeline = Timeline::new();
    at(&timeline, 9_000_000, 0);
    // The copy's machine has been up for a second only.
    assert_eq!(at(&timeline, 1_000, 86_400_000), (86_400_000, true));
}

#[test]
fn a_wall_clock_that_is_set_back_is_ignored_and_hides_no_freeze() {
    let timeline = Timeline::new();
    at(&timeline, 0, 0);
    assert_eq!(at(&timeline, 1_000, -600_000), (1_000, false));
    assert_eq!(at(&timeline, 2_000, -599_000), (2_000, false));
    // Frozen for a minute, with the monotonic clock standing still.
    assert_eq!(at(&timeline, 2_000, -539_000), (62_000, true));
}

#[test]
fn never_runs_backwards() {
    let timeline = Timeline::new();
    let mut random = Random::new(7);
    let mut last = Time::ZERO;
    for _ in 0..10_000 {
        let (time, _) = timeline.observe(random.up_to(100_000), WALL + random.up_to(10_000_000));
        assert!(time >= last);
        last = time;
    }
}

/// Two coarse clocks that tick at different moments seem to jump against each
/// other by a tick, back and forth; that must not add up.
#[test]
fn jitter_does_not_add_up() {
    let timeline = Timeline::new();
    let ticks: Vec<(u64, u64)> = (0..100_000u64).map(|ms| (ms / 4 * 4, (ms + 2) / 4 * 4)).collect();
    let mut last = Time::ZERO;
    for (monotonic, wall) in ticks {
        let (time, froze) = timeline.observe(monotonic, WALL + wall);
        assert!(!froze);
        last = time;
    }
    assert!(last.as_millis() <= WALL + 100_000 + 50, "{last:?}");
}

#[test]
fn hostile_clocks_do_not_panic() {
    let timeline = Timeline::new();
    for (monotonic, wall) in [(0, 0), (u64::MAX, 0), (0, u64::MAX), (u64::MAX, u64::MAX), (1, 1)] {
        timeline.observe(monotonic, wall);
    }
}
