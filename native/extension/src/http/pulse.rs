//! Time in which the process ran, in ticks.
//!
//! A sandbox is frozen between invocations. When it thaws, all timers fire at
//! once, and what clients sent before or during the freeze still waits in the
//! sockets. A tick that came late therefore tells of a freeze (or of a process
//! that had no time, which is the same for a client) and is not held against
//! anybody; and a request that is read before things are in order again may
//! be as old as the freeze.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;

/// How late a tick may be. A tick (500 ms) and this are the longest freeze that
/// goes unnoticed: less than the margin that the cache allows for, which is at
/// least 1 s.
const LATE: Duration = Duration::from_millis(400);

/// After a freeze, the time in which what waited in the sockets is read.
const SETTLES: Duration = Duration::from_millis(3);

/// The count, and what is known of freezes.
#[derive(Debug)]
pub(super) struct Pulse {
    tick: Duration,
    count: AtomicU64,
    /// When the process last was known to run, in milliseconds since 1970.
    last: AtomicU64,
    /// It was frozen after `last`, and does not run in order again yet.
    thawing: AtomicBool,
    freezes: AtomicU64,
}

impl Pulse {
    pub(super) fn new(tick: Duration) -> Self {
        Self {
            tick,
            count: AtomicU64::new(1),
            last: AtomicU64::new(wall()),
            thawing: AtomicBool::new(false),
            freezes: AtomicU64::new(0),
        }
    }

    /// How many ticks came in time so far.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How many freezes there were so far.
    pub(super) fn freezes(&self) -> u64 {
        self.freezes.load(Ordering::Relaxed)
    }

    /// Whether what is read now may have been sent before a freeze.
    pub(super) fn thawing(&self) -> bool {
        self.thawing.load(Ordering::Relaxed) || self.late()
    }

    fn late(&self) -> bool {
        let passed = wall().abs_diff(self.last.load(Ordering::Relaxed));
        u128::from(passed) > (self.tick + LATE).as_millis()
    }

    /// Ticks for ever; `each` is called for each tick that came in time.
    pub(super) async fn beat(&self, mut each: impl FnMut(u64)) {
        self.last.store(wall(), Ordering::Relaxed);
        loop {
            sleep(self.tick).await;
            if self.late() {
                self.thaw().await;
            } else {
                each(self.count.fetch_add(1, Ordering::Relaxed) + 1);
            }
            self.last.store(wall(), Ordering::Relaxed);
        }
    }

    /// Lets what waits in the sockets be read first.
    async fn thaw(&self) {
        self.thawing.store(true, Ordering::Relaxed);
        self.freezes.fetch_add(1, Ordering::Relaxed);
        sleep(SETTLES).await;
        self.thawing.store(false, Ordering::Relaxed);
    }
}

/// The wall clock: it goes on while the sandbox does not.
fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
