//! Readers of the simulated sandboxes: how they read, load and wait, and what
//! the oracle says of what they get.

use core::time::Duration;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::oracle::{Terms, Value, Way, Witness, judge};
use super::sandbox::{Load, Reader, Waiter};
use super::scenario::share;
use super::world::{Event, World, name, tags_of};
use crate::{Begin, CatchUp, FillOutcome, LeaseId, Loaded, Lookup, Next, Refresh, Rescued, Share};

/// What a load says of its value.
#[derive(Clone, Copy, Debug, Default)]
struct Wish {
    ttl: Option<u64>,
    stale: Option<u64>,
    on_error: Option<u64>,
    ahead: Option<Share>,
    absent: bool,
}

impl World {
    // Reading.

    /// A reader comes for a key.
    pub(super) fn read(&mut self, at: usize, key: usize) -> Result<(), String> {
        let time = self.sandboxes[at].time(self.now);
        match self.sandboxes[at].engine.get(&name(key), time) {
            Lookup::Due => {
                let catch_up = self.sandboxes[at].engine.catch_up_for_read(time);
                self.sandboxes[at].note(catch_up, self.now);
                match catch_up {
                    CatchUp::UpToDate | CatchUp::NotDue => self.read_anyway(at, key),
                    CatchUp::Running(id) | CatchUp::Earlier(id) => {
                        let deadline = time + self.sandboxes[at].engine.config().catch_up_budget;
                        let earlier = matches!(catch_up, CatchUp::Earlier(_));
                        let reader = Reader { key, deadline, waits_for: id, earlier };
                        self.sandboxes[at].readers.push(reader);
                        Ok(())
                    }
                }
            }
            found => self.found(at, key, &found),
        }
    }

    fn read_anyway(&mut self, at: usize, key: usize) -> Result<(), String> {
        let time = self.sandboxes[at].time(self.now);
        let found = self.sandboxes[at].engine.get_after_catch_up(&name(key), time);
        self.found(at, key, &found)
    }

    fn found(&mut self, at: usize, key: usize, found: &Lookup<Value>) -> Result<(), String> {
        match found {
            Lookup::Hit(value) => self.served(at, *value, Way::Hit),
            Lookup::Ahead(value) => {
                self.served(at, *value, Way::Hit)?;
                // Some readers cannot load.
                if self.chance(200) { Ok(()) } else { self.load(at, key, true, None) }
            }
            Lookup::Miss => self.load(at, key, false, None),
            Lookup::Due => Err(format!("line 3: sandbox {at}: a catch-up was tried, and is asked for again")),
        }
    }

    pub(super) fn serve_readers(&mut self, at: usize) -> Result<(), String> {
        let time = self.sandboxes[at].time(self.now);
        let readers = core::mem::take(&mut self.sandboxes[at].readers);
        for reader in readers {
            let ended = self.sandboxes[at].engine.catch_up_outcome(reader.waits_for).is_some();
            if !ended && time < reader.deadline {
                self.sandboxes[at].readers.push(reader);
                continue;
            }
            let again = if reader.earlier && time < reader.deadline {
                let catch_up = self.sandboxes[at].engine.catch_up_for_read(time);
                self.sandboxes[at].note(catch_up, self.now);
                catch_up
            } else {
                CatchUp::UpToDate
            };
            match again {
                CatchUp::Running(id) | CatchUp::Earlier(id) => {
                    self.sandboxes[at].readers.push(Reader { waits_for: id, earlier: false, ..reader });
                }
                CatchUp::UpToDate | CatchUp::NotDue => self.read_anyway(at, reader.key)?,
            }
        }
        Ok(())
    }

    fn served(&mut self, at: usize, value: Value, way: Way) -> Result<(), String> {
        let sandbox = &mut self.sandboxes[at];
        match way {
            Way::Hit | Way::Joined => sandbox.tally.hits += 1,
            Way::Stale => sandbox.tally.stale += 1,
            Way::OnError => sandbox.tally.on_error += 1,
        }
        judge(value, way, self.now, &sandbox.witness, self.promises, &self.database)
            .map_err(|what| format!("sandbox {at}: {what}"))
    }

    // Loading.

    /// A reader that found nothing fresh, or is to refresh ahead, joins a load
    /// or begins one, or is served by now.
    fn load(&mut self, at: usize, key: usize, ahead: bool, waiter: Option<Waiter>) -> Result<(), String> {
        let time = self.sandboxes[at].time(self.now);
        let sandbox = &mut self.sandboxes[at];
        let waiter = waiter.unwrap_or_else(|| sandbox.arrive(key));
        if waiter.loads == 2 {
            return Err(format!("line 9: sandbox {at}: a reader of key {key} waits for a third load"));
        }
        let waiter = Waiter { loads: waiter.loads + 1, ..waiter };
        let loading = sandbox.engine.is_loading(&name(key), time);
        match sandbox.engine.next(&name(key), ahead, time, || ()) {
            Next::Serve { value, stale } => self.served(at, value, way(stale)),
            Next::Begin { begun: Begin::Join { id, .. }, old } => {
                let load = sandbox.loads.get_mut(&id).ok_or("line 9: joined a load that is over")?;
                load.waiters.push(waiter);
                if old.is_some() {
                    Err("line 9: a reader waits though it can be served".into())
                } else {
                    Ok(())
                }
            }
            Next::Begin { begun: Begin::Lead(_), .. } if loading => {
                Err(format!("line 9: sandbox {at}: a second load of key {key} begins beside a live one"))
            }
            Next::Begin { begun: Begin::Lead(lease), old } => {
                sandbox.tally.ahead += u64::from(old.is_some_and(|old| !old.stale));
                // With a hook for the background the old value is served at once.
                let background = self.chance(500);
                self.begin_load(at, key, lease, old.is_none() || !background);
                let Some(old) = old.filter(|_| background) else { return Ok(()) };
                if old.stale {
                    self.sandboxes[at].engine.note_stale(&name(key));
                }
                self.served(at, old.value, way(old.stale))
            }
        }
    }

    fn begin_load(&mut self, at: usize, key: usize, lease: crate::Lease, led: bool) {
        let id = lease.id();
        let sandbox = &mut self.sandboxes[at];
        for load in sandbox.loads.values_mut().filter(|load| load.key == key) {
            load.superseded = true;
        }
        let load = Load {
            lease,
            key,
            began: self.now,
            value: None,
            waiters: Vec::new(),
            led,
            superseded: false,
            cut: false,
        };
        sandbox.loads.insert(id, load);
        let soft = sandbox.engine.config().soft_load_timeout;
        let (read, end) = (self.within(0, 60), self.within(0, 200));
        let long = if self.chance(20) { self.within(1_000, 40_000) } else { 0 };
        let succeeded = !self.chance(self.failing);
        self.after(read, Event::OriginRead(at, id));
        self.after(read + end + long, Event::LoadEnds(at, id, succeeded));
        if let Some(soft) = soft {
            self.after(millis(soft), Event::LoadIsLong(at, id));
        }
    }

    pub(super) fn read_origin(&mut self, at: usize, id: LeaseId) {
        let lag = if self.replica_lag > 0 { self.random.up_to(self.replica_lag - 1) } else { 0 };
        let now = self.now;
        let Some(load) = self.sandboxes[at].loads.get_mut(&id) else { return };
        let version = self.database.version_at(load.key, now - lag);
        load.value = Some(Value { key: load.key, version, began: load.began, terms: self.promises.terms });
    }

    /// Those who wait for a load have waited for long: who can be served
    /// without it is.
    pub(super) fn answer_early(&mut self, at: usize, id: LeaseId) -> Result<(), String> {
        let Some(load) = self.sandboxes[at].loads.get_mut(&id) else { return Ok(()) };
        let (key, led, waiters) = (load.key, load.led, load.waiters.len());
        let Some((value, way)) = (if led || waiters > 0 { self.rescued(at, key) } else { None }) else {
            return Ok(());
        };
        if let Some(load) = self.sandboxes[at].loads.get_mut(&id) {
            load.led = false;
            load.waiters.clear();
        }
        self.served(at, value, way)
    }

    /// What is left for a reader whose load failed or takes long.
    fn rescued(&mut self, at: usize, key: usize) -> Option<(Value, Way)> {
        let time = self.sandboxes[at].time(self.now);
        Some(match self.sandboxes[at].engine.rescue(&name(key), time)? {
            Rescued::Fresh(value) => (value, Way::Hit),
            Rescued::Stale(value) => (value, Way::Stale),
            Rescued::OnError(value) => (value, Way::OnError),
        })
    }

    pub(super) fn end_load(&mut self, at: usize, id: LeaseId, succeeded: bool) -> Result<(), String> {
        let time = self.sandboxes[at].time(self.now);
        let Some(load) = self.sandboxes[at].loads.remove(&id) else { return Ok(()) };
        let Some(value) = load.value.filter(|_| succeeded) else {
            return self.fail_load(at, &load);
        };
        let (value, wish) = self.dress(value);
        let took = time.since(load.lease.start());
        let outcome = with(value, wish, |loaded| {
            self.sandboxes[at].engine.fill(&load.lease, Loaded { took, ..loaded }, time)
        });
        if self.traced {
            std::eprintln!("{} sandbox {at} fills {value:?}: {outcome:?}", self.now);
        }
        self.check_fill(at, &load, value, outcome)?;
        for waiter in load.waiters {
            // What is not kept is as good as what is.
            let current = matches!(outcome, FillOutcome::Stored | FillOutcome::NotKept);
            if current || load.lease.serves(waiter.arrival) {
                self.joined(at, value, waiter)?;
            } else {
                self.load(at, load.key, false, Some(waiter))?;
            }
        }
        Ok(())
    }

    /// Whoever waits is served by what is left, if there is something.
    fn fail_load(&mut self, at: usize, load: &Load) -> Result<(), String> {
        let time = self.sandboxes[at].time(self.now);
        self.sandboxes[at].engine.abandon(&load.lease, time);
        for _ in 0..load.waiters.len() + usize::from(load.led) {
            if let Some((value, way)) = self.rescued(at, load.key) {
                self.served(at, value, way)?;
            }
        }
        Ok(())
    }

    fn check_fill(
        &mut self,
        at: usize,
        load: &Load,
        value: Value,
        outcome: FillOutcome,
    ) -> Result<(), String> {
        let kept = outcome == FillOutcome::Stored;
        self.sandboxes[at].tally.not_kept += u64::from(outcome == FillOutcome::NotKept);
        let what = if kept && value.terms.ttl == 0 {
            format!("line 8: key {} was not to be kept, and was", load.key)
        } else if outcome == FillOutcome::NotKept && value.terms.ttl > 0 {
            format!("line 8: key {} was to be kept, and was not", load.key)
        } else if kept && load.superseded {
            format!("line 9: two loads of key {} were both stored", load.key)
        } else if kept && load.cut {
            format!("line 9: a freeze cut the load of key {}; it was stored", load.key)
        } else {
            return Ok(());
        };
        Err(format!("sandbox {at}: {what}"))
    }

    fn joined(&mut self, at: usize, value: Value, waiter: Waiter) -> Result<(), String> {
        if self.replica_lag > 0 {
            return Ok(());
        }
        let mut witness = Witness { caught_up: waiter.caught_up, ..Default::default() };
        witness.own.insert(value.key, waiter.own);
        judge(value, Way::Joined, self.now, &witness, self.promises, &self.database)
            .map_err(|what| format!("sandbox {at}, waiting: {what}"))
    }

    // Storing.

    pub(super) fn insert_now(&mut self, at: usize, value: Value) {
        let time = self.sandboxes[at].time(self.now);
        let (value, wish) = self.dress(value);
        with(value, wish, |loaded| {
            self.sandboxes[at].engine.insert(&name(value.key), Loaded { weight: 1, ..loaded }, None, time)
        });
    }

    pub(super) fn insert_late(&mut self, at: usize, value: Value, as_of: crate::Time) {
        let time = self.sandboxes[at].time(self.now);
        let (value, wish) = self.dress(value);
        with(value, wish, |loaded| {
            let loaded = Loaded { weight: 1, ..loaded };
            self.sandboxes[at].engine.insert(&name(value.key), loaded, Some(as_of), time)
        });
    }

    /// Draws what a load says of its value, where the world has refresh
    /// policies, and what that promises.
    fn dress(&mut self, value: Value) -> (Value, Wish) {
        // What is not there: the same for all who load this version.
        let absent = value.version % 4 == 3;
        let mut wish = Wish { absent, ..Wish::default() };
        if self.policies {
            wish.ttl = self.chance(100).then(|| [0, 0, 300, 5_000][self.choice(4)]);
            wish.stale = self.chance(150).then(|| [0, 1_000, 60_000][self.choice(3)]);
            wish.on_error = self.chance(150).then(|| [0, 3_000, 200_000][self.choice(3)]);
            wish.ahead = self.chance(150).then(|| if value.key < 3 { Share::OFF } else { share(0.3) });
        }
        let usual = self.promises.terms;
        let negative = self.promises.negative_ttl.filter(|_| absent);
        let ttl = match (wish.ttl, negative) {
            (Some(ttl), Some(negative)) => ttl.min(negative),
            (own, negative) => own.or(negative).unwrap_or(usual.ttl),
        };
        let windows = u64::from(negative.is_none() && ttl > 0);
        let terms = Terms {
            ttl,
            stale: windows * wish.stale.unwrap_or(usual.stale),
            on_error: windows * wish.on_error.unwrap_or(usual.on_error),
        };
        (Value { terms, ..value }, wish)
    }

    fn choice(&mut self, of: u64) -> usize {
        usize::try_from(self.random.up_to(of - 1)).unwrap_or(0)
    }
}

/// Hands a value to the engine with all that was drawn for it.
fn with(value: Value, wish: Wish, store: impl FnOnce(Loaded<'_, Value>) -> FillOutcome) -> FillOutcome {
    let tags = tags_of(value.key);
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    store(Loaded {
        weight: u32::try_from(value.key % 7 + 1).unwrap_or(1),
        tags: &tags,
        ttl: wish.ttl.map(Duration::from_millis),
        refresh: Refresh {
            stale_while_revalidate: wish.stale.map(Duration::from_millis),
            stale_if_error: wish.on_error.map(Duration::from_millis),
            refresh_ahead: wish.ahead,
        },
        absent: wish.absent,
        ..Loaded::new(value)
    })
}

fn way(stale: bool) -> Way {
    if stale { Way::Stale } else { Way::Hit }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
