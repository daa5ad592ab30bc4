//! Reads, loads and fills.

use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use core::time::Duration;

use super::Engine;
use crate::expiry::Wish;
use crate::fence::{Mark, Since};
use crate::lease::{Arrival, Lease, LeaseId};
use crate::lock::{Guarded, Host};
use crate::mutant::{Mutant, active};
use crate::outcome::{Begin, FillOutcome, Lookup, Next, Rescued};
use crate::random::mix;
use crate::refresh::Refresh;
use crate::segment::{Candidate, Hashed, Segment};
use crate::stats::cost;
use crate::time::Time;

/// A value and what goes with it.
#[derive(Clone, Debug)]
pub struct Loaded<'a, V> {
    /// The value.
    pub value: V,
    /// Its share of `max_weight`.
    pub weight: u32,
    /// Its tags. They may be known only after the load.
    pub tags: &'a [&'a str],
    /// A lifetime of its own, instead of one drawn from the window. 0: it is
    /// shared with those who wait for it, and not kept.
    pub ttl: Option<Duration>,
    /// How it is refreshed.
    pub refresh: Refresh,
    /// It says that there is nothing: its lifetime is `negative_ttl`, if that
    /// is set (or `ttl`, if that is shorter), and it has no stale window.
    pub absent: bool,
    /// How long the load took: what each hit saves.
    pub took: Duration,
}

impl<V> Loaded<'_, V> {
    /// A value of weight 1 without tags.
    pub fn new(value: V) -> Self {
        let refresh = Refresh::default();
        Self { value, weight: 1, tags: &[], ttl: None, refresh, absent: false, took: Duration::ZERO }
    }
}

/// A moment in the order of things, and not only in time.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    id: LeaseId,
    mark: Mark,
    start: Time,
}

impl<H: Host> Engine<H> {
    /// Reads a key. Returns [`Lookup::Due`] if a catch-up should be tried
    /// first (contract line 3), also for what is past its lifetime and may yet
    /// be served. A reader who can load goes on with [`Engine::next`] after
    /// [`Lookup::Miss`] and [`Lookup::Ahead`].
    #[inline]
    pub fn get(&self, key: &str, now: Time) -> Lookup<H::Value> {
        let due = self.published.due.load(Ordering::Acquire) <= now.as_millis();
        self.look(key, now, due)
    }

    /// Reads a key after a catch-up was tried, whatever came of it: serves
    /// what is within the hard bound. Never [`Lookup::Due`].
    #[inline]
    pub fn get_after_catch_up(&self, key: &str, now: Time) -> Lookup<H::Value> {
        self.look(key, now, false)
    }

    #[inline]
    fn look(&self, key: &str, now: Time, patient: bool) -> Lookup<H::Value> {
        let at = self.hash(key);
        self.segment(at.hash).read(|segment| {
            let late = |slot| self.look_late(segment, slot, at.hash, now, patient);
            segment.read(at, &self.view(now), patient, late)
        })
    }

    #[cold]
    #[inline(never)]
    fn look_late(
        &self,
        segment: &Segment<H>,
        slot: u32,
        hash: u64,
        now: Time,
        patient: bool,
    ) -> Lookup<H::Value> {
        segment.read_late(slot, hash, &self.view(now), patient)
    }

    /// Reads a key without counting it, and without a trace for the eviction
    /// policy. Returns what a read would serve, due or not.
    pub fn peek(&self, key: &str, now: Time) -> Option<H::Value> {
        let at = self.hash(key);
        self.segment(at.hash).read(|segment| segment.peek(at, self.view(now)))
    }

    /// A reader comes: to be asked before the read, and held against the load
    /// that it waited for.
    pub fn arrive(&self) -> Arrival {
        Arrival(LeaseId(self.next_lease.load(Ordering::Acquire)))
    }

    /// Joins the live load of a key, or begins one. `flight` makes what the
    /// waiters of a new load will share.
    ///
    /// After waiting, check [`Arrival::accepts`]: a load that was revoked
    /// serves only those who arrived before it began.
    pub fn begin(&self, key: &str, now: Time, flight: impl FnOnce() -> H::Flight) -> Begin<H::Flight> {
        let at = self.hash(key);
        self.change(at.hash, |segment| segment.begin(at, self.lease_number(), self.validity(now), flight))
    }

    /// What a reader does who can load, after [`Lookup::Miss`] or, with
    /// `ahead`, after [`Lookup::Ahead`]. Looks once more, under the lock under
    /// which fills happen, whether there is a value by now: between the read
    /// and this call another load may have ended.
    ///
    /// One reader is told to refresh a value that may still be served. If the
    /// load can go on when the reader is gone, serve the old value and call
    /// [`Engine::note_stale`] if it is stale; else wait for the load. If it
    /// fails, or takes longer than `soft_load_timeout`, ask
    /// [`Engine::rescue`].
    pub fn next(
        &self,
        key: &str,
        ahead: bool,
        now: Time,
        flight: impl FnOnce() -> H::Flight,
    ) -> Next<H::Value, H::Flight> {
        let at = self.hash(key);
        self.change(at.hash, |segment| {
            let id = self.lease_number();
            segment.next(at, id, self.validity(now), &self.view(now), ahead, flight)
        })
    }

    /// Counts a stale value that was served while its load goes on.
    pub fn note_stale(&self, key: &str) {
        self.change(self.hash(key).hash, Segment::note_stale);
    }

    /// Whether anything is kept under a key, servable or not: whether it is
    /// worth a catch-up to ask [`Engine::rescue`].
    pub fn keeps(&self, key: &str) -> bool {
        let at = self.hash(key);
        self.segment(at.hash).read(|segment| segment.keeps(at))
    }

    /// What a reader is given whose load failed or takes long; `None` if
    /// there is nothing, or it is too old, or was invalidated.
    pub fn rescue(&self, key: &str, now: Time) -> Option<Rescued<H::Value>> {
        let at = self.hash(key);
        self.change(at.hash, |segment| segment.rescue(at, &self.view(now)))
    }

    /// Stores what was loaded under a lease, unless it may be stale (contract
    /// line 2). Whatever the outcome, the caller that loaded the value may use
    /// it.
    pub fn fill(&self, lease: &Lease, loaded: Loaded<'_, H::Value>, now: Time) -> FillOutcome {
        let at = self.hash(&lease.key);
        let tags = self.hash_tags(loaded.tags);
        let start = if active(Mutant::LifeFromFill) { now } else { lease.start };
        let candidate = self.candidate(loaded, &tags, start, lease.id.0);
        self.change(at.hash, |segment| segment.fill(at, lease.id, self.validity(now), candidate))
    }

    /// Ends a load that failed. Its key may be loaded again at once.
    pub fn abandon(&self, lease: &Lease, now: Time) {
        let at = self.hash(&lease.key);
        self.change(at.hash, |segment| segment.abandon(lease.id, self.validity(now)));
    }

    /// Ends a load that found that there is nothing, where that is not stored:
    /// an old value of the key is dropped. Returns whether that is true for
    /// all who wait; else, because of an invalidation meanwhile, only for those
    /// whom [`Arrival::accepts`] names.
    pub fn end_absent(&self, lease: &Lease, now: Time) -> bool {
        let at = self.hash(&lease.key);
        self.change(at.hash, |segment| segment.end_absent(at, lease.id, self.validity(now)))
    }

    /// Stores a value without a lease. It counts as loaded now, or at `as_of`
    /// if that is given; a live lease of the key is revoked.
    ///
    /// An `as_of` older than what the cache can vouch for (about
    /// `load_timeout`, or the last gap) is fenced.
    pub fn insert(
        &self,
        key: &str,
        loaded: Loaded<'_, H::Value>,
        as_of: Option<Time>,
        now: Time,
    ) -> FillOutcome {
        let as_of = as_of.map(|time| time.min(now));
        let tags = self.hash_tags(loaded.tags);
        let at = self.hash(key);
        // No counter: all threads would write it.
        let draw = at.hash ^ mix(now.as_millis());
        let candidate = self.candidate(loaded, &tags, as_of.unwrap_or(now), draw);
        match as_of {
            None => self.change(at.hash, |segment| segment.insert(at, None, self.validity(now), candidate)),
            Some(time) => self.insert_as_of(at, candidate, Since::Time(time), self.lease_number(), time, now),
        }
    }

    /// The moment of now, for a value that is true now and is inserted later.
    #[doc(hidden)]
    pub fn moment(&self, key: &str, now: Time) -> Moment {
        // The number first: if a freeze comes before the mark, it must count.
        let id = self.lease_number();
        let mark = self.segment(self.hash(key).hash).read(Segment::mark);
        Moment { id, mark, start: now }
    }

    /// [`Engine::insert`] of a value that was true at a moment: whatever was
    /// logged after it concerns the value, and nothing before.
    #[doc(hidden)]
    pub fn insert_since(
        &self,
        key: &str,
        loaded: Loaded<'_, H::Value>,
        moment: Moment,
        now: Time,
    ) -> FillOutcome {
        let tags = self.hash_tags(loaded.tags);
        let at = self.hash(key);
        let start = moment.start.min(now);
        let candidate = self.candidate(loaded, &tags, start, at.hash ^ mix(now.as_millis()));
        let since = Since::Lease { mark: moment.mark, start };
        self.insert_as_of(at, candidate, since, moment.id, start, now)
    }

    /// Apart from the common case, which is the quicker for it.
    #[cold]
    #[inline(never)]
    fn insert_as_of(
        &self,
        at: Hashed<'_>,
        candidate: Candidate<'_, H::Value>,
        since: Since,
        id: LeaseId,
        as_of: Time,
        now: Time,
    ) -> FillOutcome {
        let insert = || {
            self.take(at.hash, |segment| {
                let validity = self.validity(now);
                // A gap, a freeze or a restored snapshot came between.
                if id < validity.first {
                    return segment.fenced(candidate.value);
                }
                segment.insert(at, Some(since), validity, candidate)
            })
        };
        // No catch-up may fix its anchor between the check and the insertion.
        // What is refused stays in `insert` until the feed's cell was left.
        let mut insert = Some(insert);
        let mut run = || insert.take().map(|insert| insert());
        match self.feed.write(|feed| if feed.vouches_for(as_of) { run() } else { None }) {
            Some((outcome, removed)) => {
                drop(removed);
                outcome
            }
            None => self.change(at.hash, Segment::refuse),
        }
    }

    /// Drops a key here only. Nothing is written to the stream; a live load of
    /// the key is revoked.
    pub fn delete(&self, key: &str) -> bool {
        let at = self.hash(key);
        self.change(at.hash, |segment| segment.delete(at))
    }

    /// Whether somebody loads a key.
    #[cfg(test)]
    pub(crate) fn is_loading(&self, key: &str, now: Time) -> bool {
        let at = self.hash(key);
        self.segment(at.hash).read(|segment| segment.is_loading(at, self.validity(now)))
    }

    fn hash_tags(&self, tags: &[&str]) -> Vec<u64> {
        tags.iter().map(|tag| self.hash_tag(tag)).collect()
    }

    fn candidate<'a>(
        &self,
        loaded: Loaded<'_, H::Value>,
        tags: &'a [u64],
        start: Time,
        draw: u64,
    ) -> Candidate<'a, H::Value> {
        let random = mix(self.seed.load(Ordering::Relaxed) ^ mix(draw));
        let Loaded { ttl, refresh, absent, .. } = loaded;
        let timing = self.bounds.timing(start, Wish { ttl, refresh, absent }, random);
        Candidate { value: loaded.value, weight: loaded.weight, cost: cost(loaded.took), timing, tags }
    }
}
