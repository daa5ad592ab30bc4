//! One simulated sandbox: an engine, two clocks, and a host's bookkeeping.

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::vec::Vec;

use super::oracle::{Value, Witness};
use crate::follower::CatchUpId;
use crate::lock::Host;
use crate::{Arrival, CatchUp, Config, Engine, Lease, LeaseId, Time, Write};

#[derive(Debug)]
pub(super) struct SimHost;

impl Host for SimHost {
    type Value = Value;
    type Flight = ();
    type Cell<T> = RefCell<T>;
}

/// A load under way.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) lease: Lease,
    pub(super) key: usize,
    pub(super) began: u64,
    /// What the database gave, once it did.
    pub(super) value: Option<Value>,
    pub(super) waiters: Vec<Waiter>,
    /// Whether the reader who began it waits for it, too.
    pub(super) led: bool,
    /// A later load of the same key was begun: this one must not be stored.
    pub(super) superseded: bool,
    /// A freeze that the clocks show cut it in two: it must not be stored.
    pub(super) cut: bool,
}

/// A reader that waits for somebody's load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) arrival: Arrival,
    /// What the reader could count on when it came.
    pub(super) caught_up: u64,
    pub(super) own: usize,
    pub(super) loads: u32,
}

/// A reader that waits for a catch-up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) key: usize,
    pub(super) deadline: Time,
    pub(super) waits_for: CatchUpId,
    /// That one began before the reader came: when it has ended, ask again.
    pub(super) earlier: bool,
}

/// An own invalidation on its way, and what it tells of.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) write: Write,
    pub(super) changes: Vec<(usize, usize)>,
}

pub(super) struct Sandbox {
    pub(super) engine: Engine<SimHost>,
    /// What the wall clock shows beside the truth.
    pub(super) skew: i64,
    /// How long the monotonic clock stood still, and where it began.
    pub(super) stood_still: u64,
    pub(super) frozen_until: u64,
    /// When the timer that is set goes off.
    pub(super) timer: Option<u64>,
    /// Since when the monotonic clock stands still in this freeze.
    pub(super) still_since: Option<u64>,
    pub(super) loads: BTreeMap<LeaseId, Load>,
    pub(super) readers: Vec<Reader>,
    pub(super) writes: BTreeMap<u64, Writing>,
    /// When each catch-up under way began, in true time.
    pub(super) catch_ups: BTreeMap<CatchUpId, u64>,
    pub(super) witness: Witness,
    pub(super) tally: Tally,
}

/// How readers were served.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) hits: u64,
    /// Past the lifetime.
    pub(super) stale: u64,
    /// By what was left when a load failed.
    pub(super) on_error: u64,
    /// Refreshes before the end of the lifetime.
    pub(super) ahead: u64,
    /// Loads whose value was not to be kept.
    pub(super) not_kept: u64,
}

impl Tally {
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            stale: self.stale + other.stale,
            on_error: self.on_error + other.on_error,
            ahead: self.ahead + other.ahead,
            not_kept: self.not_kept + other.not_kept,
        }
    }
}

impl Sandbox {
    pub(super) fn new(config: Config, seed: u64, skew: i64, now: u64) -> Self {
        let wall = now.saturating_add_signed(skew);
        let engine = Engine::new(config, seed, Time::from_millis(wall)).expect("the configuration is sound");
        Self {
            engine,
            skew,
            stood_still: 0,
            frozen_until: 0,
            timer: None,
            still_since: None,
            loads: BTreeMap::new(),
            readers: Vec::new(),
            writes: BTreeMap::new(),
            catch_ups: BTreeMap::new(),
            witness: Witness::default(),
            tally: Tally::default(),
        }
    }

    /// The sandbox's own time.
    pub(super) fn time(&self, now: u64) -> Time {
        let monotonic = now - self.stood_still - 1_000_000;
        self.engine.observe(monotonic, now.saturating_add_signed(self.skew))
    }

    pub(super) fn freeze(&mut self, now: u64, length: u64, stands_still: bool) {
        self.frozen_until = now + length;
        self.still_since = stands_still.then_some(now);
    }

    /// Ends a freeze early.
    pub(super) fn thaw(&mut self, now: u64) {
        self.frozen_until = self.frozen_until.min(now);
    }

    /// The first thing after a freeze: the monotonic clock runs on, and the
    /// host looks at both clocks. (If the wall clock were set back before that
    /// look, nobody could tell how long the freeze was.)
    pub(super) fn wake(&mut self, now: u64) {
        if let Some(since) = self.still_since.take() {
            let length = self.frozen_until.saturating_sub(since);
            self.stood_still += length;
            for load in self.loads.values_mut() {
                load.cut |= length >= 400;
            }
            self.time(now);
        }
    }

    /// Notes a catch-up that may just have begun.
    pub(super) fn note(&mut self, catch_up: CatchUp, now: u64) {
        if let CatchUp::Running(id) = catch_up {
            self.catch_ups.entry(id).or_insert(now);
        }
    }

    /// A reader comes for a key.
    pub(super) fn arrive(&self, key: usize) -> Waiter {
        let (arrival, caught_up) = (self.engine.arrive(), self.witness.caught_up);
        Waiter { arrival, caught_up, own: self.own_version(key), loads: 0 }
    }

    fn own_version(&self, key: usize) -> usize {
        self.witness.own.get(&key).copied().unwrap_or(0)
    }
}
