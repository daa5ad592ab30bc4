//! One cache, as both builds offer it: convert, call, convert.

use std::cell::{Ref, RefCell};
use std::rc::Rc;

use serde_json::{Value, json};
use snowmelt_core::InvocationReport;
use snowmelt_core::config::MAX_TAGS;
use snowmelt_core::follower::{CONNECTIONS_LAST, TOKEN_PAUSE};
use snowmelt_core::{Arrival, Begin, Config, Lease, LeaseId, Next, Rescued, Stats, Time};
use snowmelt_node_hot::{Hot, MISS, Open, Slot, coded, slot_or_old};
use snowmelt_plain::call::StreamPlace;
use snowmelt_plain::words::{self as plain, Extras};

use crate::failure::{Failure, Outcome};

/// A cache until it is closed.
pub(crate) struct Cache {
    hot: Rc<Hot>,
    place: StreamPlace,
}

/// A load that was begun or joined.
pub(crate) struct Begun {
    pub(crate) id: LeaseId,
    pub(crate) start: Time,
    /// Present until the load ends, if it is led from here.
    pub(crate) lease: RefCell<Option<Lease>>,
    pub(crate) leads: bool,
    /// What may be served meanwhile: see `slot_or_old`; else `MISS`.
    pub(crate) old: i32,
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
        let clock = match clock {
            Some([monotonic, wall]) => Some((plain::whole(*monotonic), plain::whole(*wall))),
            _ => None,
        };
        Ok(Self { hot: Rc::new(Hot::new(config, seed, clock)?), place })
    }

    /// What the functions of the hot path are made for.
    pub(crate) const fn hot(&self) -> &Rc<Hot> {
        &self.hot
    }

    pub(crate) const fn place(&self) -> &StreamPlace {
        &self.place
    }

    pub(crate) fn open(&self) -> Outcome<Ref<'_, Open>> {
        self.hot.open().ok_or_else(Failure::closed)
    }

    /// Drops everything.
    pub(crate) fn close(&self) {
        self.hot.close();
    }

    pub(crate) fn now(&self) -> Outcome<Time> {
        Ok(self.open()?.now())
    }

    pub(crate) fn set_clock(&self, monotonic: f64, wall: f64) -> Outcome<()> {
        self.open()?.set_clock(plain::whole(monotonic), plain::whole(wall));
        Ok(())
    }

    pub(crate) fn get_after_catch_up(&self, key: &str) -> Outcome<i32> {
        let open = self.open()?;
        Ok(coded(&open.engine.get_after_catch_up(key, open.now())))
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

    pub(crate) fn next(&self, key: &str, ahead: bool) -> Outcome<Result<i32, Begun>> {
        let open = self.open()?;
        Ok(match open.engine.next(key, ahead, open.now(), || ()) {
            Next::Serve { value, stale } => Ok(slot_or_old(&value, stale)),
            Next::Begin { begun, old } => Err(Begun {
                old: old.map_or(MISS, |old| slot_or_old(&old.value, old.stale)),
                ..Begun::from(begun)
            }),
        })
    }

    pub(crate) fn keeps(&self, key: &str) -> Outcome<bool> {
        Ok(self.open()?.engine.keeps(key))
    }

    /// The slot and what it is, or nothing.
    pub(crate) fn rescue(&self, key: &str) -> Outcome<Vec<f64>> {
        let open = self.open()?;
        let of = |slot: &Slot, kind| vec![f64::from(slot.index()), kind];
        Ok(open.engine.rescue(key, open.now()).map_or_else(Vec::new, |rescued| match &rescued {
            Rescued::Fresh(slot) => of(slot, 0.0),
            Rescued::Stale(slot) => of(slot, 1.0),
            Rescued::OnError(slot) => of(slot, 2.0),
        }))
    }

    pub(crate) fn note_stale(&self, key: &str) -> Outcome<()> {
        self.open()?.engine.note_stale(key);
        Ok(())
    }

    /// A load that ended before, or was only joined, stores nothing.
    pub(crate) fn fill(&self, begun: &Begun, slot: u32, extras: &Extras) -> Outcome<&'static str> {
        let open = self.open()?;
        let tags: Vec<&str> = extras.tags.iter().map(String::as_str).collect();
        let loaded = extras.loaded(open.slots.at(slot), &tags);
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
        let loaded = extras.loaded(open.slots.at(slot), &tags);
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
        Ok(json!({ "line": line, "report": plain::camel(plain::report(&report)) }))
    }

    pub(crate) fn restored(&self, seed: u64) -> Outcome<()> {
        let open = self.open()?;
        open.engine.restored(seed, open.now());
        Ok(())
    }

    pub(crate) fn stats(&self) -> Outcome<Value> {
        let open = self.open()?;
        Ok(plain::camel(plain::stats(&open.engine.stats(open.now()))))
    }

    pub(crate) fn limits(&self) -> Outcome<Value> {
        let open = self.open()?;
        let config = open.engine.config();
        Ok(json!({
            "loadTimeout": plain::millis(config.load_timeout),
            "softLoadTimeout": config.soft_load_timeout.map(plain::millis),
            "catchUpBudget": plain::millis(config.catch_up_budget),
            "callTimeout": plain::millis(config.call_timeout),
            "connectionsLast": plain::millis(CONNECTIONS_LAST),
            "tokenPause": plain::millis(TOKEN_PAUSE),
            "maxTags": MAX_TAGS,
        }))
    }

    pub(crate) fn validate(&self) -> Outcome<()> {
        self.open()?.engine.validate();
        Ok(())
    }
}

impl From<Begin<()>> for Begun {
    fn from(begin: Begin<()>) -> Self {
        match begin {
            Begin::Lead(lease) => Self {
                id: lease.id(),
                start: lease.start(),
                lease: RefCell::new(Some(lease)),
                leads: true,
                old: MISS,
            },
            Begin::Join { id, start, .. } => {
                Self { id, start, lease: RefCell::new(None), leads: false, old: MISS }
            }
        }
    }
}
