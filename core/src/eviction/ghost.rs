//! A bounded memory of keys that left.

use alloc::vec::Vec;

/// Ghosts in a bucket: one cache line of fingerprints.
const WAYS: usize = 32;

/// No ghost.
const EMPTY: u16 = 0;

/// A set of fingerprints that forgets the oldest.
///
/// A fingerprint falls into one bucket, and each bucket is a short FIFO queue;
/// keys spread evenly over buckets, so a ghost lives for about as many pushes
/// as the set has room for. Two bytes a ghost; a lookup that should fail
/// succeeds once in about two thousand, which costs one misplaced entry.
#[derive(Debug)]
pub(super) struct Ghosts {
    buckets: Vec<[u16; WAYS]>,
}

impl Ghosts {
    pub(super) const fn new() -> Self {
        Self { buckets: Vec::new() }
    }

    /// Makes room for about `ghosts`. Growing forgets every ghost, so the
    /// room at least doubles; it is never given back but by `clear`.
    pub(super) fn reserve(&mut self, ghosts: usize) {
        let wanted = ghosts.div_ceil(WAYS);
        if wanted > self.buckets.len() {
            let room = wanted.max(self.buckets.len() * 2);
            self.buckets = alloc::vec![[EMPTY; WAYS]; room];
        }
    }

    /// Remembers `fingerprint`.
    pub(super) fn push(&mut self, fingerprint: u32) {
        let (index, ghost) = self.place(fingerprint);
        if let Some(bucket) = self.buckets.get_mut(index) {
            let before = *bucket;
            bucket[1..].copy_from_slice(&before[..WAYS - 1]);
            bucket[0] = ghost;
        }
    }

    /// Forgets `fingerprint`, and says about how many pushes ago it was
    /// pushed last.
    pub(super) fn take(&mut self, fingerprint: u32) -> Option<usize> {
        let (index, ghost) = self.place(fingerprint);
        let bucket = self.buckets.get_mut(index)?;
        // Without leaving early: a few vector instructions, and most keys are
        // strangers.
        if bucket.iter().filter(|&&way| way == ghost).count() == 0 {
            return None;
        }
        // Each push shifts one bucket, so a way is as old as there are buckets.
        let way = bucket.iter().position(|&way| way == ghost)?;
        bucket[way] = EMPTY;
        Some(way * self.buckets.len())
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "scaled below the number of buckets; cut to 16 bits on purpose"
    )]
    fn place(&self, fingerprint: u32) -> (usize, u16) {
        let mixed = fingerprint.wrapping_mul(0x9E37_79B1);
        let index = (u64::from(mixed) * self.buckets.len() as u64) >> 32;
        (index as usize, ((fingerprint >> 12) as u16).max(1))
    }
}
