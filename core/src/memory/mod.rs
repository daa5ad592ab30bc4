//! The embedded stream's model: a small Kinesis without clock or lock.
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
//!
//! A host keeps the models by name, guards them and gives them the time.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::follower::{
    Answer, Body, CallError, CallErrorKind, HashKeyRange, IteratorStart, ListShards, RecordPage, Request,
    SequenceNumber, ShardDescription, ShardPage, StreamRecord,
};
use crate::writer::{Put, PutAnswer, PutOutcome, PutRecord};

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

/// The part of a sequence number that counts records.
const RECORD_NUMBERS: u128 = 0xff_ffff_ffff;

/// An embedded stream. Times are milliseconds since the Unix epoch.
#[derive(Debug)]
pub struct MemoryModel {
    /// The upper part of all sequence numbers.
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

#[derive(Debug, Default)]
struct Shard {
    records: VecDeque<Stored>,
    /// Number and arrival of the newest record dropped before its time.
    cut: Option<(u64, u64)>,
}

#[derive(Debug)]
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

impl MemoryModel {
    /// An empty stream with that many shards (at least one).
    ///
    /// `incarnation` tells it from every other stream, so that positions of
    /// one are refused by the other: see [`MemoryModel::incarnation`].
    pub fn new(incarnation: u128, shards: usize) -> Self {
        Self {
            incarnation: incarnation & !RECORD_NUMBERS,
            shards: core::iter::repeat_with(Shard::default).take(shards.max(1)).collect(),
            last_number: 0,
            last_arrival: 0,
            records: 0,
            bytes: 0,
            max_records: 100_000,
            max_bytes: 32 << 20,
        }
    }

    /// An incarnation: the time, then a count of the streams that this process
    /// made, which tells apart those made within one millisecond. The low 40
    /// bits are for the records.
    pub const fn incarnation(now_ms: u64, count: u64) -> u128 {
        (now_ms as u128) << 64 | ((count & 0xff_ffff) as u128) << 40
    }

    /// Gives the stream that many shards (at least one). If it has another
    /// number of them it is made anew under `incarnation`, as if it had been
    /// deleted: its records are lost and its readers find a gap.
    pub fn reshape(&mut self, shards: usize, incarnation: u128) {
        let shards = shards.max(1);
        if self.shards.len() != shards {
            let Self { max_records, max_bytes, .. } = *self;
            *self = Self { max_records, max_bytes, ..Self::new(incarnation, shards) };
        }
    }

    /// Bounds what the stream holds; default 100,000 records and 32 MiB.
    pub fn limit(&mut self, records: usize, bytes: usize, now_ms: u64) {
        (self.max_records, self.max_bytes) = (records.max(1), bytes);
        self.trim(now_ms);
    }

    /// How many records it holds.
    pub const fn records(&self) -> usize {
        self.records
    }

    /// The bytes of memory that its records take.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// `ListShards`, `GetShardIterator` or `GetRecords`.
    ///
    /// # Errors
    ///
    /// As Kinesis has them: a shard that is not there, an iterator that expired
    /// or is of another stream, a time in the future; and a position before
    /// records that were dropped to bound memory.
    pub fn call(&mut self, request: &Request, now_ms: u64) -> Result<Answer, CallError> {
        let now = now_ms;
        self.trim(now);
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
        SequenceNumber::from(self.incarnation.saturating_add(number.into()))
    }

    /// `PutRecords`.
    ///
    /// # Errors
    ///
    /// If the put is none that Kinesis would take; then nothing is stored.
    pub fn put(&mut self, put: Put, now_ms: u64) -> Result<PutAnswer, CallError> {
        let date = Some(http_date(now_ms));
        check(&put).map_err(|(kind, message)| CallError { kind, message, date })?;
        self.last_arrival = self.last_arrival.max(now_ms);
        let outcomes = put.records.into_iter().map(|record| self.store(record)).collect();
        self.trim(now_ms);
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
    fn trim(&mut self, now: u64) {
        let horizon = now.saturating_sub(RETENTION);
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
    u128::from(FixedState::default().hash_one(partition_key)) << 64
}

#[cfg(test)]
mod tests;
