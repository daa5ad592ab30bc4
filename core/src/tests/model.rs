//! The engine against an obviously correct model: a map that forgets.
//!
//! Without a stream and within its bounds a cache must hold exactly what was
//! stored and not invalidated, deleted or expired since, and past that what is
//! within its windows.

use core::time::Duration;
use std::collections::BTreeMap;
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use super::oracle::{Terms, Value};
use super::sandbox::SimHost;
use crate::random::Random;
use crate::{
    Begin, Config, Engine, FillOutcome, Invalidation, Loaded, Lookup, Next, Refresh, Rescued, Time, Worth,
};

struct Kept {
    value: Value,
    tags: Vec<String>,
    expires: Time,
    /// How long it is of use past that.
    stale: Duration,
    on_error: Duration,
}

impl Kept {
    fn fresh(&self, now: Time) -> Option<Value> {
        (now < self.expires).then_some(self.value)
    }

    /// What is left of it for a reader whose load failed.
    fn rescued(&self, now: Time) -> Option<Rescued<Value>> {
        if now < self.expires {
            Some(Rescued::Fresh(self.value))
        } else if now < self.expires + self.stale {
            Some(Rescued::Stale(self.value))
        } else {
            (now < self.expires + self.on_error).then_some(Rescued::OnError(self.value))
        }
    }
}

struct Reference {
    engine: Engine<SimHost>,
    kept: BTreeMap<String, Kept>,
    now: Time,
    random: Random,
    next: usize,
}

const TTL: Duration = Duration::from_secs(4);
const STALE: Duration = Duration::from_secs(1);
const ON_ERROR: Duration = Duration::from_secs(2);
const NEGATIVE: Duration = Duration::from_secs(1);

impl Reference {
    fn new(seed: u64, segments: usize) -> Self {
        let config = Config {
            ttl_min: TTL,
            ttl_max: TTL,
            stale_while_revalidate: STALE,
            stale_if_error: ON_ERROR,
            negative_ttl: Some(NEGATIVE),
            segments,
            max_entries: 4_096,
            ..Config::default()
        };
        let now = Time::from_millis(1_790_000_000_000);
        let engine = Engine::new(config, seed, now).expect("sound");
        Self { engine, kept: BTreeMap::new(), now, random: Random::new(seed), next: 0 }
    }

    fn key(&mut self) -> String {
        let number = self.random.up_to(60);
        format!("{}/{number}", ["a", "ab", "b", ""][usize::try_from(number % 4).expect("small")])
    }

    fn tags(&mut self) -> Vec<String> {
        (0..self.random.up_to(4)).map(|_| format!("t{}", self.random.up_to(6))).collect()
    }

    fn step(&mut self) {
        match self.random.up_to(9) {
            0..=3 => self.store(),
            4 => {
                let key = self.key();
                let known = self.kept.remove(&key).is_some();
                // An expired entry may still have been there.
                assert!(self.engine.delete(&key) || !known, "{key} was not there");
            }
            5 => self.invalidate_key(),
            6 => self.invalidate_tag(),
            7 => self.invalidate_prefix(),
            8 if self.random.up_to(30) == 0 => self.invalidate_all(),
            // Steps that meet the ends of lifetimes and windows to the millisecond.
            _ => self.now = self.now + Duration::from_millis(100 * self.random.up_to(9)),
        }
        self.kept.retain(|_, kept| kept.rescued(self.now).is_some());
    }

    fn store(&mut self) {
        let (key, tags) = (self.key(), self.tags());
        self.next += 1;
        let value = Value { key: self.next, version: 0, began: 0, terms: Terms::default() };
        let (absent, own) = (self.random.up_to(4) == 0, self.random.up_to(4) == 0);
        let ttl = (self.random.up_to(4) == 0).then(|| Duration::from_secs(self.random.up_to(3)));
        let windows = own.then(|| (Duration::from_secs(2), Duration::from_secs(self.random.up_to(4))));
        let borrowed: Vec<&str> = tags.iter().map(String::as_str).collect();
        let refresh = Refresh {
            stale_while_revalidate: windows.map(|windows| windows.0),
            stale_if_error: windows.map(|windows| windows.1),
            refresh_ahead: None,
        };
        let loaded = Loaded { tags: &borrowed, ttl, refresh, absent, ..Loaded::new(value) };
        let outcome = if self.random.up_to(1) == 0 {
            self.engine.insert(&key, loaded, None, self.now)
        } else {
            let Some(lease) = self.lead(&key) else { return };
            self.engine.fill(&lease, loaded, self.now)
        };
        let negative = absent.then_some(NEGATIVE);
        let life = ttl.into_iter().chain(negative).min().unwrap_or(TTL);
        let (stale, on_error) =
            if absent { Default::default() } else { windows.unwrap_or((STALE, ON_ERROR)) };
        if life.is_zero() {
            assert_eq!(outcome, FillOutcome::NotKept);
            self.kept.remove(&key);
        } else {
            assert_eq!(outcome, FillOutcome::Stored);
            self.kept.insert(key, Kept { value, tags, expires: self.now + life, stale, on_error });
        }
    }

    /// Begins a load as a reader does; `None` if there is a fresh value, or if
    /// the load was given up.
    fn lead(&mut self, key: &str) -> Option<crate::Lease> {
        let known = self.kept.get(key);
        let fresh = known.and_then(|kept| kept.fresh(self.now));
        let stale = match known.and_then(|kept| kept.rescued(self.now)) {
            Some(Rescued::Stale(value)) => Some(value),
            _ => None,
        };
        let lease = match self.engine.next(key, false, self.now, || ()) {
            Next::Serve { value, stale } => {
                assert_eq!((Some(value), stale), (fresh, false), "{key}");
                return None;
            }
            Next::Begin { begun: Begin::Join { .. }, .. } => panic!("nobody else loads"),
            Next::Begin { begun: Begin::Lead(lease), old } => {
                assert_eq!(fresh, None, "{key}");
                assert_eq!(old, stale.map(|value| Worth { value, stale: true }), "{key}");
                lease
            }
        };
        // Another reader meanwhile.
        match (self.engine.next(key, false, self.now, || ()), stale) {
            (Next::Serve { value, stale: true }, Some(expected)) => assert_eq!(value, expected, "{key}"),
            (Next::Begin { begun: Begin::Join { id, .. }, old: None }, None) => assert_eq!(id, lease.id()),
            (next, _) => panic!("{key}: {next:?}"),
        }
        if self.random.up_to(3) > 0 {
            return Some(lease);
        }
        self.engine.abandon(&lease, self.now);
        None
    }

    fn invalidate(&mut self, invalidation: &Invalidation) {
        let write = self.engine.invalidate(invalidation, self.now).expect("sound");
        self.engine.finish_write(write, self.now).expect("there is no stream to fail");
    }

    fn invalidate_key(&mut self) {
        let key = self.key();
        self.invalidate(&Invalidation::key(key.clone()));
        self.kept.remove(&key);
    }

    fn invalidate_tag(&mut self) {
        let tag = format!("t{}", self.random.up_to(6));
        self.invalidate(&Invalidation::tags([tag.clone()]));
        self.kept.retain(|_, kept| !kept.tags.contains(&tag));
    }

    fn invalidate_prefix(&mut self) {
        const PREFIXES: [&str; 8] = ["a", "a/", "ab/1", "/", "b/", "ab", "b", "a/1"];
        let mut draw = || PREFIXES[usize::try_from(self.random.up_to(7)).expect("small")];
        // Several at once: some cover others, and some come twice.
        let prefixes = [draw(), draw(), draw()];
        let prefixes = &prefixes[..=usize::try_from(self.random.up_to(2)).expect("small")];
        self.invalidate(&Invalidation::prefixes(prefixes.iter().copied()));
        self.kept.retain(|key, _| !prefixes.iter().any(|prefix| key.starts_with(prefix)));
    }

    fn invalidate_all(&mut self) {
        self.invalidate(&Invalidation::all());
        self.kept.clear();
    }

    fn compare(&self) {
        for (key, kept) in &self.kept {
            assert_eq!(self.engine.peek(key, self.now), kept.fresh(self.now), "{key}");
            let found = self.engine.get(key, self.now);
            assert_eq!(found, kept.fresh(self.now).map_or(Lookup::Miss, Lookup::Hit), "{key}");
            assert_eq!(self.engine.rescue(key, self.now), kept.rescued(self.now), "{key}");
        }
        for key in self.engine.keys() {
            let kept = self.kept.get(&key);
            let (held, left) = (self.engine.peek(&key, self.now), self.engine.rescue(&key, self.now));
            assert_eq!(held, kept.and_then(|kept| kept.fresh(self.now)), "{key}");
            assert_eq!(left, kept.and_then(|kept| kept.rescued(self.now)), "{key}");
        }
        self.engine.validate();
    }
}

#[test]
fn holds_what_a_map_would_hold() {
    for (seed, segments) in [(1, 1), (2, 1), (3, 8), (4, 8)] {
        let mut reference = Reference::new(seed, segments);
        for _ in 0..5_000 {
            reference.step();
            reference.compare();
        }
    }
}

/// A tiny store under a flood: the bounds hold after every step.
#[test]
fn bounds_hold_at_every_instant() {
    let config = Config { max_entries: 7, max_weight: 40, max_leases: 3, max_fences: 5, ..Config::default() };
    let now = Time::from_millis(1_790_000_000_000);
    let engine: Engine<SimHost> = Engine::new(config, 9, now).expect("sound");
    let mut random = Random::new(9);
    let mut leases = vec![];
    for number in 0..20_000 {
        let key = format!("k{}", random.up_to(30));
        let weight = u32::try_from(random.up_to(50)).expect("small");
        let value = Value { key: number, version: 0, began: 0, terms: Terms::default() };
        match random.up_to(5) {
            0 | 1 => drop(engine.insert(&key, Loaded { weight, ..Loaded::new(value) }, None, now)),
            2 => match engine.begin(&key, now, || ()) {
                Begin::Lead(lease) => leases.push(lease),
                Begin::Join { .. } => {}
            },
            3 => {
                if let Some(lease) = leases.pop() {
                    let _ = engine.fill(&lease, Loaded { weight, ..Loaded::new(value) }, now);
                }
            }
            4 => drop(engine.invalidate(&Invalidation::tags([key]), now)),
            _ => drop(engine.invalidate(&Invalidation::prefixes([key]), now)),
        }
        engine.validate();
        let stats = engine.stats(now);
        assert!(stats.entries <= 7 && stats.weight <= 40 && stats.leases <= 3, "{stats:?}");
    }
}
