//! The clocks of the system, or those that a test sets.

use std::cell::Cell;
use std::time::Duration;

use snowmelt_core::{Engine, Time};

use crate::host::JsHost;

/// Where a cache has its time from.
#[derive(Debug)]
pub struct Clock {
    system: system::Clock,
    /// Monotonic and wall clock as a test set them.
    set: Cell<Option<(u64, u64)>>,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// The system's clocks.
    pub fn new() -> Self {
        Self { system: system::Clock::new(), set: Cell::new(None) }
    }

    /// For tests: from now on time is what this says.
    pub fn set(&self, monotonic: u64, wall: u64) {
        self.set.set(Some((monotonic, wall)));
    }

    /// How far behind the time may be that reads are judged by.
    pub fn resolution(&self) -> Duration {
        self.set.get().map_or(system::RESOLUTION, |_| Duration::ZERO)
    }

    /// Both clocks, for an engine that is being made.
    pub fn reading(&self) -> (u64, u64) {
        self.set.get().unwrap_or_else(|| self.system.precise())
    }

    /// The time now, also right after a thaw.
    pub fn precise(&self, engine: &Engine<JsHost>) -> Time {
        let (monotonic, wall) = self.reading();
        engine.observe(monotonic, wall)
    }

    /// The time now, for the hit path.
    #[inline]
    pub fn coarse(&self, engine: &Engine<JsHost>) -> Time {
        match self.set.get() {
            None => self.system.coarse(engine),
            Some((monotonic, wall)) => engine.observe(monotonic, wall),
        }
    }
}

/// The wall clock in milliseconds, for streams in this process.
#[cfg(target_family = "wasm")]
pub fn wall_millis() -> u64 {
    system::Clock::new().precise().1
}

#[cfg(not(target_family = "wasm"))]
mod system {
    use snowmelt_core::{Engine, Time};

    use crate::host::JsHost;

    pub(super) use snowmelt::host::RESOLUTION;

    #[derive(Debug)]
    pub(super) struct Clock(snowmelt::host::Clock);

    impl Clock {
        pub(super) fn new() -> Self {
            Self(snowmelt::host::Clock::new(None))
        }

        pub(super) fn precise(&self) -> (u64, u64) {
            let reading = self.0.precise();
            (reading.monotonic, reading.wall)
        }

        #[inline]
        pub(super) fn coarse(&self, engine: &Engine<JsHost>) -> Time {
            let tick = self.0.tick();
            if self.0.passed(tick) {
                return engine.latest();
            }
            let reading = self.0.coarse();
            let now = engine.observe(reading.monotonic, reading.wall);
            self.0.pass(tick);
            now
        }
    }
}

#[cfg(target_family = "wasm")]
mod system {
    use std::time::Duration;

    use snowmelt_core::{Engine, Time};
    use wasm_bindgen::prelude::wasm_bindgen;

    use crate::host::JsHost;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = performance, js_name = now)]
        fn monotonic() -> f64;
        #[wasm_bindgen(js_namespace = Date, js_name = now)]
        fn wall() -> f64;
    }

    /// Whole milliseconds are read.
    pub(super) const RESOLUTION: Duration = Duration::from_millis(1);

    #[derive(Debug)]
    pub(super) struct Clock;

    #[expect(clippy::unused_self, reason = "stands beside a clock that has a state")]
    impl Clock {
        pub(super) fn new() -> Self {
            Self
        }

        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "milliseconds since 1970"
        )]
        pub(super) fn precise(&self) -> (u64, u64) {
            (monotonic() as u64, wall() as u64)
        }

        pub(super) fn coarse(&self, engine: &Engine<JsHost>) -> Time {
            let (monotonic, wall) = self.precise();
            engine.observe(monotonic, wall)
        }
    }
}
