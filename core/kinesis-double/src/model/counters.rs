use std::collections::BTreeMap;

/// How often one operation was called and how it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperationCount {
    /// All calls.
    pub calls: u64,
    /// Calls refused by a quota.
    pub throttled: u64,
    /// Calls refused for another reason.
    pub refused: u64,
}

/// `GetRecords` calls of one shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShardReads {
    /// Calls answered.
    pub accepted: u64,
    /// Calls refused by a quota.
    pub throttled: u64,
}

/// What the service was asked since it was made or since the last
/// [`reset_counters`](crate::Kinesis::reset_counters).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// `GetRecords`.
    pub get_records: OperationCount,
    /// `GetShardIterator`.
    pub get_shard_iterator: OperationCount,
    /// `ListShards`.
    pub list_shards: OperationCount,
    /// `PutRecords`.
    pub put_records: OperationCount,
    /// `SplitShard`, `MergeShards` and `UpdateShardCount`.
    pub reshard: OperationCount,
    /// Records delivered, each delivery counted.
    pub records_read: u64,
    /// Data bytes delivered.
    pub bytes_read: u64,
    /// Records stored, duplicates included.
    pub records_written: u64,
    /// Records refused inside `PutRecords` by a shard's write quota.
    pub records_refused: u64,
    pub(super) shards: BTreeMap<String, Vec<ShardReads>>,
}

impl Counters {
    /// The reads of shard number `shard` of a stream, all its lives together.
    pub fn shard_reads(&self, stream: &str, shard: u32) -> ShardReads {
        let shards = self.shards.get(stream);
        shards.and_then(|s| s.get(shard as usize)).copied().unwrap_or_default()
    }

    /// The reads of all shards of a stream, by shard number.
    pub fn stream_reads(&self, stream: &str) -> &[ShardReads] {
        self.shards.get(stream).map_or(&[], Vec::as_slice)
    }

    pub(super) fn shard_mut(&mut self, stream: &str, shard: u32) -> &mut ShardReads {
        if !self.shards.contains_key(stream) {
            self.shards.insert(stream.to_owned(), Vec::new());
        }
        let shards = self.shards.entry(stream.to_owned()).or_default();
        let shard = shard as usize;
        if shards.len() <= shard {
            shards.resize(shard + 1, ShardReads::default());
        }
        &mut shards[shard]
    }
}

impl OperationCount {
    pub(super) fn note<T>(&mut self, outcome: &Result<T, super::Fault>) {
        self.calls += 1;
        match outcome {
            Ok(_) => {}
            Err(fault) if fault.is_throttle() => self.throttled += 1,
            Err(_) => self.refused += 1,
        }
    }
}
