//! One cache, as both builds offer it: convert, call, convert.

use std::cell::{Ref, RefCell};
use std::time::Duration;

use serde_json::{Value, json};
use snowmelt_core::InvocationReport;
use snowmelt_core::config::MAX_TAGS;
use snowmelt_core::protocol::{Address, Place};
use snowmelt_core::{Arrival, Begin, Config, Engine, Lease, LeaseId, Loaded, Lookup, Stats, Time, Timeline};

use crate::clock::Clock;
use crate::failure::Failure;
use crate::host::JsHost;
use crate::plain::{self, Extras};
use crate::slot::{Slot, Slots};

pub(crate) type Outcome<T> = Result<T, Failure>;

/// What is given instead of a slot; the numbers of `js/binding.ts`.
pub(crate) const MISS: i32 = -1;
pub(crate) const DUE: i32 = -2;
#[cfg(not(target_family = "wasm"))]
pub(crate) const NOT_TEXT: i32 = -3;
#[cfg(not(target_family = "wasm"))]
pub(crate) const UNUSABLE: i32 = -4;
pub(crate) const CLOSED_CACHE: i32 = -5;

/// What is given instead of the one slot that became free.
pub(crate) const NONE_FREED: i32 = -1;
pub(crate) const MANY_FREED: i32 = -2;

/// As in `native/src/driver.rs`, in milliseconds.
const CONNECTIONS_LAST: u64 = 10_000;
const TOKEN_PAUSE: u64 = 200;

/// A cache until it is closed.
pub(crate) struct Cache {
    open: RefCell<Option<Open>>,
}

/// What there is while a cache is open.
pub(crate) struct Open {
    pub(crate) engine: Engine<JsHost>,
    // After the engine, whose slots it takes back.
    slots: Slots,
    clock: Clock,
    pub(crate) place: StreamPlace,
}

/// Where calls go, for requests and messages.
#[derive(Clone, Debug)]
pub(crate) struct StreamPlace {
    place: Place,
    arn: Option<String>,
}

impl StreamPlace {
    /// A stream by its name or its ARN.
    pub(crate) fn new(stream: &str, region: Option<String>, endpoint: Option<String>) -> Self {
        let name = stream.rsplit_once(":stream/").map_or(stream, |(_, name)| name);
        let in_arn = || stream.split(':').nth(3).filter(|_| stream.starts_with("arn:")).map(str::to_owned);
        let region = region.or_else(in_arn).unwrap_or_else(|| "its region".into());
        let place = Place { stream: name.into(), region, endpoint };
        Self { place, arn: stream.starts_with("arn:").then(|| stream.into()) }
    }

    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn address(&self) -> Address<'_> {
        Address { name: &self.place.stream, arn: self.arn.as_deref() }
    }
}

/// A load that was begun or joined.
pub(crate) struct Begun {
    pub(crate) id: LeaseId,
    pub(crate) start: Time,
    /// Present until the load ends, if it is led from here.
    pub(crate) lease: RefCell<Option<Lease>>,
    pub(crate) leads: bool,
}

/// An invocation under way.
pub(crate) struct Invocation {
    before: Stats,
    began: Time,
}

impl Cache {
    /// A cache on this thread. Does no I/O. `clock` is for tests: the
    /// monotonic clock and the wall clock, in milliseconds.
    pub(crate) fn new(config: Config, place: StreamPlace, seed: u64, clock: Option<&[f64]>) -> Outcome<Self> {
        let set = clock;
        let clock = Clock::new();
        if let Some([monotonic, wall]) = set {
            clock.set(plain::whole(*monotonic), plain::whole(*wall));
        }
        let (monotonic, wall) = clock.reading();
        let (now, _) = Timeline::new().observe(monotonic, wall);
        let engine = Engine::new(config, seed, now)?;
        let open = Open { engine, slots: Slots::new(), clock, place };
        Ok(Self { open: RefCell::new(Some(open)) })
    }

    pub(crate) fn open(&self) -> Outcome<Ref<'_, Open>> {
        Ref::filter_map(self.open.borrow(), Option::as_ref).map_err(|_| Failure::closed())
    }

    /// Drops everything.
    pub(crate) fn close(&self) {
        drop(self.open.borrow_mut().take());
    }

    /// The hit path. The key must be fit to be one.
    #[inline]
    pub(crate) fn get(&self, key: &str) -> i32 {
        let open = self.open.borrow();
        let Some(Open { engine, clock, .. }) = &*open else { return CLOSED_CACHE };
        match engine.get(key, clock.coarse(engine)) {
            Lookup::Hit(slot) => slot.index().cast_signed(),
            Lookup::Due => DUE,
            Lookup::Miss => MISS,
        }
    }

    /// The path of plain sets: an outcome, and what became free, as
    /// `hotFunctions` in `js/binding.ts` has them.
    #[inline]
    pub(crate) fn insert(&self, key: &str, slot: u32, weight: u32) -> (i32, i32) {
        let open = self.open.borrow();
        let Some(Open { engine, clock, slots, .. }) = &*open else { return (CLOSED_CACHE, NONE_FREED) };
        let loaded = Loaded { weight, ..Loaded::new(slots.at(slot)) };
        let outcome = engine.insert(key, loaded, None, clock.coarse(engine));
        (outcome as i32, slots.take_one())
    }

    pub(crate) fn now(&self) -> Outcome<Time> {
        Ok(self.open()?.now())
    }

    pub(crate) fn set_clock(&self, monotonic: f64, wall: f64) -> Outcome<()> {
        let open = self.open()?;
        open.clock.set(plain::whole(monotonic), plain::whole(wall));
        open.now();
        Ok(())
    }

    pub(crate) fn get_after_catch_up(&self, key: &str) -> Outcome<i32> {
        let open = self.open()?;
        let found = open.engine.get_after_catch_up(key, open.now());
        Ok(found.map_or(MISS, |slot| slot.index().cast_signed()))
    }

    pub(crate) fn peek(&self, key: &str) -> Outcome<i32> {
        let open = self.open()?;
        let found = open.engine.peek(key, open.now());
        Ok(found.map_or(MISS, |slot| slot.index().cast_signed()))
    }

    pub(crate) fn arrive(&self) -> Outcome<f64> {
        Ok(plain::number(self.open()?.engine.arrive().0.0))
    }

    pub(crate) fn accepts(arrival: f64, id: f64) -> bool {
        Arrival(LeaseId(plain::whole(arrival))).accepts(LeaseId(plain::whole(id)))
    }

    pub(crate) fn begin(&self, key: &str) -> Outcome<Begun> {
        let open = self.open()?;
        Ok(open.engine.begin(key, open.now(), || ()).into())
    }

    pub(crate) fn get_or_begin(&self, key: &str) -> Outcome<Result<i32, Begun>> {
        let open = self.open()?;
        let found = open.engine.get_or_begin(key, open.now(), || ());
        Ok(found.map(|slot| slot.index().cast_signed()).map_err(Begun::from))
    }

    /// A load that ended before, or was only joined, stores nothing.
    pub(crate) fn fill(&self, begun: &Begun, slot: u32, extras: &Extras) -> Outcome<&'static str> {
        let open = self.open()?;
        let tags: Vec<&str> = extras.tags.iter().map(String::as_str).collect();
        let loaded = open.loaded(slot, extras, &tags);
        let Some(lease) = begun.lease.borrow_mut().take() else { return Ok("fenced") };
        Ok(plain::fill_name(open.engine.fill(&lease, loaded, open.now())))
    }

    pub(crate) fn abandon(&self, begun: &Begun) -> Outcome<()> {
        let open = self.open()?;
        if let Some(lease) = begun.lease.borrow_mut().take() {
            open.engine.abandon(&lease, open.now());
        }
        Ok(())
    }

    pub(crate) fn insert_with(
        &self,
        key: &str,
        slot: u32,
        extras: &Extras,
        as_of: Option<f64>,
    ) -> Outcome<&'static str> {
        let open = self.open()?;
        let tags: Vec<&str> = extras.tags.iter().map(String::as_str).collect();
        let loaded = open.loaded(slot, extras, &tags);
        let as_of = as_of.map(|time| Time::from_millis(plain::whole(time)));
        Ok(plain::fill_name(open.engine.insert(key, loaded, as_of, open.now())))
    }

    pub(crate) fn delete(&self, key: &str) -> Outcome<bool> {
        Ok(self.open()?.engine.delete(key))
    }

    pub(crate) fn clear(&self) -> Outcome<()> {
        self.open()?.engine.clear();
        Ok(())
    }

    pub(crate) fn keys(&self) -> Outcome<Vec<String>> {
        Ok(self.open()?.engine.keys())
    }

    /// Entries, and their weight.
    pub(crate) fn size(&self) -> Outcome<(f64, f64)> {
        let open = self.open()?;
        Ok((plain::number(open.engine.len() as u64), plain::number(open.engine.weight())))
    }

    pub(crate) fn take_freed(&self) -> Outcome<Vec<u32>> {
        Ok(self.open()?.slots.take_freed())
    }

    pub(crate) fn begin_invocation(&self) -> Outcome<Invocation> {
        let open = self.open()?;
        let now = open.now();
        open.engine.begin_invocation(now);
        Ok(Invocation { before: open.engine.stats(now), began: now })
    }

    pub(crate) fn end_invocation(
        &self,
        invocation: &Invocation,
        style: &str,
        namespace: &str,
    ) -> Outcome<Value> {
        let open = self.open()?;
        let now = open.now();
        open.engine.end_invocation();
        let after = open.engine.stats(now);
        let report = InvocationReport::between(&invocation.before, &after, now.since(invocation.began));
        let stream = open.engine.config().stream.as_deref();
        let line = match style {
            "json" => Some(report.json_line(stream)),
            "emf" => Some(report.emf_line(namespace, stream.unwrap_or("none"), now)),
            _ => None,
        };
        Ok(json!({ "line": line, "report": plain::report(&report) }))
    }

    pub(crate) fn restored(&self, seed: u64) -> Outcome<()> {
        let open = self.open()?;
        open.engine.restored(seed, open.now());
        Ok(())
    }

    pub(crate) fn stats(&self) -> Outcome<Value> {
        let open = self.open()?;
        Ok(plain::stats(&open.engine.stats(open.now())))
    }

    pub(crate) fn limits(&self) -> Outcome<Value> {
        let open = self.open()?;
        let config = open.engine.config();
        Ok(json!({
            "loadTimeout": plain::millis(config.load_timeout),
            "catchUpBudget": plain::millis(config.catch_up_budget),
            "callTimeout": plain::millis(config.call_timeout),
            "connectionsLast": CONNECTIONS_LAST,
            "tokenPause": TOKEN_PAUSE,
            "maxTags": MAX_TAGS,
        }))
    }

    pub(crate) fn validate(&self) -> Outcome<()> {
        self.open()?.engine.validate();
        Ok(())
    }
}

impl Open {
    pub(crate) fn now(&self) -> Time {
        self.clock.precise(&self.engine)
    }

    fn loaded<'a>(&self, slot: u32, extras: &Extras, tags: &'a [&'a str]) -> Loaded<'a, Slot> {
        Loaded {
            value: self.slots.at(slot),
            weight: extras.weight.map_or(1, plain::weight),
            tags,
            ttl: extras.ttl.map(plain::duration),
            took: extras.took.map_or(Duration::ZERO, plain::duration),
        }
    }
}

impl From<Begin<()>> for Begun {
    fn from(begin: Begin<()>) -> Self {
        match begin {
            Begin::Lead(lease) => {
                Self { id: lease.id(), start: lease.start(), lease: RefCell::new(Some(lease)), leads: true }
            }
            Begin::Join { id, start, .. } => Self { id, start, lease: RefCell::new(None), leads: false },
        }
    }
}
