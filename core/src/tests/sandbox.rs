//! One simulated sandbox: an engine, two clocks, and a host's bookkeeping.

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::vec::Vec;

use super::oracle::{Value, Witness};
use crate::follower::CatchUpId;
use crate::lock::Host;
use crate::{CatchUp, Config, Engine, Lease, LeaseId, Time, Write};

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
    /// A later load of the same key was begun: this one must not be stored.
    pub(super) superseded: bool,
    /// A freeze that the clocks show cut it in two: it must not be stored.
    pub(super) cut: bool,
}

/// A reader that waits for somebody's load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) arrival: Time,
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
    /// Whether the monotonic clock stands still in this freeze.
    pub(super) stands_still: bool,
    pub(super) loads: BTreeMap<LeaseId, Load>,
    pub(super) readers: Vec<Reader>,
    pub(super) writes: BTreeMap<u64, Writing>,
    /// When each catch-up under way began, in true time.
    pub(super) catch_ups: BTreeMap<CatchUpId, u64>,
    pub(super) witness: Witness,
    pub(super) hits: u64,
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
            stands_still: false,
            loads: BTreeMap::new(),
            readers: Vec::new(),
            writes: BTreeMap::new(),
            catch_ups: BTreeMap::new(),
            witness: Witness::default(),
            hits: 0,
        }
    }

    /// The sandbox's own time.
    pub(super) fn time(&self, now: u64) -> Time {
        let monotonic = now - self.stood_still - 1_000_000;
        self.engine.observe(monotonic, now.saturating_add_signed(self.skew))
    }

    pub(super) fn freeze(&mut self, now: u64, length: u64, stands_still: bool) {
        self.frozen_until = now + length;
        self.stands_still = stands_still;
        if stands_still {
            self.stood_still += length;
            for load in self.loads.values_mut() {
                load.cut |= length >= 1_500;
            }
        }
    }

    /// Ends a freeze early.
    pub(super) fn thaw(&mut self, now: u64) {
        if self.frozen_until > now && self.stands_still {
            self.stood_still -= self.frozen_until - now;
        }
        self.frozen_until = self.frozen_until.min(now);
    }

    /// Notes a catch-up that may just have begun.
    pub(super) fn note(&mut self, catch_up: CatchUp, now: u64) {
        if let CatchUp::Running(id) = catch_up {
            self.catch_ups.entry(id).or_insert(now);
        }
    }

    pub(super) fn own_version(&self, key: usize) -> usize {
        self.witness.own.get(&key).copied().unwrap_or(0)
    }
}
