//! The engine: the only place that orders the parts.
//!
//! # Theory of operation
//!
//! Entries, leases and fences are split over *segments* by the hash of the
//! key, each under a cell of its own; the follower has one cell, the *feed*.
//! The feed's cell is always entered before a segment's.
//!
//! A **read** looks at one segment, shared, and at three published numbers:
//! up to when the stream was applied (`as_of`), when the next catch-up is due
//! (`due`), and when the current invocation began (`boundary`). It takes no
//! lock on the feed.
//!
//! A **load** begins with a lease, which remembers how many invalidations its
//! segment had logged. A **fill** checks the log from there and inserts, under
//! the segment's cell. An invalidation logs and sweeps under the same cell.
//! Hence no order of the two lets a stale value in.
//!
//! A **refresh** is a load whose old value is still there. Whether it may be
//! served is seen under the same cell under which the lease is given, so that
//! there is one refresh at a time; an invalidation takes value and lease
//! together, so that it ends every window at once.
//!
//! A **catch-up** is begun in the feed with the start of the oldest load that
//! is cached or under way; a load that registers later begins later. Answers
//! are taken in the feed, their records applied to the segments, and only then
//! is `as_of` published: whoever sees the new `as_of` finds a swept store.
//!
//! A **gap** empties every segment and revokes every lease before anything
//! else happens in the feed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hasher};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;

use foldhash::fast::FixedState;

mod feed;
mod reads;
mod writes;

pub use feed::CatchUp;
pub use reads::{Loaded, Moment};

use crate::config::Config;
use crate::error::ConfigError;
use crate::expiry::Bounds;
use crate::invalidation::Sources;
use crate::lease::{LeaseId, Validity};
use crate::lock::{Guarded, Host};
use crate::segment::{Hashed, Segment, View, tag_hash};
use crate::stats::{HitCounter, Stats};
use crate::store::Removed;
use crate::time::{Time, Timeline};
use feed::Feed;

/// A cache without clocks, sockets and threads. See the crate's documentation
/// for the loop that drives it.
///
/// Every method takes `&self`; what has to be guarded is, by the host's cells.
/// Times come from [`Engine::observe`].
pub struct Engine<H: Host> {
    config: Config,
    sources: Sources,
    bounds: Bounds,
    hasher: FixedState,
    segments: Box<[H::Cell<Segment<H>>]>,
    feed: H::Cell<Feed>,
    published: Published,
    hits: HitCounter,
    timeline: Timeline,
    /// The number of the next lease.
    next_lease: AtomicU64,
    /// Leases with smaller numbers are revoked.
    first_lease: AtomicU64,
    invocations: AtomicUsize,
    seed: AtomicU64,
}

/// What reads look at without entering the feed.
#[derive(Debug)]
struct Published {
    as_of: AtomicU64,
    due: AtomicU64,
    boundary: AtomicU64,
}

impl<H: Host> Engine<H> {
    /// An empty cache. `seed` should differ from sandbox to sandbox: it
    /// spreads lifetimes, lanes and retries, and hashes keys.
    pub fn new(config: Config, seed: u64, now: Time) -> Result<Self, ConfigError> {
        config.validate()?;
        let sources = Sources::new(&config.sources)?;
        let segments = (0..config.segments).map(|_| H::Cell::new(Segment::new(&config))).collect();
        let feed = Feed::new(&config, seed, now);
        let as_of = if config.stream.is_some() { Time::ZERO } else { Time::MAX };
        let engine = Self {
            sources,
            bounds: Bounds::new(&config),
            hasher: FixedState::with_seed(seed),
            segments,
            published: Published {
                as_of: AtomicU64::new(as_of.as_millis()),
                due: AtomicU64::new(feed.due().as_millis()),
                boundary: AtomicU64::new(u64::MAX),
            },
            hits: HitCounter::new(H::THREADS),
            feed: H::Cell::new(feed),
            timeline: Timeline::new(),
            next_lease: AtomicU64::new(1),
            first_lease: AtomicU64::new(1),
            invocations: AtomicUsize::new(0),
            seed: AtomicU64::new(seed),
            config,
        };
        Ok(engine)
    }

    /// The options in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The time now, from the host's monotonic clock and wall clock (Unix
    /// time), both in milliseconds. If they show that the sandbox was frozen,
    /// loads under way are revoked.
    #[inline]
    pub fn observe(&self, monotonic_ms: u64, wall_ms: u64) -> Time {
        let (now, froze) = self.timeline.observe(monotonic_ms, wall_ms);
        if froze {
            self.revoke_leases();
        }
        now
    }

    /// The latest time that [`Engine::observe`] returned. A host that knows
    /// its clocks not to have moved since can take it in place of another.
    #[inline]
    pub fn latest(&self) -> Time {
        self.timeline.latest()
    }

    /// An invocation begins: loads that an earlier one left behind are
    /// revoked, unless invocations overlap. To be paired with
    /// [`Engine::end_invocation`].
    pub fn begin_invocation(&self, now: Time) {
        if self.invocations.fetch_add(1, Ordering::AcqRel) == 0 {
            self.revoke_leases();
        }
        // A call that was sent within this very millisecond may have been sent
        // before it, and verifies nothing for this invocation.
        let called = self.feed.read(Feed::last_sent).is_some_and(|sent| sent >= now);
        let boundary = if called { now + Duration::from_millis(1) } else { now };
        self.published.boundary.store(boundary.as_millis(), Ordering::Release);
    }

    /// The invocation is over.
    pub fn end_invocation(&self) {
        let one_less = |active: usize| active.checked_sub(1);
        let _ = self.invocations.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
    }

    /// This is a copy, restored from a snapshot: loads under way are the
    /// original's, and so are its calls and its rhythm.
    pub fn restored(&self, seed: u64, now: Time) {
        self.revoke_leases();
        self.seed.store(seed, Ordering::Relaxed);
        let mut removed = Vec::new();
        self.feed.write(|feed| {
            feed.restore(seed, now);
            self.publish(feed, now, &mut removed);
        });
    }

    /// Every counter, and the state of now.
    pub fn stats(&self, now: Time) -> Stats {
        let mut stats = self.feed.read(|feed| feed.stats(now));
        self.hits.add_to(&mut stats);
        for segment in &self.segments {
            segment.read(|segment| segment.add_to(&mut stats));
        }
        stats
    }

    /// How many entries there are, expired ones included.
    pub fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.read(Segment::len)).sum()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of all entries.
    pub fn weight(&self) -> u64 {
        self.segments.iter().map(|segment| segment.read(Segment::weight)).sum()
    }

    /// All keys, in no order; for debugging.
    pub fn keys(&self) -> Vec<alloc::string::String> {
        self.segments.iter().flat_map(|segment| segment.read(crate::segment::copied_keys)).collect()
    }

    /// Looks at every value, in no order, under the locks: for hosts whose
    /// garbage collector has to know what is held here. `visit` must not use
    /// the cache.
    #[doc(hidden)]
    pub fn each_value(&self, mut visit: impl FnMut(&H::Value)) {
        for segment in &self.segments {
            segment.read(|segment| segment.values().for_each(&mut visit));
        }
    }

    /// Drops every entry here. Nothing is written to the stream, and loads
    /// under way go on.
    pub fn clear(&self) {
        for segment in &self.segments {
            drop(segment.write(|segment| {
                segment.clear();
                segment.take_removed()
            }));
        }
    }

    /// Checks every internal invariant.
    ///
    /// # Panics
    ///
    /// If one does not hold; for tests.
    pub fn validate(&self) {
        self.feed.read(Feed::validate);
        for segment in &self.segments {
            segment.read(Segment::validate);
        }
    }

    fn revoke_leases(&self) {
        self.first_lease.fetch_max(self.next_lease.load(Ordering::Acquire), Ordering::AcqRel);
    }

    fn lease_number(&self) -> LeaseId {
        LeaseId(self.next_lease.fetch_add(1, Ordering::AcqRel))
    }

    fn validity(&self, now: Time) -> Validity {
        let first = LeaseId(self.first_lease.load(Ordering::Acquire));
        Validity { first, timeout: self.config.load_timeout, now }
    }

    #[inline]
    fn view(&self, now: Time) -> View<'_> {
        View {
            bounds: &self.bounds,
            as_of: Time::from_millis(self.published.as_of.load(Ordering::Acquire)),
            boundary: Time::from_millis(self.published.boundary.load(Ordering::Acquire)),
            now,
            hits: &self.hits,
            seed: &self.seed,
        }
    }

    #[inline]
    fn hash<'a>(&self, key: &'a str) -> Hashed<'a> {
        Hashed { hash: self.hash_name(key), key }
    }

    fn hash_tag(&self, tag: &str) -> u64 {
        tag_hash(self.hash_name(tag))
    }

    #[inline]
    fn hash_name(&self, name: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    #[inline]
    fn segment(&self, hash: u64) -> &H::Cell<Segment<H>> {
        &self.segments[self.segment_index(hash)]
    }

    /// Bits that neither the table's buckets nor its tags are made from.
    #[inline]
    fn segment_index(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.segments.len() - 1)
    }

    /// Runs `change` on a segment; what left it is dropped when the cell was
    /// left, because dropping a value may run foreign code.
    fn change<R>(&self, hash: u64, change: impl FnOnce(&mut Segment<H>) -> R) -> R {
        self.take(hash, change).0
    }

    /// The same, and hands over what left.
    fn take<R>(&self, hash: u64, change: impl FnOnce(&mut Segment<H>) -> R) -> (R, Removed<H::Value>) {
        self.segment(hash).write(|segment| {
            let result = change(segment);
            (result, segment.take_removed())
        })
    }

    /// Empties every segment.
    fn flush(&self, now: Time, removed: &mut Vec<Removed<H::Value>>) {
        let everything = crate::segment::Sweep { all: true, ..crate::segment::Sweep::default() };
        for segment in &self.segments {
            removed.push(segment.write(|segment| {
                segment.apply(&everything, now);
                segment.take_removed()
            }));
        }
    }
}
