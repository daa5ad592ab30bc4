use std::sync::Arc;

use super::hash::HashRange;
use super::shard::{Shard, Stored, shard_id, shard_number};
use super::span::Span;
use super::token::Iterator as Place;
use super::{Fault, Kinesis, code};

/// A record as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Greater than that of every record before it in the shard.
    pub sequence_number: String,
    /// `ApproximateArrivalTimestamp`, ms since the epoch.
    pub arrival: u64,
    /// The partition key it was put with.
    pub partition_key: Arc<str>,
    /// Its data.
    pub data: Arc<[u8]>,
}

/// A shard that goes on where a closed one ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildShard {
    /// The child's id.
    pub id: String,
    /// Its one parent (a split) or two (a merge).
    pub parents: Vec<String>,
    /// The hash keys it takes.
    pub range: HashRange,
}

/// One page of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetRecordsOutput {
    /// The records, oldest first.
    pub records: Vec<Record>,
    /// Where to go on; `None` only at the end of a closed shard.
    pub next_iterator: Option<String>,
    /// 0 only when the answer reaches the end of what can be read.
    pub millis_behind_latest: u64,
    /// The closed shard's children, when there is no next iterator.
    pub child_shards: Vec<ChildShard>,
}

const MOST_PER_PAGE: u32 = 10_000;

impl Kinesis {
    /// Reads from where the iterator stands, at most `limit` records.
    pub fn get_records(
        &mut self,
        now: u64,
        iterator: &str,
        limit: Option<u32>,
    ) -> Result<GetRecordsOutput, Fault> {
        let outcome = self.page(now, iterator, limit.unwrap_or(MOST_PER_PAGE));
        self.counters.get_records.note(&outcome);
        if let Ok(page) = &outcome {
            self.counters.records_read += page.records.len() as u64;
            self.counters.bytes_read += page.records.iter().map(|r| r.data.len() as u64).sum::<u64>();
        }
        outcome
    }

    /// The stream and shard an iterator belongs to, expired or not: for logs.
    pub fn iterator_shard(&self, iterator: &str) -> Option<(String, String)> {
        let place = Place::decode(iterator)?;
        Some((self.lives.get(&place.life)?.clone(), shard_id(place.shard)))
    }

    fn page(&mut self, now: u64, iterator: &str, limit: u32) -> Result<GetRecordsOutput, Fault> {
        if limit == 0 || limit > MOST_PER_PAGE {
            return Err(Fault::validation("limit must be from 1 to 10000"));
        }
        let place = self.known(now, iterator)?;
        let name = self.lives[&place.life].clone();
        let horizon = self.horizon(now);
        let stream = self.streams.get_mut(&name).expect("a life has its stream");
        let id = shard_id(place.shard);
        let shard = stream.shard_mut(&id, horizon)?;
        let reads = self.counters.shard_mut(&name, place.shard);
        if self.settings.enforce_quotas && !shard.quotas.read(now) {
            reads.throttled += 1;
            return Err(Fault::throttled(&id, &name));
        }
        reads.accepted += 1;
        shard.trim(horizon);
        Ok(self.read(now, &name, place, limit))
    }

    /// The iterator, unless it is none, has expired, or its stream is gone.
    fn known(&self, now: u64, iterator: &str) -> Result<Place, Fault> {
        let place = Place::decode(iterator).ok_or_else(|| Fault::invalid("Invalid ShardIterator."))?;
        let age = now.saturating_sub(place.issued);
        if place.epoch < self.epoch || age >= self.settings.iterator_lifetime_ms {
            let message = format!(
                "Iterator expired. The iterator was created at time {} while right now it is {now} which is further in the future than the tolerated delay of {} milliseconds.",
                place.issued, self.settings.iterator_lifetime_ms
            );
            return Err(Fault::new(code::EXPIRED_ITERATOR, message));
        }
        // What the service says about an iterator of a stream deleted (and
        // perhaps made anew) is not documented.
        if !self.lives.contains_key(&place.life) {
            return Err(Fault::new(code::NOT_FOUND, "The iterator's stream does not exist."));
        }
        Ok(place)
    }

    fn read(&mut self, now: u64, name: &str, place: Place, limit: u32) -> GetRecordsOutput {
        let settings = &self.settings;
        let empty = self.rng.chance(settings.empty_page_per_mille);
        let overlap = self.rng.chance(settings.overlap_per_mille);
        let closing = self.rng.chance(settings.closing_page_per_mille);
        let stream = self.streams.get_mut(name).expect("a life has its stream");
        let shard = &stream.shards[place.shard as usize];
        let mut span = Span::of(shard, now, place, limit, settings);
        if empty && span.to > span.from {
            span = span.emptied(shard, now, place);
        }
        let stored = (span.from..span.to).filter_map(|i| shard.record(i));
        let records: Vec<Record> = stored.map(Record::of).collect();
        let at_end = span.tip && shard.closed_at.is_some() && span.to == shard.end();
        let ended = at_end && (!closing || records.is_empty());
        let mut index = span.to;
        if overlap && records.len() > 1 && !at_end {
            index -= self.rng.between(1, records.len() as u64 - 1);
        }
        let next = (!ended).then_some(Place {
            index,
            scanned: span.scanned,
            issued: now,
            epoch: self.epoch,
            ..place
        });
        let child_shards = next.map_or_else(|| children(&stream.shards, shard), |_| Vec::new());
        // "A value of zero indicates that ... there are no new records to
        // process": not so where children of a closed shard go on.
        let closed_for =
            shard.closed_at.filter(|_| at_end && !ended).map(|closed| now.saturating_sub(closed));
        let millis_behind_latest = span.behind(now).max(closed_for.map_or(0, |ms| ms.max(1)));
        let bytes: usize = records.iter().map(Record::size).sum();
        let quotas = &mut stream.shards[place.shard as usize].quotas;
        quotas.read_bytes.charge(now, bytes as u64);
        GetRecordsOutput {
            records,
            next_iterator: next.map(|next| next.encode()),
            millis_behind_latest,
            child_shards,
        }
    }

    /// The children of a closed shard, for logs and tests.
    pub fn child_shards(&self, stream: &str, shard: &str) -> Vec<ChildShard> {
        let Some(stream) = self.streams.get(stream) else {
            return Vec::new();
        };
        let closed = shard_number(shard).and_then(|n| stream.shards.get(n as usize));
        closed.map(|shard| children(&stream.shards, shard)).unwrap_or_default()
    }
}

impl Record {
    fn of(stored: &Stored) -> Self {
        Self {
            sequence_number: stored.sequence.to_string(),
            arrival: stored.arrival,
            partition_key: Arc::clone(&stored.partition_key),
            data: Arc::clone(&stored.data),
        }
    }

    fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }
}

fn children(shards: &[Shard], closed: &Shard) -> Vec<ChildShard> {
    let describe = |number: &u32| {
        let child = &shards[*number as usize];
        let parents = child.parent.iter().chain(&child.adjacent_parent);
        ChildShard { id: child.id(), parents: parents.map(|n| shard_id(*n)).collect(), range: child.range }
    };
    closed.children.iter().map(describe).collect()
}
