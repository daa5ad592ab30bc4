//! The embedded stream: a small Kinesis within the process.
//!
//! For tests, for demonstrations, and for several caches of one process that
//! keep each other honest without AWS. It keeps to what a reader can observe of
//! Kinesis (shards by hash key, growing sequence numbers, iterators that expire
//! after five minutes, pages, `MillisBehindLatest`, a retention of 24 hours) and
//! leaves out quotas, resharding and faults.
//!
//! One thing is its own: memory is bounded. Records dropped before their time
//! are not forgotten silently; a position that lies before them is *refused*, so
//! that whoever missed something knows. Readers that had read them already
//! notice nothing.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use snowmelt_core::follower::{
    Answer, Body, CallError, CallErrorKind, HashKeyRange, IteratorStart, ListShards, RecordPage, Request,
    SequenceNumber, ShardDescription, ShardPage, StreamRecord,
};
use snowmelt_core::writer::{Put, PutAnswer, PutOutcome, PutRecord};

use super::{CallFuture, Stream};

/// Kinesis's default retention.
const RETENTION: u64 = 24 * 60 * 60 * 1000;
/// "A shard iterator expires 5 minutes after it is returned" (`GetShardIterator`).
const ITERATOR_LIFE: u64 = 5 * 60 * 1000;
/// The most bytes of records in one answer to `GetRecords`.
const PAGE_BYTES: usize = 10 << 20;
/// The most bytes of one record, and of one `PutRecords`.
const RECORD_BYTES: usize = 1 << 20;
const PUT_BYTES: usize = 5 << 20;
const PUT_RECORDS: usize = 500;

/// Milliseconds since the Unix epoch.
pub type MemoryClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// An embedded stream; clones share it.
#[derive(Clone)]
pub struct MemoryStream {
    shared: Arc<Shared>,
    latency: Duration,
}

struct Shared {
    name: String,
    state: Mutex<State>,
}

/// The streams that have a name and are in use.
static NAMED: Mutex<BTreeMap<String, Weak<Shared>>> = Mutex::new(BTreeMap::new());

impl MemoryStream {
    /// A stream of its own, with one shard.
    pub fn new() -> Self {
        static PRIVATE: AtomicU64 = AtomicU64::new(1);
        Self::over(Shared::new(format!("memory:#{}", PRIVATE.fetch_add(1, Ordering::Relaxed))))
    }

    /// The stream of that name in this process; made with one shard when nobody
    /// holds it. It lasts as long as anybody does.
    pub fn named(name: &str) -> Self {
        let mut named = NAMED.lock();
        if let Some(shared) = named.get(name).and_then(Weak::upgrade) {
            return Self::over(shared);
        }
        named.retain(|_, stream| stream.strong_count() > 0);
        let shared = Shared::new(format!("memory:{name}"));
        named.insert(name.into(), Arc::downgrade(&shared));
        Self::over(shared)
    }

    fn over(shared: Arc<Shared>) -> Self {
        Self { shared, latency: Duration::ZERO }
    }

    /// Gives the stream that many shards (at least one).
    ///
    /// A stream that has another number of them is made anew, as if it had been
    /// deleted: its records are lost and its readers find a gap.
    #[must_use]
    pub fn with_shards(self, shards: usize) -> Self {
        self.shared.state.lock().reshape(shards.max(1));
        self
    }

    /// Lets each call of this handle (and of its later clones) take that long,
    /// by tokio's timer.
    #[must_use]
    pub const fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Replaces the wall clock, for the stream and so for all who share it.
    #[must_use]
    pub fn with_clock(self, clock: MemoryClock) -> Self {
        self.shared.state.lock().clock = clock;
        self
    }

    /// Bounds what the stream holds; default 100,000 records and 32 MiB.
    #[must_use]
    pub fn with_limits(self, records: usize, bytes: usize) -> Self {
        let mut state = self.shared.state.lock();
        (state.max_records, state.max_bytes) = (records.max(1), bytes);
        state.trim();
        drop(state);
        self
    }
}

impl Default for MemoryStream {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStream").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl Stream for MemoryStream {
    fn call(&self, request: Request) -> CallFuture<Answer> {
        let (shared, latency) = (Arc::clone(&self.shared), self.latency);
        Box::pin(async move {
            pass(latency).await;
            shared.state.lock().answer(&request)
        })
    }

    fn put(&self, put: Put) -> CallFuture<PutAnswer> {
        let (shared, latency) = (Arc::clone(&self.shared), self.latency);
        Box::pin(async move {
            pass(latency).await;
            shared.state.lock().put(put)
        })
    }

    fn name(&self) -> &str {
        &self.shared.name
    }
}

/// Needs a runtime only if there is something to wait for.
async fn pass(latency: Duration) {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

impl Shared {
    fn new(name: String) -> Arc<Self> {
        Arc::new(Self { name, state: Mutex::new(State::new()) })
    }
}

struct State {
    clock: MemoryClock,
    /// Differs between any two streams made in this process, and in practice
    /// between processes; the upper part of all sequence numbers.
    incarnation: u128,
    shards: Vec<Shard>,
    /// The last record's, within the incarnation; 0 is each shard's start.
    last_number: u64,
    /// Arrival times never fall, so that a shard can be searched by time. One
    /// that is too late makes a reader see a record again; it hides none.
    last_arrival: u64,
    records: usize,
    bytes: usize,
    max_records: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct Shard {
    records: VecDeque<Stored>,
    /// Number and arrival of the newest record dropped before its time.
    cut: Option<(u64, u64)>,
}

struct Stored {
    number: u64,
    arrival: u64,
    data: Vec<u8>,
}

impl Stored {
    fn bytes(&self) -> usize {
        self.data.len() + size_of::<Self>()
    }
}

/// What an iterator's text says.
struct Cursor {
    incarnation: u128,
    shard: usize,
    /// The least number that is to be read.
    next: u64,
    given: u64,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(':');
        let parsed = Self {
            incarnation: fields.next()?.parse().ok()?,
            shard: fields.next()?.parse().ok()?,
            next: fields.next()?.parse().ok()?,
            given: fields.next()?.parse().ok()?,
        };
        fields.next().is_none().then_some(parsed)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.incarnation, self.shard, self.next, self.given)
    }
}

impl State {
    fn new() -> Self {
        Self {
            clock: Arc::new(wall_clock),
            incarnation: incarnation(),
            shards: vec![Shard::default()],
            last_number: 0,
            last_arrival: 0,
            records: 0,
            bytes: 0,
            max_records: 100_000,
            max_bytes: 32 << 20,
        }
    }

    fn reshape(&mut self, shards: usize) {
        if self.shards.len() != shards {
            let Self { clock, max_records, max_bytes, .. } = self;
            let (clock, max_records, max_bytes) = (Arc::clone(clock), *max_records, *max_bytes);
            let shards = std::iter::repeat_with(Shard::default).take(shards).collect();
            *self = Self { clock, shards, max_records, max_bytes, ..Self::new() };
        }
    }

    fn answer(&mut self, request: &Request) -> Result<Answer, CallError> {
        self.trim();
        let now = (self.clock)();
        let body = match request {
            Request::ListShards(ListShards::From(_)) => Ok(Body::Shards(self.list())),
            Request::ListShards(ListShards::Next(_)) => Err(refusal("there is no further page of shards")),
            Request::ShardIterator { shard, from } => self.iterator(shard, *from, now).map(Body::Iterator),
            Request::Records { iterator, limit, .. } => self.page(iterator, *limit, now).map(Body::Records),
        };
        let date = Some(http_date(now));
        match body {
            Ok(body) => Ok(Answer { date, body }),
            Err((kind, message)) => Err(CallError { kind, message, date }),
        }
    }

    fn list(&self) -> ShardPage {
        let describe = |index| ShardDescription {
            id: shard_id(index),
            parents: Vec::new(),
            hash_keys: hash_keys(index, self.shards.len()),
            starting_sequence_number: self.sequence_number(0),
        };
        ShardPage { shards: (0..self.shards.len()).map(describe).collect(), next_token: None }
    }

    fn iterator(&self, id: &str, from: IteratorStart, now: u64) -> Result<String, Failure> {
        let position = (0..self.shards.len()).find(|&index| shard_id(index) == id);
        let index = position.ok_or_else(|| (CallErrorKind::NotFound, format!("there is no shard {id}")))?;
        let shard = &self.shards[index];
        let start = match from {
            IteratorStart::TrimHorizon => 0,
            IteratorStart::AtTimestamp(time) if time > now => {
                return Err(refusal("the timestamp is in the future"));
            }
            IteratorStart::AtTimestamp(time) if shard.cut.is_some_and(|(_, arrival)| time <= arrival) => {
                return Err(refusal("records at or after that time were dropped to bound memory"));
            }
            IteratorStart::AtTimestamp(time) => shard.records.partition_point(|record| record.arrival < time),
        };
        let next = shard.records.get(start).map_or(self.last_number + 1, |record| record.number);
        Ok(Cursor { incarnation: self.incarnation, shard: index, next, given: now }.to_string())
    }

    fn page(&self, text: &str, limit: u32, now: u64) -> Result<RecordPage, Failure> {
        let iterator = Cursor::parse(text).filter(|iterator| iterator.incarnation == self.incarnation);
        let iterator = iterator.ok_or_else(|| refusal("the iterator is not one of this stream"))?;
        let shard = self.shards.get(iterator.shard).ok_or_else(|| refusal("the iterator names no shard"))?;
        if now.saturating_sub(iterator.given) > ITERATOR_LIFE {
            return Err((CallErrorKind::Expired, "the shard iterator is more than five minutes old".into()));
        }
        if shard.cut.is_some_and(|(number, _)| iterator.next <= number) {
            return Err(refusal("records at the iterator were dropped to bound memory"));
        }
        let start = shard.records.partition_point(|record| record.number < iterator.next);
        let mut bytes = 0;
        let fits = |record: &&Stored| {
            let first = bytes == 0;
            bytes += record.bytes();
            first || bytes <= PAGE_BYTES
        };
        let limit = usize::try_from(limit.clamp(1, 10_000)).unwrap_or(1);
        let records = shard.records.range(start..).take(limit).take_while(fits);
        let records: Vec<_> = records.map(|record| self.stream_record(record)).collect();
        let unread = shard.records.get(start + records.len());
        let next = unread.map_or(self.last_number + 1, |record| record.number);
        Ok(RecordPage {
            records,
            next_iterator: Some(Cursor { next, given: now, ..iterator }.to_string()),
            millis_behind_latest: unread.map_or(0, |record| now.saturating_sub(record.arrival).max(1)),
            child_shards: Vec::new(),
        })
    }

    fn stream_record(&self, record: &Stored) -> StreamRecord {
        StreamRecord {
            sequence_number: self.sequence_number(record.number),
            data: record.data.clone(),
            arrival: record.arrival,
        }
    }

    fn sequence_number(&self, number: u64) -> SequenceNumber {
        SequenceNumber::from(self.incarnation + u128::from(number))
    }

    fn put(&mut self, put: Put) -> Result<PutAnswer, CallError> {
        let now = (self.clock)();
        let date = Some(http_date(now));
        check(&put).map_err(|(kind, message)| CallError { kind, message, date })?;
        self.last_arrival = self.last_arrival.max(now);
        let outcomes = put.records.into_iter().map(|record| self.store(record)).collect();
        self.trim();
        Ok(PutAnswer { date, outcomes })
    }

    fn store(&mut self, record: PutRecord) -> PutOutcome {
        let hash_key = record.explicit_hash_key.unwrap_or_else(|| hash_key(&record.partition_key));
        let count = self.shards.len();
        let index = (0..count).find(|&index| hash_keys(index, count).contains(hash_key)).unwrap_or(0);
        self.last_number += 1;
        let stored = Stored { number: self.last_number, arrival: self.last_arrival, data: record.data };
        self.records += 1;
        self.bytes += stored.bytes();
        let sequence_number = self.sequence_number(stored.number);
        self.shards[index].records.push_back(stored);
        PutOutcome::Stored { shard: shard_id(index), sequence_number }
    }

    /// Drops what is past the retention, and the oldest while there is too much.
    fn trim(&mut self) {
        let horizon = (self.clock)().saturating_sub(RETENTION);
        while let Some((index, arrival)) = self.oldest() {
            let old = arrival < horizon;
            if !old && self.records <= self.max_records && self.bytes <= self.max_bytes {
                break;
            }
            let shard = &mut self.shards[index];
            let Some(dropped) = shard.records.pop_front() else { break };
            if !old {
                shard.cut = Some((dropped.number, dropped.arrival));
            }
            self.records -= 1;
            self.bytes -= dropped.bytes();
        }
    }

    /// The shard that holds the oldest record, and its arrival.
    fn oldest(&self) -> Option<(usize, u64)> {
        let fronts =
            self.shards.iter().enumerate().filter_map(|(index, shard)| Some((index, shard.records.front()?)));
        fronts.min_by_key(|(_, record)| record.number).map(|(index, record)| (index, record.arrival))
    }
}

type Failure = (CallErrorKind, String);

fn refusal(message: &str) -> Failure {
    (CallErrorKind::Refused, message.into())
}

/// The quotas of `PutRecords` that a writer must know of.
fn check(put: &Put) -> Result<(), Failure> {
    if put.records.is_empty() || put.records.len() > PUT_RECORDS {
        return Err(refusal("a put has between 1 and 500 records"));
    }
    let size = |record: &PutRecord| record.data.len() + record.partition_key.len();
    if put.records.iter().any(|record| size(record) > RECORD_BYTES) {
        return Err(refusal("a record has at most 1 MiB, its partition key included"));
    }
    if put.records.iter().map(size).sum::<usize>() > PUT_BYTES {
        return Err(refusal("a put has at most 5 MiB"));
    }
    if put.records.iter().any(|record| !(1..=256).contains(&record.partition_key.chars().count())) {
        return Err(refusal("a partition key has between 1 and 256 characters"));
    }
    Ok(())
}

fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time, then a count for streams made within one millisecond; the low 40
/// bits are for the records.
fn incarnation() -> u128 {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let count = MADE.fetch_add(1, Ordering::Relaxed) & 0xff_ffff;
    u128::from(wall_clock()) << 64 | u128::from(count) << 40
}

/// The resolution of HTTP's `Date` is a second.
const fn http_date(now: u64) -> u64 {
    now / 1000 * 1000
}

fn shard_id(index: usize) -> String {
    format!("shardId-{index:012}")
}

/// The hash key space in equal parts, as `CreateStream` divides it.
fn hash_keys(index: usize, count: usize) -> HashKeyRange {
    let start = |index: usize| match count {
        0 | 1 => 0,
        _ => (u128::MAX / count as u128) * index as u128,
    };
    let end = if index + 1 >= count { u128::MAX } else { start(index + 1) - 1 };
    HashKeyRange { start: start(index), end }
}

/// Spreads partition keys. Not MD5 as in Kinesis: which shard a key belongs to
/// is nothing that a reader may rely on.
fn hash_key(partition_key: &str) -> u128 {
    let mut hasher = DefaultHasher::new();
    partition_key.hash(&mut hasher);
    u128::from(hasher.finish()) << 64
}

#[cfg(test)]
mod tests;
