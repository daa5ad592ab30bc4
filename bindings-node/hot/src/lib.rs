//! What a hit passes through: the cache's parts, its clock, the slots of its
//! values, and (for Node) the functions that JavaScript calls.
//!
//! A crate of its own, because cargo optimises by the crate: this one for
//! speed, the rest of the addon for size (`[profile.packages]`).

// Allowed in one place only: the functions for Node.
#![deny(unsafe_code)]

use std::cell::{Ref, RefCell};

use snowmelt_core::{Config, ConfigError, Engine, Loaded, Lookup, Time, Timeline};

mod clock;
#[cfg(not(target_family = "wasm"))]
#[expect(unsafe_code, reason = "a class method costs more than a hit")]
mod functions;
mod host;
mod slot;

pub use clock::Clock;
#[cfg(target_family = "wasm")]
pub use clock::wall_millis;
#[cfg(not(target_family = "wasm"))]
pub use functions::functions;
pub use host::JsHost;
pub use slot::{Slot, Slots};

/// What is given instead of a slot; the numbers of `js/binding.ts`.
pub const MISS: i32 = -1;
/// A catch-up is due.
pub const DUE: i32 = -2;
/// The key is no string.
pub const NOT_TEXT: i32 = -3;
/// The key has to be looked at more closely.
pub const UNUSABLE: i32 = -4;
/// The cache was closed.
pub const CLOSED: i32 = -5;

/// From here on down: a slot as well, of a value that is to be refreshed, or
/// is past its lifetime.
pub const OLD: i32 = -16;

/// What is given instead of the one slot that became free.
pub const NONE_FREED: i32 = -1;
/// As above: more than one became free.
pub const MANY_FREED: i32 = -2;

/// A cache until it is closed.
pub struct Hot {
    open: RefCell<Option<Open>>,
}

/// What there is while a cache is open.
pub struct Open {
    /// The core.
    pub engine: Engine<JsHost>,
    /// Where its values are. After the engine, whose slots it takes back.
    pub slots: Slots,
    clock: Clock,
}

impl Hot {
    /// A cache on this thread. Does no I/O. `clock` is for tests: the monotonic
    /// clock and the wall clock, in milliseconds.
    ///
    /// # Errors
    ///
    /// If options cannot be used as they are.
    pub fn new(mut config: Config, seed: u64, clock: Option<(u64, u64)>) -> Result<Self, ConfigError> {
        let set = clock;
        let clock = Clock::new();
        if let Some((monotonic, wall)) = set {
            clock.set(monotonic, wall);
        }
        config.clock_resolution = clock.resolution();
        let (monotonic, wall) = clock.reading();
        let (now, _) = Timeline::new().observe(monotonic, wall);
        let engine = Engine::new(config, seed, now)?;
        Ok(Self { open: RefCell::new(Some(Open { engine, slots: Slots::new(), clock })) })
    }

    /// The parts, unless it was closed.
    pub fn open(&self) -> Option<Ref<'_, Open>> {
        Ref::filter_map(self.open.borrow(), Option::as_ref).ok()
    }

    /// Drops everything.
    pub fn close(&self) {
        drop(self.open.borrow_mut().take());
    }

    /// A slot, or a number that says why there is none. The key must be fit to
    /// be one.
    #[inline]
    pub fn get(&self, key: &str) -> i32 {
        let open = self.open.borrow();
        let Some(Open { engine, clock, .. }) = &*open else { return CLOSED };
        coded(&engine.get(key, clock.coarse(engine)))
    }

    /// A plain set: an outcome, and what became free, as `hotFunctions` in
    /// `js/binding.ts` has them.
    #[inline]
    pub fn insert(&self, key: &str, slot: u32, weight: u32) -> (i32, i32) {
        let open = self.open.borrow();
        let Some(Open { engine, clock, slots }) = &*open else { return (CLOSED, NONE_FREED) };
        let loaded = Loaded { weight, ..Loaded::new(slots.at(slot)) };
        let outcome = engine.insert(key, loaded, None, clock.coarse(engine));
        (outcome as i32, slots.take_one())
    }
}

/// A read as a number: a slot (see [`slot_or_old`]), or why there is none.
#[inline]
pub fn coded(found: &Lookup<Slot>) -> i32 {
    match found {
        Lookup::Hit(slot) => slot_or_old(slot, false),
        Lookup::Ahead(slot) => slot_or_old(slot, true),
        Lookup::Due => DUE,
        Lookup::Miss => MISS,
    }
}

/// A slot as a number; what is `old` counts down from [`OLD`].
#[inline]
pub fn slot_or_old(slot: &Slot, old: bool) -> i32 {
    let index = slot.index().cast_signed();
    if old { OLD.saturating_sub(index) } else { index }
}

impl Open {
    /// The time now, also right after a thaw.
    pub fn now(&self) -> Time {
        self.clock.precise(&self.engine)
    }

    /// For tests: from now on time is what this says.
    pub fn set_clock(&self, monotonic: u64, wall: u64) {
        self.clock.set(monotonic, wall);
        self.now();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Contract lines 3 and 8 hold in real time only if the core knows by how
    /// much the clock is behind that it is given.
    #[test]
    fn the_core_is_told_how_far_behind_the_clock_may_be() {
        let told = |clock| {
            let hot = Hot::new(Config::default(), 1, clock).expect("the defaults fit together");
            hot.open().expect("it is open").engine.config().clock_resolution
        };
        assert_eq!(told(None), snowmelt::host::RESOLUTION);
        assert_eq!(told(Some((1, 1))), Duration::ZERO);
    }
}
