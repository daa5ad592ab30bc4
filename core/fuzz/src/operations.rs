//! Any sequence of operations on an engine, whatever the clocks show and
//! whatever the stream answers.

use std::cell::RefCell;
use std::time::Duration;

use snowmelt_core::follower::Call;
use snowmelt_core::{
    Begin, CatchUp, Config, Engine, Host, Invalidation, Lease, Loaded, Lookup, Next, OnUndecodable, Refresh,
    Rescued, Share, Time, Write, WriteStep,
};

use crate::input::Input;
use crate::stream;

struct Plain;

impl Host for Plain {
    type Value = u64;
    type Flight = ();
    type Cell<T> = RefCell<T>;
}

const KEYS: [&str; 8] = ["a", "b", "k/1", "k/2", "k/2/x", "other/1", "é", "id=1&s=a&t=data.ID"];
const TAGS: [&str; 4] = ["t0", "t1", "t2", "t3"];
const PREFIXES: [&str; 4] = ["k/", "k/2", "o", "none"];

/// Runs the operations that `data` spells; checks the engine after each.
pub fn operations(data: &[u8]) {
    let mut input = Input::new(data);
    let mut world = World::new(&mut input);
    for _ in 0..MOST {
        if input.is_empty() {
            break;
        }
        world.step(&mut input);
        world.check();
    }
}

const MOST: usize = 2_000;

/// An engine, and all that its host holds on to.
struct World {
    engine: Engine<Plain>,
    monotonic: u64,
    wall: u64,
    now: Time,
    leases: Vec<Lease>,
    calls: Vec<Call>,
    writes: Vec<Write>,
    tokens: Vec<String>,
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let config = config(input);
        let (monotonic, wall) = (1_000, 1_790_000_000_000);
        let now = Time::from_millis(wall);
        let engine = Engine::new(config, input.number(), now).expect("a usable configuration");
        let (leases, calls, writes, tokens) = (vec![], vec![], vec![], vec![]);
        let mut world = Self { engine, monotonic, wall, now, leases, calls, writes, tokens };
        world.observe();
        world
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(18) {
            0 => self.read(input),
            1 | 2 => self.next(input),
            3 => self.begin(input),
            4 | 5 => self.fill(input),
            6 => self.insert(input),
            7 => self.drop_something(input),
            8 => self.invalidate(input),
            9 | 10 => self.advance(input),
            11 => self.catch_up(input),
            12..=14 => self.answer(input),
            15 => self.write(input),
            16 => self.host(input),
            _ => self.token(input),
        }
    }

    fn check(&self) {
        self.engine.validate();
        let stats = self.engine.stats(self.now);
        let config = self.engine.config();
        assert!(stats.entries <= config.max_entries, "{} entries", stats.entries);
        assert!(stats.weight <= config.max_weight, "a weight of {}", stats.weight);
        assert!(stats.leases <= config.max_leases, "{} leases", stats.leases);
        assert_eq!(self.engine.keys().len(), stats.entries);
        assert!(config.stream.is_some() || stats.calls() == 0);
    }

    fn observe(&mut self) {
        let now = self.engine.observe(self.monotonic, self.wall);
        assert!(now >= self.now, "time ran backwards");
        self.now = now;
    }

    fn advance(&mut self, input: &mut Input<'_>) {
        let step = input.pick(&[1, 1, 20, 20, 100, 300, 1_500, 1_500, 12_000, 310_000, 90_000_000]);
        match input.below(16) {
            0 => self.wall += step,
            1 => self.monotonic = self.monotonic.saturating_sub(step),
            2 => self.wall = self.wall.saturating_sub(step),
            _ => {
                self.wall += step;
                self.monotonic += step;
            }
        }
        self.observe();
        self.engine.handle_timeout(self.now);
        let _ = self.engine.poll_timeout();
    }

    fn read(&self, input: &mut Input<'_>) {
        let key = input.pick(&KEYS);
        let peeked = self.engine.peek(key, self.now);
        let _ = self.engine.get(key, self.now);
        assert_eq!(self.engine.get_after_catch_up(key, self.now).value(), peeked);
    }

    /// Does what a reader does who can load.
    fn next(&mut self, input: &mut Input<'_>) {
        let key = input.pick(&KEYS);
        let found = self.engine.get_after_catch_up(key, self.now);
        let ahead = matches!(found, Lookup::Ahead(_));
        let peeked = self.engine.peek(key, self.now);
        match self.engine.next(key, ahead, self.now, || ()) {
            Next::Serve { value, stale } => assert_eq!(peeked, (!stale).then_some(value), "{key}"),
            Next::Begin { begun, old } => {
                assert_eq!(old.filter(|old| !old.stale).map(|old| old.value), peeked, "{key}");
                assert!(ahead || peeked.is_none(), "{key} is loaded though it is fresh");
                match begun {
                    Begin::Lead(lease) => self.leases.push(lease),
                    Begin::Join { .. } => assert!(old.is_none(), "{key}: who can be served waits"),
                }
            }
        }
        self.rescue(key);
    }

    fn rescue(&self, key: &str) {
        let peeked = self.engine.peek(key, self.now);
        match self.engine.rescue(key, self.now) {
            Some(Rescued::Fresh(value)) => assert_eq!(peeked, Some(value), "{key}"),
            Some(Rescued::Stale(_)) => {
                assert_eq!(peeked, None, "{key}");
                self.engine.note_stale(key);
            }
            Some(Rescued::OnError(_)) | None => assert_eq!(peeked, None, "{key}"),
        }
    }

    fn begin(&mut self, input: &mut Input<'_>) {
        if let Begin::Lead(lease) = self.engine.begin(input.pick(&KEYS), self.now, || ()) {
            self.leases.push(lease);
        }
    }

    fn fill(&mut self, input: &mut Input<'_>) {
        if self.leases.is_empty() {
            return;
        }
        let lease = self.leases.swap_remove(input.below(self.leases.len()));
        if input.below(8) == 0 {
            return self.engine.abandon(&lease, self.now);
        }
        let tags = tags(input);
        let _ = self.engine.fill(&lease, loaded(input, &tags), self.now);
        if input.below(8) == 0 {
            self.leases.push(lease);
        }
    }

    fn insert(&self, input: &mut Input<'_>) {
        let tags = tags(input);
        let as_of = match input.below(4) {
            0 => Some(Time::from_millis(input.number())),
            1 => Some(self.now - Duration::from_millis(input.number() % 60_000)),
            _ => None,
        };
        let _ = self.engine.insert(input.pick(&KEYS), loaded(input, &tags), as_of, self.now);
    }

    fn drop_something(&self, input: &mut Input<'_>) {
        if input.below(8) == 0 {
            self.engine.clear();
            assert!(self.engine.is_empty());
        } else {
            let key = input.pick(&KEYS);
            self.engine.delete(key);
            assert_eq!(self.engine.rescue(key, self.now), None);
        }
    }

    fn invalidate(&mut self, input: &mut Input<'_>) {
        let invalidation = Invalidation {
            keys: some(input, &KEYS),
            tags: some(input, &TAGS),
            prefixes: some(input, &PREFIXES),
            all: input.below(16) == 0,
        };
        let Ok(write) = self.engine.invalidate(&invalidation, self.now) else {
            return assert!(invalidation.is_empty(), "refused: {invalidation:?}");
        };
        self.writes.push(write);
        assert!(!invalidation.all || self.engine.is_empty());
        for key in KEYS {
            let named = invalidation.keys.iter().any(|named| named == key)
                || invalidation.prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()));
            assert!(!named || self.engine.rescue(key, self.now).is_none(), "{key} was invalidated");
        }
    }

    fn catch_up(&mut self, input: &mut Input<'_>) {
        let begun = match input.below(4) {
            0 => self.engine.catch_up(self.now),
            1 => self.engine.catch_up_since(Time::from_millis(input.number()).min(self.now), self.now),
            _ => self.engine.catch_up_for_read(self.now),
        };
        if let CatchUp::Running(id) | CatchUp::Earlier(id) = begun {
            let _ = self.engine.catch_up_outcome(id);
        }
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(call) = self.engine.poll_call(self.now) {
            self.calls.push(call);
            assert!(self.calls.len() < 100_000, "calls without end");
        }
    }

    /// Answers an outstanding call; now and then one that was answered.
    fn answer(&mut self, input: &mut Input<'_>) {
        if self.calls.is_empty() {
            return self.catch_up(input);
        }
        let index = self.calls.len() - 1 - input.below(self.calls.len());
        let call = self.calls.swap_remove(index);
        let answer = match input.below(32) {
            0 => Ok(stream::hostile(input, self.now.as_millis())),
            1 | 2 => Err(stream::error(input, self.now.as_millis())),
            _ => Ok(stream::likely(&call.request, input, self.now.as_millis())),
        };
        self.engine.handle_answer(call.id, answer, self.now);
        if input.below(8) == 0 {
            self.calls.push(call);
        }
        self.collect();
    }

    fn write(&mut self, input: &mut Input<'_>) {
        if self.writes.is_empty() {
            return;
        }
        let mut write = self.writes.swap_remove(input.below(self.writes.len()));
        match write.poll(self.now) {
            WriteStep::Put(put) => {
                write.handle_answer(stream::put_answer(&put, input, self.now.as_millis()), self.now);
                self.writes.push(write);
            }
            WriteStep::Wait(until) => {
                assert!(until > self.now);
                if input.flag() {
                    self.writes.push(write);
                }
            }
            WriteStep::Done => {
                if let Ok(token) = self.engine.finish_write(write, self.now) {
                    self.tokens.push(token.to_string());
                }
            }
        }
    }

    fn token(&self, input: &mut Input<'_>) {
        if let Some(token) = self.tokens.get(input.below(self.tokens.len())) {
            let token = token.parse().expect("a token that was printed");
            let _ = self.engine.reached(&token).expect("a token of this stream");
        }
    }

    fn host(&mut self, input: &mut Input<'_>) {
        match input.below(5) {
            0 => self.engine.begin_invocation(self.now),
            1 => self.engine.end_invocation(),
            2 => self.engine.restored(input.number(), self.now),
            3 => while self.engine.poll_event().is_some() {},
            _ => self.engine.handle_timeout(self.now),
        }
        self.collect();
    }
}

/// Small bounds, so that all of them are met.
fn config(input: &mut Input<'_>) -> Config {
    let mut config = Config::default();
    config.stream = (input.below(8) != 0).then(|| "stream".into());
    config.segments = input.pick(&[1, 2, 4]);
    config.max_entries = config.segments * input.pick(&[1, 2, 4]);
    config.max_weight = input.pick(&[8, 40, u64::MAX]);
    config.max_leases = config.segments * input.pick(&[1, 2, 4]);
    config.max_fences = config.segments * input.pick(&[1, 2, 16]);
    config.lanes = input.pick(&[None, None, Some(1), Some(3)]);
    config.settle = input.pick(&[Duration::ZERO, Duration::from_secs(2)]);
    config.catch_up_every = input.pick(&[Duration::ZERO, Duration::from_secs(1)]);
    config.load_timeout = input.pick(&[Duration::from_millis(1), Duration::from_secs(30)]);
    config.give_up_records = input.pick(&[1, 100_000]);
    config.page_records = input.pick(&[1, 1_000]);
    config.on_undecodable = input.pick(&[OnUndecodable::Skip, OnUndecodable::Flush]);
    config.keys_as_tags = input.flag();
    config.stale_while_revalidate = input.pick(&WINDOWS);
    config.stale_if_error = input.pick(&WINDOWS);
    config.refresh_ahead = share(input);
    config.negative_ttl = input.pick(&[None, Some(Duration::ZERO), Some(Duration::from_secs(2))]);
    // Whoever follows a lane reads no change log.
    if input.flag() && config.lanes.is_none() {
        config.sources = crate::codecs::sources().into();
    }
    config
}

fn loaded<'a>(input: &mut Input<'_>, tags: &'a [&'a str]) -> Loaded<'a, u64> {
    Loaded {
        weight: input.pick(&[0, 1, 1, 3, u32::MAX]),
        tags,
        ttl: (input.below(4) == 0).then(|| Duration::from_millis(input.number())),
        refresh: Refresh {
            stale_while_revalidate: (input.below(4) == 0).then(|| Duration::from_millis(input.number())),
            stale_if_error: (input.below(4) == 0).then(|| Duration::from_millis(input.number())),
            refresh_ahead: (input.below(4) == 0).then(|| share(input)),
        },
        absent: input.below(4) == 0,
        took: Duration::from_millis(input.number()),
        ..Loaded::new(7)
    }
}

const WINDOWS: [Duration; 3] =
    [Duration::ZERO, Duration::from_secs(5), Duration::from_millis(u32::MAX as u64)];

fn share(input: &mut Input<'_>) -> Share {
    Share::new(input.pick(&[0.0, 0.1, 0.9])).unwrap_or(Share::OFF)
}

fn tags(input: &mut Input<'_>) -> Vec<&'static str> {
    if input.below(64) == 0 {
        return TAGS.into_iter().cycle().take(300).collect();
    }
    (0..input.below(4)).map(|_| input.pick(&TAGS)).collect()
}

fn some(input: &mut Input<'_>, names: &[&str]) -> Vec<String> {
    (0..input.below(3)).map(|_| input.pick(names).to_owned()).collect()
}
