//! An engine of the core that follows a stream of one shard, to measure how
//! fast records are decoded and applied.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use snowmelt_core::follower::{
    Answer, Body, HashKeyRange, RecordPage, Request, SequenceNumber, ShardDescription, ShardPage,
    StreamRecord,
};
use snowmelt_core::{Config, Engine, Host, Loaded, Time};

struct OneThread;

impl Host for OneThread {
    type Value = u64;
    type Flight = ();
    type Cell<T> = RefCell<T>;
}

const NOW: Time = Time::from_millis(1_790_000_000_000);
const KEYS_A_RECORD: usize = 1_000;

/// A cache of some entries that is about to read records.
pub struct Applying {
    engine: Engine<OneThread>,
    entries: u32,
    records: u128,
    now: Time,
}

impl Applying {
    /// A cache of `entries` entries.
    ///
    /// # Panics
    ///
    /// Never, with sound options.
    pub fn new(entries: u32) -> Self {
        let mut config = Config::default();
        config.stream = Some("bench".into());
        config.max_entries = entries as usize;
        (config.ttl_min, config.ttl_max) = (Duration::from_secs(86_400), Duration::from_secs(86_400));
        let engine = Engine::new(config, 1, NOW).expect("sound options");
        Self { engine, entries, records: 0, now: NOW }
    }

    /// Fills the cache, then gives it records that name `first..first + keys`,
    /// a thousand each, in one answer of the stream. Returns how long that
    /// answer took.
    pub fn apply(&mut self, first: u32, keys: u32) -> Duration {
        for number in 0..self.entries {
            self.engine.insert(&name(number), Loaded::new(u64::from(number)), None, self.now);
        }
        let mut page = Some(self.page(first, keys));
        self.now = self.now + Duration::from_millis(2_000);
        let _ = self.engine.catch_up(self.now);
        let mut took = Duration::ZERO;
        while let Some(call) = self.engine.poll_call(self.now) {
            let body = match call.request {
                Request::ListShards(_) => Body::Shards(shards()),
                Request::ShardIterator { .. } => Body::Iterator("first".into()),
                Request::Records { .. } => Body::Records(page.take().unwrap_or_default()),
            };
            let answer = Answer { date: None, body };
            let start = Instant::now();
            self.engine.handle_answer(call.id, Ok(answer), self.now);
            took = took.max(start.elapsed());
        }
        while self.engine.poll_event().is_some() {}
        took
    }

    /// Entries that records have named so far.
    pub fn invalidated(&self) -> u64 {
        self.engine.stats(self.now).invalidated_by_key
    }

    fn page(&mut self, first: u32, keys: u32) -> RecordPage {
        let numbers: Vec<u32> = (first..first + keys).collect();
        let records = numbers.chunks(KEYS_A_RECORD).map(|numbers| {
            self.records += 1;
            StreamRecord {
                sequence_number: SequenceNumber::from(self.records),
                data: record(numbers),
                arrival: self.now.as_millis(),
            }
        });
        RecordPage { records: records.collect(), next_iterator: Some("next".into()), ..RecordPage::default() }
    }
}

/// About twenty bytes.
fn name(number: u32) -> String {
    format!("users/{:014}", u64::from(number) * 7_654_321)
}

fn record(numbers: &[u32]) -> Vec<u8> {
    let keys: Vec<String> = numbers.iter().map(|&number| format!("\"{}\"", name(number))).collect();
    format!("{{\"snowmelt\":1,\"keys\":[{}],\"ts\":1790000000000}}", keys.join(",")).into_bytes()
}

fn shards() -> ShardPage {
    let shard = ShardDescription {
        id: "shardId-000000000000".into(),
        parents: Vec::new(),
        hash_keys: HashKeyRange { start: 0, end: u128::MAX },
        starting_sequence_number: SequenceNumber::from(1),
    };
    ShardPage { shards: vec![shard], next_token: None }
}
