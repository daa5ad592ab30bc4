use super::hash::uniform_range;
use super::quota::Bucket;
use super::shard::{Birth, Shard, shard_number};
use super::{Fault, Kinesis, code};

/// One life of a stream: from its creation to its deletion.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) life: u64,
    pub(super) created_at: u64,
    /// By shard number; closed shards stay, emptied by the retention.
    pub(super) shards: Vec<Shard>,
    /// The open shards' numbers in the order of their hash ranges.
    pub(super) open: Vec<u32>,
    pub(super) list_quota: Bucket,
}

/// What `DescribeStreamSummary` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSummary {
    /// The stream's name.
    pub name: String,
    /// When this life of it began.
    pub created_at: u64,
    /// How many shards are open.
    pub open_shards: u32,
    /// The retention in hours, rounded up.
    pub retention_hours: u64,
}

impl Stream {
    pub(super) fn shard(&self, id: &str, horizon: u64) -> Result<&Shard, Fault> {
        let found = shard_number(id).and_then(|n| self.shards.get(n as usize));
        found.filter(|s| !s.is_gone(horizon)).ok_or_else(|| Fault::no_shard(id, &self.name))
    }

    pub(super) fn shard_mut(&mut self, id: &str, horizon: u64) -> Result<&mut Shard, Fault> {
        let found = shard_number(id).and_then(|n| self.shards.get_mut(n as usize));
        found.filter(|s| !s.is_gone(horizon)).ok_or_else(|| Fault::no_shard(id, &self.name))
    }

    /// The number of the open shard whose range holds the key.
    pub(super) fn route(&self, key: u128) -> u32 {
        let after = self.open.partition_point(|n| self.shards[*n as usize].range.start <= key);
        self.open[after - 1]
    }

    /// Opens a shard; the caller keeps the open ranges a partition.
    pub(super) fn open_shard(&mut self, birth: &Birth) {
        let start = birth.range.start;
        self.shards.push(Shard::new(birth));
        let at = self.open.partition_point(|n| self.shards[*n as usize].range.start < start);
        self.open.insert(at, birth.number);
    }

    pub(super) fn next_number(&self) -> u32 {
        u32::try_from(self.shards.len()).expect("fewer than 2^32 shards")
    }
}

fn check(name: &str, shards: u32) -> Result<(), Fault> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    if name.is_empty() || name.len() > 128 || !name.bytes().all(plain) {
        return Err(Fault::validation("streamName must match [a-zA-Z0-9_.-]{1,128}"));
    }
    if shards == 0 || shards > 10_000 {
        return Err(Fault::validation("shardCount must be from 1 to 10000"));
    }
    Ok(())
}

impl Kinesis {
    /// Creates a stream of `shards` uniform shards, active at once.
    ///
    /// A deleted stream's name may be used again: the shard ids are the same,
    /// the `StartingSequenceNumber`s are not.
    pub fn create_stream(&mut self, now: u64, name: &str, shards: u32) -> Result<(), Fault> {
        check(name, shards)?;
        if self.streams.contains_key(name) {
            let message = format!("Stream {name} under account 000000000000 already exists.");
            return Err(Fault::new(code::IN_USE, message));
        }
        self.born += 1;
        let secs = self.next_secs(now);
        let mut stream = Stream {
            name: name.to_owned(),
            life: self.born,
            created_at: now,
            shards: Vec::new(),
            open: Vec::new(),
            list_quota: Bucket::new(1000),
        };
        for number in 0..shards {
            let range = uniform_range(number, shards);
            let (parent, adjacent_parent) = (None, None);
            stream.open_shard(&Birth { number, range, parent, adjacent_parent, at: now, secs });
        }
        self.lives.insert(stream.life, name.to_owned());
        self.streams.insert(name.to_owned(), stream);
        Ok(())
    }

    /// Deletes a stream with all its records, at once.
    pub fn delete_stream(&mut self, _now: u64, name: &str) -> Result<(), Fault> {
        let stream = self.streams.remove(name).ok_or_else(|| Fault::no_stream(name))?;
        self.lives.remove(&stream.life);
        Ok(())
    }

    /// What `DescribeStreamSummary` tells about a stream.
    pub fn describe_stream_summary(&self, name: &str) -> Result<StreamSummary, Fault> {
        let stream = self.stream(name)?;
        Ok(StreamSummary {
            name: name.to_owned(),
            created_at: stream.created_at,
            open_shards: u32::try_from(stream.open.len()).unwrap_or(u32::MAX),
            retention_hours: self.settings.retention_ms.div_ceil(3_600_000),
        })
    }

    /// The names of all streams, sorted.
    pub fn stream_names(&self) -> impl Iterator<Item = &str> {
        self.streams.keys().map(String::as_str)
    }
}
