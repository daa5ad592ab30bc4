//! Counters: what a cache did, what it saved and what that cost.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

/// A reading of every counter, since the cache was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reads that were served from memory.
    pub hits: u64,
    /// Reads that were not served from memory at once: the value was not
    /// there, or past its lifetime.
    pub misses: u64,
    /// Reads that were served past the lifetime, within
    /// `stale_while_revalidate`.
    pub stale: u64,
    /// Reads that were served within `stale_if_error`, because the load failed
    /// or took long.
    pub rescued: u64,
    /// Loads that began while the old value could still be served.
    pub refreshes: u64,
    /// Leases given out: loads that began.
    pub loads: u64,
    /// Loads that ended without a value.
    pub load_failures: u64,
    /// Reads that waited for a load another read had begun.
    pub coalesced: u64,
    /// Values that were stored.
    pub fills: u64,
    /// Values that were not stored because an invalidation, a gap, a freeze
    /// or the load timeout had revoked their lease.
    pub fenced: u64,
    /// Values that were not stored because they alone are over the bound.
    pub too_heavy: u64,
    /// Entries that left to make room.
    pub evictions: u64,
    /// Entries that were found past their lifetime and its windows.
    pub expirations: u64,
    /// Entries dropped because their key was invalidated.
    pub invalidated_by_key: u64,
    /// Entries dropped because a tag of theirs was invalidated.
    pub invalidated_by_tag: u64,
    /// Entries dropped because a prefix of their key was invalidated.
    pub invalidated_by_prefix: u64,
    /// Entries dropped because everything was invalidated, or by a gap.
    pub invalidated_by_all: u64,
    /// Records read from the stream.
    pub records: u64,
    /// Records among them that no codec could read.
    pub undecodable: u64,
    /// Catch-ups that reached the tip of every followed shard.
    pub catch_ups_succeeded: u64,
    /// Catch-ups that failed or ran out of their budget.
    pub catch_ups_failed: u64,
    /// Catch-ups that the stream throttled.
    pub catch_ups_throttled: u64,
    /// Times that continuity could not be proven and everything was dropped.
    pub gaps: u64,
    /// How far behind the stream the cache is; `None` while it follows
    /// nothing.
    pub lag: Option<Duration>,
    /// The load times that hits avoided.
    pub time_saved: Duration,
    /// The time spent catching up.
    pub time_spent: Duration,
    /// `ListShards` calls.
    pub list_shards_calls: u64,
    /// `GetShardIterator` calls.
    pub shard_iterator_calls: u64,
    /// `GetRecords` calls.
    pub get_records_calls: u64,
    /// `PutRecords` calls.
    pub put_records_calls: u64,
    /// Entries now.
    pub entries: usize,
    /// Their weight.
    pub weight: u64,
    /// Loads under way.
    pub leases: usize,
}

impl Stats {
    /// Calls to the stream, of every kind.
    pub fn calls(&self) -> u64 {
        self.list_shards_calls + self.shard_iterator_calls + self.get_records_calls + self.put_records_calls
    }
}

/// Load times are counted in this unit, so that a quarter of an hour fits 26
/// bits.
const COST_UNIT_MICROS: u128 = 16;
const HIT_BITS: u32 = 20;
const HITS_MASK: u64 = (1 << HIT_BITS) - 1;
/// Above this the counter is emptied: well before either half overflows.
const FULL: u64 = 1 << (HIT_BITS - 4);

/// A load time in the counters' unit; 15 minutes at the most.
pub(crate) fn cost(took: Duration) -> u32 {
    let most = 900 * 1_000_000 / COST_UNIT_MICROS;
    u32::try_from((took.as_micros() / COST_UNIT_MICROS).min(most)).unwrap_or(u32::MAX)
}

/// The same in milliseconds.
pub(crate) fn cost_millis(cost: u32) -> u64 {
    let micros = u128::from(cost) * COST_UNIT_MICROS;
    u64::try_from(micros / 1000).unwrap_or(u64::MAX)
}

/// Counts hits and the load times they avoided. Threads that have a number
/// count apart, so that no hit writes what another thread reads; the others
/// share one count.
#[derive(Debug)]
pub(crate) struct HitCounter {
    own: Box<[OwnCount]>,
    shared: SharedCount,
}

/// What one thread counts; only it writes here. A cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct OwnCount {
    hits: AtomicU64,
    saved: AtomicU64,
}

/// What many threads count, with one atomic operation a hit: 20 bits of hits
/// below 44 bits of time.
#[derive(Debug, Default)]
struct SharedCount {
    recent: AtomicU64,
    hits: AtomicU64,
    saved: AtomicU64,
}

impl HitCounter {
    pub(crate) fn new(threads: usize) -> Self {
        Self { own: (0..threads).map(|_| OwnCount::default()).collect(), shared: SharedCount::default() }
    }

    #[inline]
    pub(crate) fn hit(&self, thread: Option<usize>, cost: u32) {
        match thread.and_then(|thread| self.own.get(thread)) {
            Some(own) => own.hit(cost),
            None => self.shared.hit(cost),
        }
    }

    pub(crate) fn add_to(&self, stats: &mut Stats) {
        self.shared.settle();
        let own = self.own.iter().map(|own| (&own.hits, &own.saved));
        let mut saved = 0_u64;
        for (hits, time) in own.chain([(&self.shared.hits, &self.shared.saved)]) {
            stats.hits += hits.load(Ordering::Relaxed);
            saved = saved.saturating_add(time.load(Ordering::Relaxed));
        }
        stats.time_saved += Duration::from_micros(saved.saturating_mul(16));
    }
}

impl OwnCount {
    #[inline]
    fn hit(&self, cost: u32) {
        self.hits.store(self.hits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.saved.store(self.saved.load(Ordering::Relaxed).saturating_add(cost.into()), Ordering::Relaxed);
    }
}

impl SharedCount {
    fn hit(&self, cost: u32) {
        let before = self.recent.fetch_add(u64::from(cost) << HIT_BITS | 1, Ordering::Relaxed);
        if before & HITS_MASK >= FULL {
            self.settle();
        }
    }

    #[cold]
    fn settle(&self) {
        let recent = self.recent.swap(0, Ordering::Relaxed);
        self.hits.fetch_add(recent & HITS_MASK, Ordering::Relaxed);
        self.saved.fetch_add(recent >> HIT_BITS, Ordering::Relaxed);
    }
}
