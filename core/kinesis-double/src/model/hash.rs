use md5::{Digest, Md5};

/// A range of hash keys, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashRange {
    /// The first hash key of the range.
    pub start: u128,
    /// The last hash key of the range.
    pub end: u128,
}

impl HashRange {
    /// Whether the range holds the key.
    pub fn contains(self, key: u128) -> bool {
        self.start <= key && key <= self.end
    }
}

/// The hash key of a partition key: its MD5, as a 128-bit number
/// (`PutRecord` in the API reference).
pub(super) fn hash_key(partition_key: &str) -> u128 {
    let digest = Md5::digest(partition_key.as_bytes());
    digest.iter().fold(0, |key, byte| (key << 8) | u128::from(*byte))
}

/// Where shard `index` of `count` uniform shards starts: ⌊index · 2¹²⁸ / count⌋.
pub(super) fn uniform_start(index: u32, count: u32) -> u128 {
    let (index, count) = (u128::from(index), u128::from(count));
    let (quotient, rest) = (u128::MAX / count, u128::MAX % count + 1);
    quotient * index + rest * index / count
}

/// The range of shard `index` of `count` uniform shards.
pub(super) fn uniform_range(index: u32, count: u32) -> HashRange {
    let next = index + 1;
    let end = if next == count { u128::MAX } else { uniform_start(next, count) - 1 };
    HashRange { start: uniform_start(index, count), end }
}
