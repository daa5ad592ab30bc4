//! Fleets in virtual time, with the quotas enforced as Kinesis does: what
//! pacing gives when many caches share few shards.

use core::time::Duration;
use std::collections::BTreeMap;
use std::format;
use std::io::Write;
use std::string::String;
use std::vec::Vec;

use kinesis_double::{Kinesis, PutEntry, Settings};

use super::bridge;
use super::sandbox::SimHost;
use crate::follower::{Answer, Call, CallError, CallId, draw_lane, lane_hash_key};
use crate::random::Random;
use crate::{Begin, CatchUp, Config, Engine, Loaded, Lookup, Time};

const STREAM: &str = "fleet";
const START: u64 = 1_790_000_000_000;
/// How often an active cache is read, on average.
const READ_EVERY: u64 = 200;

enum Event {
    Read(usize),
    Call(usize, Call),
    Answer(usize, CallId, Result<Answer, CallError>),
    Timer(usize),
    Write,
}

struct Member {
    engine: Engine<SimHost>,
    /// How often it was looked at, and how often it was past its bound.
    looks: u64,
    late: u64,
}

struct Fleet {
    now: u64,
    kinesis: Kinesis,
    random: Random,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    members: Vec<Member>,
    max_lag: u64,
    failed_reads: u64,
}

/// What was measured in a while.
struct Measured {
    /// `GetRecords` a second and shard, throttled ones included: the most of
    /// any shard, and the mean.
    calls: (f64, f64),
    /// The part of cache time past `max_lag`, in percent.
    late: f64,
}

impl Fleet {
    /// `count` caches that start within a second, on `lanes` shards. Lanes are
    /// drawn as in truth, or `evenly`: none has more members than others.
    fn new(count: usize, lanes: u16, evenly: bool, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let settings = Settings { enforce_quotas: true, put_to_get_ms: (10, 300), ..Settings::default() };
        let mut kinesis = Kinesis::new(settings, random.next());
        kinesis.create_stream(START - 60_000, STREAM, u32::from(lanes)).expect("a new stream");
        let config =
            Config { stream: Some(STREAM.into()), lanes: (lanes > 1).then_some(lanes), ..Config::default() };
        let max_lag = u64::try_from(config.max_lag.as_millis()).expect("short");
        let mut fleet = Self {
            now: START,
            kinesis,
            random,
            queue: BTreeMap::new(),
            queued: 0,
            members: Vec::new(),
            max_lag,
            failed_reads: 0,
        };
        for at in 0..count {
            let delay = fleet.random.up_to(1_000);
            let started = START + delay;
            let lane = lane_hash_key(u16::try_from(at % usize::from(lanes)).expect("few lanes"), lanes);
            let seed = loop {
                let seed = fleet.random.next();
                let drawn = draw_lane(&config, &mut Random::new(seed));
                if !evenly || drawn.is_none_or(|drawn| drawn == lane) {
                    break seed;
                }
            };
            let engine = Engine::new(config.clone(), seed, Time::from_millis(started)).expect("sound");
            fleet.members.push(Member { engine, looks: 0, late: 0 });
            fleet.after(delay, Event::Read(at));
        }
        fleet.after(500, Event::Write);
        fleet
    }

    fn after(&mut self, delay: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((self.now + delay, self.queued), event);
    }

    fn run_until(&mut self, until: u64) {
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > until {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.happen(event);
        }
        self.now = until;
    }

    fn happen(&mut self, event: Event) {
        let time = Time::from_millis(self.now);
        match event {
            Event::Read(at) => self.read(at),
            Event::Call(at, call) => {
                let answer = bridge::call(&mut self.kinesis, STREAM, &call.request, self.now);
                let delay = 2 + self.random.up_to(8);
                self.after(delay, Event::Answer(at, call.id, answer));
            }
            Event::Answer(at, id, answer) => {
                self.members[at].engine.handle_answer(id, answer, time);
                self.drain(at);
            }
            Event::Timer(at) => {
                self.members[at].engine.handle_timeout(time);
                self.drain(at);
            }
            Event::Write => {
                let data = br#"{"snowmelt":1,"keys":["somebody's"]}"#.to_vec();
                let partition_key = format!("{}", self.random.next());
                let record = PutEntry { data, partition_key, explicit_hash_key: None };
                let _ = self.kinesis.put_records(self.now, STREAM, Vec::from([record]));
                self.after(1_000, Event::Write);
            }
        }
    }

    /// One read, as a busy function makes it.
    fn read(&mut self, at: usize) {
        let pause = 1 + self.random.up_to(2 * READ_EVERY - 2);
        self.after(pause, Event::Read(at));
        let time = Time::from_millis(self.now);
        let key = format!("key{}", self.random.up_to(4));
        let member = &mut self.members[at];
        member.looks += 1;
        let lag = member.engine.stats(time).lag.unwrap_or(Duration::ZERO);
        member.late += u64::from(lag.as_millis() > u128::from(self.max_lag));
        let found = match member.engine.get(&key, time) {
            Lookup::Hit(_) | Lookup::Ahead(_) => true,
            Lookup::Miss => false,
            Lookup::Due => {
                let begun = matches!(member.engine.catch_up_for_read(time), CatchUp::Running(_));
                if begun {
                    self.drain(at);
                }
                self.members[at].engine.get_after_catch_up(&key, time).value().is_some()
            }
        };
        if !found && !self.load(at, &key) {
            self.failed_reads += 1;
        }
    }

    fn load(&mut self, at: usize, key: &str) -> bool {
        let time = Time::from_millis(self.now);
        let engine = &self.members[at].engine;
        let value = super::oracle::Value {
            key: 0,
            version: 0,
            began: self.now,
            terms: super::oracle::Terms::default(),
        };
        match engine.begin(key, time, || ()) {
            Begin::Lead(lease) => {
                engine.fill(&lease, Loaded::new(value), time);
                true
            }
            Begin::Join { .. } => false,
        }
    }

    fn drain(&mut self, at: usize) {
        let time = Time::from_millis(self.now);
        while let Some(call) = self.members[at].engine.poll_call(time) {
            let delay = 2 + self.random.up_to(8);
            self.after(delay, Event::Call(at, call));
        }
        if let Some(deadline) = self.members[at].engine.poll_timeout() {
            let delay = u64::try_from(deadline.since(time).as_millis()).expect("soon");
            self.after(delay.max(1), Event::Timer(at));
        }
    }

    /// Measures for some seconds.
    fn measure(&mut self, seconds: u64) -> Measured {
        let reads = |kinesis: &Kinesis| -> Vec<u64> {
            let shards = kinesis.counters().stream_reads(STREAM);
            shards.iter().map(|shard| shard.accepted + shard.throttled).collect()
        };
        let before = reads(&self.kinesis);
        for member in &mut self.members {
            (member.looks, member.late) = (0, 0);
        }
        self.run_until(self.now + seconds * 1_000);
        let after = reads(&self.kinesis);
        let rates: Vec<f64> = after
            .iter()
            .enumerate()
            .map(|(at, reads)| ratio(reads - before.get(at).copied().unwrap_or(0), seconds))
            .collect();
        let (looks, late) = self
            .members
            .iter()
            .fold((0, 0), |(looks, late), member| (looks + member.looks, late + member.late));
        let most = rates.iter().copied().fold(0.0, f64::max);
        let mean = rates.iter().sum::<f64>() / ratio(rates.len() as u64, 1);
        Measured { calls: (most, mean), late: 100.0 * ratio(late, looks) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

fn describe(what: &str, measured: &Measured) -> String {
    let (most, mean) = measured.calls;
    format!(
        "{what}: {mean:.2} GetRecords a second and shard (most: {most:.2}), {:.1} % of cache time past max_lag",
        measured.late
    )
}

/// Writes to the error output itself, so that what was measured is seen when
/// the tests pass, too.
fn tell(line: &str) {
    std::io::stderr()
        .write_all(format!("fleet: {line}\n").as_bytes())
        .expect("the error output takes a line");
}

/// The warm-up after which a fleet is measured, and for how long.
const WARM_UP: u64 = 30;
const WHILE: u64 = 600;

#[test]
fn fifty_caches_share_one_shard() {
    let mut fleet = Fleet::new(50, 1, true, 1);
    fleet.run_until(START + WARM_UP * 1_000);
    let measured = fleet.measure(WHILE);
    tell(&describe("50 caches, 1 shard", &measured));
    assert!(measured.calls.0 <= 6.5, "{}", describe("too many calls", &measured));
    assert!(measured.late <= 15.0, "{}", describe("too stale", &measured));
    assert_eq!(fleet.failed_reads, 0, "a read failed");
}

#[test]
fn eight_hundred_caches_share_sixteen_lanes() {
    let mut fleet = Fleet::new(800, 16, true, 2);
    fleet.run_until(START + WARM_UP * 1_000);
    let measured = fleet.measure(WHILE);
    tell(&describe("800 caches, 16 lanes of 50", &measured));
    assert!(measured.calls.0 <= 6.5, "{}", describe("too many calls", &measured));
    assert!(measured.late <= 15.0, "{}", describe("too stale", &measured));
    assert_eq!(fleet.failed_reads, 0, "a read failed");
}

/// Drawn lanes are not even: some have a quarter more members than they have
/// room for. The fleet as a whole must still keep within its bounds.
#[test]
fn eight_hundred_caches_draw_sixteen_lanes() {
    let mut fleet = Fleet::new(800, 16, false, 2);
    fleet.run_until(START + WARM_UP * 1_000);
    let measured = fleet.measure(WHILE);
    tell(&describe("800 caches, 16 lanes as drawn", &measured));
    assert!(measured.calls.1 <= 6.5, "{}", describe("too many calls", &measured));
    assert!(measured.late <= 15.0, "{}", describe("too stale", &measured));
    assert_eq!(fleet.failed_reads, 0, "a read failed");
}

/// A thousand sandboxes that start within a second, on as many lanes as have
/// room for them (5 × R × `max_lag`). Settled is after the last half minute in
/// which a bound was not kept.
#[test]
fn a_thousand_sandboxes_settle() {
    let mut fleet = Fleet::new(1_000, 20, false, 3);
    let mut settled = 0;
    for window in 1..=20 {
        let measured = fleet.measure(30);
        if measured.calls.1 > 6.5 || measured.late > 15.0 {
            settled = window * 30;
        }
    }
    tell(&format!("1,000 sandboxes that start within a second, 20 lanes: settled after {settled} s"));
    assert!(settled <= 300, "they do not settle within five minutes: {settled} s");
    assert_eq!(fleet.failed_reads, 0, "a read failed");
}
