use std::sync::Arc;

use super::hash::hash_key;
use super::shard::{Stored, shard_id};
use super::{Fault, Kinesis};

/// A record to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutEntry {
    /// The record's data.
    pub data: Vec<u8>,
    /// Decides the shard, through its MD5, unless a hash key is given.
    pub partition_key: String,
    /// Decides the shard directly.
    pub explicit_hash_key: Option<u128>,
}

/// Where a record was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOk {
    /// The shard's id.
    pub shard: String,
    /// The record's sequence number.
    pub sequence_number: String,
}

/// Why one record of a `PutRecords` was not put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutRefusal {
    /// One of [`code`](super::code).
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// `PutRecords` in the API reference: at most 500 records, each at most 1 MiB
/// of data and partition key together, 5 MiB in all.
const MOST_RECORDS: usize = 500;
const MOST_RECORD_BYTES: usize = 1024 * 1024;
const MOST_BYTES: usize = 5 * 1024 * 1024;

impl PutEntry {
    fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }

    fn hash_key(&self) -> u128 {
        self.explicit_hash_key.unwrap_or_else(|| hash_key(&self.partition_key))
    }
}

fn check(records: &[PutEntry]) -> Result<(), Fault> {
    if records.is_empty() || records.len() > MOST_RECORDS {
        return Err(Fault::validation(format!(
            "Value at 'records' failed to satisfy constraint: 1 to {MOST_RECORDS} records, not {}",
            records.len()
        )));
    }
    for record in records {
        let key = record.partition_key.chars().count();
        if key == 0 || key > 256 {
            return Err(Fault::validation("partitionKey must have 1 to 256 characters"));
        }
        if record.size() > MOST_RECORD_BYTES {
            return Err(Fault::validation("a record may have at most 1 MiB with its partitionKey"));
        }
    }
    if records.iter().map(PutEntry::size).sum::<usize>() > MOST_BYTES {
        return Err(Fault::invalid("Records size exceeds 5 MB limit"));
    }
    Ok(())
}

impl Kinesis {
    /// Puts up to 500 records; with quotas, some may be refused and the others
    /// stored. The answer has one outcome per record, in their order.
    pub fn put_records(
        &mut self,
        now: u64,
        stream: &str,
        records: Vec<PutEntry>,
    ) -> Result<Vec<Result<PutOk, PutRefusal>>, Fault> {
        let checked = check(&records).and_then(|()| self.stream(stream).map(|_| ()));
        self.counters.put_records.note(&checked);
        checked?;
        Ok(records.into_iter().map(|entry| self.put(now, stream, entry)).collect())
    }

    fn put(&mut self, now: u64, name: &str, entry: PutEntry) -> Result<PutOk, PutRefusal> {
        let (horizon, enforce) = (self.horizon(now), self.settings.enforce_quotas);
        let copies = 1 + u64::from(self.rng.chance(self.settings.duplicate_per_mille));
        let (readable_at, arrival) = self.times(now);
        let stream = self.streams.get_mut(name).expect("checked by put_records");
        let (size, key) = (entry.size() as u64, entry.hash_key());
        let number = stream.route(key);
        let shard = &mut stream.shards[number as usize];
        let id = shard_id(number);
        if enforce && !shard.quotas.write(now, size) {
            self.counters.records_refused += 1;
            let Fault { code, message } = Fault::throttled(&id, name);
            return Err(PutRefusal { code, message });
        }
        shard.trim(horizon);
        let mut sequence = shard.first_sequence();
        let (partition_key, data) = (Arc::from(entry.partition_key), Arc::from(entry.data));
        let record = Stored { sequence, put_at: now, readable_at, arrival, partition_key, data };
        // With two copies, the number told is the second's: the producer saw
        // only the answer to its retry.
        for _ in 0..copies {
            sequence = shard.append(record.clone());
        }
        self.counters.records_written += copies;
        Ok(PutOk { shard: id, sequence_number: sequence.to_string() })
    }

    /// When a record put now becomes readable, and when it is said to have come.
    fn times(&mut self, now: u64) -> (u64, u64) {
        let (least, most) = self.settings.put_to_get_ms;
        let readable_at = now + self.rng.between(least, most);
        let jitter = self.settings.arrival_jitter_ms;
        let arrival = (now + self.rng.between(0, 2 * jitter)).saturating_sub(jitter);
        (readable_at, arrival)
    }
}
