//! What all clones of a cache, its tasks and its guards share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use snowmelt_core::{Engine, Event, Host, Time};
use tokio::sync::Notify;

use crate::clock::{Clock, Tick};
use crate::fetch_options::Hook;
use crate::load::Flight;
use crate::lock::{Cell, PLACES, place};
use crate::report::Reporter;
use crate::stream::Stream;
use crate::stream::kinesis::KinesisStream;

/// Says how heavy a value is.
type Weigher<V> = Arc<dyn Fn(&str, &V) -> u32 + Send + Sync>;

/// Says whether a value says that there is nothing.
type Absence<V> = Arc<dyn Fn(&V) -> bool + Send + Sync>;

/// What the user's functions say of a value that does not say it itself.
pub(crate) struct Judges<V> {
    pub(crate) weigher: Option<Weigher<V>>,
    pub(crate) absence: Option<Absence<V>>,
}

impl<V> Judges<V> {
    #[inline]
    pub(crate) fn weigh(&self, key: &str, value: &V) -> u32 {
        self.weigher.as_ref().map_or(1, |weigher| weigher(key, value))
    }

    #[inline]
    pub(crate) fn absent(&self, value: &V) -> bool {
        self.absence.as_ref().is_some_and(|absence| absence(value))
    }
}

/// Told of events, for bindings to other languages.
pub(crate) type EventSink = Arc<dyn Fn(&Event) + Send + Sync>;

pub(crate) struct Shared<V: Clone> {
    pub(crate) engine: Engine<NativeHost<V>>,
    pub(crate) clock: Clock,
    /// `None`: lifetimes and shared loads only.
    pub(crate) stream: Option<Arc<dyn Stream>>,
    /// The same stream, if it is one that can be warmed.
    pub(crate) kinesis: Option<KinesisStream>,
    pub(crate) judges: Judges<V>,
    /// Takes refreshes that go on when their reader is gone. `None`: the
    /// reader waits.
    pub(crate) wait_until: Option<Hook>,
    /// `None`: events are logged.
    pub(crate) events: Option<EventSink>,
    pub(crate) reporter: Reporter,
    /// Told of every change that a catch-up's waiters may wait for.
    pub(crate) changed: Notify,
    /// When the stream last answered, in milliseconds of the cache's time; 0
    /// if it never did.
    pub(crate) answered: AtomicU64,
    /// Whether the last catch-up failed and that was reported.
    pub(crate) failing: AtomicBool,
}

impl<V: Clone> Shared<V> {
    /// The time now, for the hit path.
    #[inline]
    pub(crate) fn now(&self) -> Time {
        let tick = self.clock.tick();
        if self.clock.passed(tick) {
            return self.engine.latest();
        }
        self.pass(tick)
    }

    /// The first of a tick passes it on.
    #[cold]
    fn pass(&self, tick: Tick) -> Time {
        let reading = self.clock.coarse();
        let now = self.engine.observe(reading.monotonic, reading.wall);
        self.clock.pass(tick);
        now
    }

    /// The time now, also right after a thaw.
    pub(crate) fn precise_now(&self) -> Time {
        let reading = self.clock.precise();
        self.engine.observe(reading.monotonic, reading.wall)
    }
}

impl<V: Clone> fmt::Debug for Shared<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// What this crate brings to the core.
pub(crate) struct NativeHost<V>(std::marker::PhantomData<V>);

impl<V: Clone> Host for NativeHost<V> {
    type Value = V;
    type Flight = Arc<Flight<V>>;
    type Cell<T> = Cell<T>;

    const THREADS: usize = PLACES;

    #[inline]
    fn thread() -> Option<usize> {
        place()
    }
}
