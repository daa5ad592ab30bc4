//! What sits under one lock: entries, leases and the fence log of some keys.
//!
//! The order here is what makes contract line 2 hold: an invalidation is
//! logged before the store is swept, and a fill checks the log and inserts,
//! each under the same lock.

use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use crate::config::{Config, MAX_TAGS};
use crate::eviction::Default as Eviction;
use crate::expiry::{Age, Bounds, Lag, Timing};
use crate::fence::{Fences, Mark, Since};
use crate::lease::{Lease, LeaseId, Leases, Validity};
use crate::lock::Host;
use crate::mutant::{Mutant, active};
use crate::outcome::{Begin, FillOutcome, Lookup, Next, Rescued, Worth};
use crate::random::mix;
use crate::stats::{HitCounter, Stats};
use crate::store::{NewEntry, Removed, Store};
use crate::time::Time;

/// A key and its hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashed<'a> {
    pub(crate) hash: u64,
    pub(crate) key: &'a str,
}

/// What a read has to know beside its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) bounds: &'a Bounds,
    pub(crate) as_of: Time,
    pub(crate) boundary: Time,
    pub(crate) now: Time,
    pub(crate) hits: &'a HitCounter,
    pub(crate) seed: &'a AtomicU64,
}

impl View<'_> {
    #[inline]
    fn lag(&self, timing: &Timing) -> Lag {
        self.bounds.lag(timing, self.as_of, self.boundary, self.now)
    }
}

/// A loaded value, ready to be stored.
#[derive(Debug)]
pub(crate) struct Candidate<'a, V> {
    pub(crate) value: V,
    pub(crate) weight: u32,
    pub(crate) cost: u32,
    pub(crate) timing: Timing,
    pub(crate) tags: &'a [u64],
}

/// An invalidation, hashed and cut down to one segment.
#[derive(Debug, Default)]
pub(crate) struct Sweep<'a> {
    pub(crate) keys: &'a [Hashed<'a>],
    pub(crate) tags: &'a [u64],
    /// Sorted, and none begins with another.
    pub(crate) prefixes: &'a [&'a str],
    pub(crate) all: bool,
}

pub(crate) struct Segment<H: Host> {
    store: Store<H::Value, Eviction>,
    leases: Leases<H::Flight>,
    fences: Fences,
    misses: AtomicU64,
    /// The counters that change under the exclusive lock.
    counts: Stats,
    /// How long invalidations are remembered for values without a lease.
    memory: Duration,
}

impl<H: Host> Segment<H> {
    /// One of `config.segments` segments, with its share of every bound.
    pub(crate) fn new(config: &Config) -> Self {
        let share = |bound: usize| bound / config.segments;
        let max_weight = (config.max_weight / config.segments as u64).max(1);
        Self {
            store: Store::new(share(config.max_entries), max_weight),
            leases: Leases::new(share(config.max_leases)),
            fences: Fences::new(share(config.max_fences), config.settle),
            misses: AtomicU64::new(0),
            counts: Stats::default(),
            memory: config.load_timeout,
        }
    }

    /// Reads a key. With `patient`, an entry for which a catch-up is due is
    /// not served but reported as such. `late` is to call
    /// [`read_late`](Self::read_late), out of line and with a view of its own:
    /// one that was lent would be written to memory by every hit.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of every hit")]
    pub(crate) fn read(
        &self,
        at: Hashed<'_>,
        view: &View<'_>,
        patient: bool,
        late: impl FnOnce(u32) -> Lookup<H::Value>,
    ) -> Lookup<H::Value> {
        if let Some((slot, entry)) = self.store.locate(at.hash, at.key) {
            let timing = entry.timing();
            if !timing.is_calm(view.now) {
                return late(slot);
            }
            let lag = view.lag(&timing);
            if patient && lag != Lag::Within {
                return Lookup::Due;
            }
            if lag != Lag::TooLong {
                self.store.touch(slot);
                view.hits.hit(H::thread(), entry.cost);
                return Lookup::Hit(entry.value.clone());
            }
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        Lookup::Miss
    }

    /// Reads what is to be refreshed ahead, or is past its lifetime.
    pub(crate) fn read_late(&self, slot: u32, hash: u64, view: &View<'_>, patient: bool) -> Lookup<H::Value> {
        let Some(entry) = self.store.entry(slot) else { return Lookup::Miss };
        let timing = entry.timing();
        let (age, lag) = (timing.age(view.now), view.lag(&timing));
        // What may only be served if it cannot be loaded asks for a catch-up
        // as well: by then it may have been invalidated.
        if patient && age < Age::Gone && lag != Lag::Within {
            return Lookup::Due;
        }
        if age > Age::Late || lag == Lag::TooLong {
            self.misses.fetch_add(1, Ordering::Relaxed);
            return Lookup::Miss;
        }
        self.store.touch(slot);
        view.hits.hit(H::thread(), entry.cost);
        let took = crate::stats::cost_millis(entry.cost);
        let seed = hash ^ mix(view.seed.load(Ordering::Relaxed));
        let value = entry.value.clone();
        if timing.draws_refresh(took, view.now, seed) { Lookup::Ahead(value) } else { Lookup::Hit(value) }
    }

    /// Reads a key and leaves no trace.
    pub(crate) fn peek(&self, at: Hashed<'_>, view: View<'_>) -> Option<H::Value> {
        let entry = self.store.find(at.hash, at.key)?;
        let timing = entry.timing();
        let fresh = timing.age(view.now) < Age::Stale && view.lag(&timing) != Lag::TooLong;
        fresh.then(|| entry.value.clone())
    }

    /// What a reader does who found nothing fresh, or was told to refresh
    /// (`ahead`): by now another load may have ended.
    pub(crate) fn next(
        &mut self,
        at: Hashed<'_>,
        id: LeaseId,
        validity: Validity,
        view: &View<'_>,
        ahead: bool,
        flight: impl FnOnce() -> H::Flight,
    ) -> Next<H::Value, H::Flight> {
        let Some((age, value)) = self.servable(at, view) else {
            return Next::Begin { begun: self.begin(at, id, validity, flight), old: None };
        };
        let stale = age == Age::Stale;
        let live = self.leases.find(at.hash, at.key, validity);
        let refreshed = live.is_some() && !active(Mutant::TwoRefreshers);
        let refresh = stale || (ahead && age == Age::Late);
        if refreshed || !refresh {
            self.counts.stale += u64::from(stale);
            return Next::Serve { value, stale };
        }
        self.counts.refreshes += 1;
        let begun = Begin::Lead(self.lead(at, id, validity, flight));
        Next::Begin { begun, old: Some(Worth { value, stale }) }
    }

    /// An old value was served, while its load goes on.
    pub(crate) fn note_stale(&mut self) {
        self.counts.stale += 1;
    }

    /// What a reader is given whose load failed or takes long.
    pub(crate) fn rescue(&mut self, at: Hashed<'_>, view: &View<'_>) -> Option<Rescued<H::Value>> {
        if let Some((age, value)) = self.servable(at, view) {
            let stale = age == Age::Stale;
            self.counts.stale += u64::from(stale);
            return Some(if stale { Rescued::Stale(value) } else { Rescued::Fresh(value) });
        }
        let (slot, entry) = self.store.locate(at.hash, at.key)?;
        view.bounds.rescues(&entry.timing(), view.as_of, view.now).then(|| {
            self.store.touch(slot);
            self.counts.rescued += 1;
            let value = entry.value.clone();
            if active(Mutant::RescueUnsaid) { Rescued::Stale(value) } else { Rescued::OnError(value) }
        })
    }

    /// Whether anything is kept under a key.
    pub(crate) fn keeps(&self, at: Hashed<'_>) -> bool {
        self.store.find(at.hash, at.key).is_some()
    }

    /// A value that may be served, past its lifetime if need be.
    fn servable(&self, at: Hashed<'_>, view: &View<'_>) -> Option<(Age, H::Value)> {
        let (slot, entry) = self.store.locate(at.hash, at.key)?;
        let timing = entry.timing();
        let age = timing.age(view.now);
        let excused = age == Age::Stale && active(Mutant::StalePastMaxLag);
        let lagging = view.lag(&timing) == Lag::TooLong && !excused;
        (age < Age::Kept && !lagging).then(|| {
            self.store.touch(slot);
            (age, entry.value.clone())
        })
    }

    /// Joins the live load of a key, or begins one under lease `id`.
    pub(crate) fn begin(
        &mut self,
        at: Hashed<'_>,
        id: LeaseId,
        validity: Validity,
        flight: impl FnOnce() -> H::Flight,
    ) -> Begin<H::Flight> {
        let live = self.leases.find(at.hash, at.key, validity).filter(|_| !active(Mutant::TwoLeases));
        if let Some((id, live)) = live {
            self.counts.coalesced += 1;
            return Begin::Join { id, start: live.start, flight: live.flight.clone() };
        }
        self.drop_expired(at, validity.now);
        Begin::Lead(self.lead(at, id, validity, flight))
    }

    fn lead(
        &mut self,
        at: Hashed<'_>,
        id: LeaseId,
        validity: Validity,
        flight: impl FnOnce() -> H::Flight,
    ) -> Lease {
        let start = validity.now;
        self.counts.loads += 1;
        self.leases.grant(id, at.hash, at.key, start, self.fences.mark(), flight());
        Lease { id, key: at.key.into(), start }
    }

    /// Stores what was loaded under a lease, unless it may be stale.
    pub(crate) fn fill(
        &mut self,
        at: Hashed<'_>,
        id: LeaseId,
        validity: Validity,
        candidate: Candidate<'_, H::Value>,
    ) -> FillOutcome {
        let Some(live) = self.leases.end(id, validity) else {
            if active(Mutant::StaleFill) {
                let since = Since::Lease { mark: self.fences.mark(), start: validity.now };
                return self.admit(at, since, validity, candidate);
            }
            return self.fenced(candidate.value);
        };
        let since = Since::Lease { mark: live.mark, start: live.start };
        self.admit(at, since, validity, candidate)
    }

    /// Stores a value without a lease. A live lease of the key is revoked: it
    /// may have read an older value. Without `since` the value is true now,
    /// so that nothing logged so far concerns it but what `settle` covers.
    pub(crate) fn insert(
        &mut self,
        at: Hashed<'_>,
        since: Option<Since>,
        validity: Validity,
        candidate: Candidate<'_, H::Value>,
    ) -> FillOutcome {
        self.leases.revoke(at.hash, at.key);
        let since = since.unwrap_or_else(|| Since::Lease { mark: self.mark(), start: validity.now });
        self.admit(at, since, validity, candidate)
    }

    /// What is logged from here on comes after it.
    pub(crate) fn mark(&self) -> Mark {
        self.fences.mark()
    }

    /// Counts a value that was fenced without a look at the log.
    pub(crate) fn refuse(&mut self) -> FillOutcome {
        self.counts.fenced += 1;
        FillOutcome::Fenced
    }

    /// Ends a load that brought nothing.
    pub(crate) fn abandon(&mut self, id: LeaseId, validity: Validity) {
        self.counts.load_failures += 1;
        self.leases.end(id, validity);
    }

    /// Ends a load that found nothing: what was kept under its key goes, unless
    /// the lease was revoked. Whether it is true for everyone.
    pub(crate) fn end_absent(&mut self, at: Hashed<'_>, id: LeaseId, validity: Validity) -> bool {
        let Some(live) = self.leases.end(id, validity) else { return false };
        self.store.remove(at.hash, at.key);
        let since = Since::Lease { mark: live.mark, start: live.start };
        !self.fences.hit(since, at.key, core::iter::once(at.hash))
    }

    /// Drops what an invalidation names, and fences it.
    pub(crate) fn apply(&mut self, sweep: &Sweep<'_>, now: Time) {
        if sweep.all {
            if !active(Mutant::GapKeepsLeases) {
                self.fences.everything(now);
                self.leases.revoke_all();
            }
            if active(Mutant::GapKeepsStale) {
                return self.store.drop_fresh(now);
            }
            self.counts.invalidated_by_all += self.store.len() as u64;
            self.store.clear();
            return;
        }
        self.forget_fences(now);
        for key in sweep.keys {
            self.fences.name(key.hash, now);
            self.leases.revoke(key.hash, key.key);
            if !active(Mutant::InvalidationKeepsStale) || self.is_fresh(*key, now) {
                self.counts.invalidated_by_key += u64::from(self.store.remove(key.hash, key.key));
            }
        }
        for tag in sweep.tags {
            self.fences.name(*tag, now);
            self.counts.invalidated_by_tag += self.store.remove_tag(*tag);
        }
        for prefix in sweep.prefixes {
            self.fences.prefix(prefix, now);
        }
        if !sweep.prefixes.is_empty() {
            self.counts.invalidated_by_prefix += self.store.remove_prefixes(sweep.prefixes);
        }
        self.leases.revoke_before(self.fences.complete_since());
    }

    /// Drops one key here only: no fence, but a live load of it is revoked.
    pub(crate) fn delete(&mut self, at: Hashed<'_>) -> bool {
        self.leases.revoke(at.hash, at.key);
        self.store.remove(at.hash, at.key)
    }

    /// Drops every entry; loads under way go on.
    pub(crate) fn clear(&mut self) {
        self.store.clear();
    }

    /// A time before which nothing here was loaded or is being loaded; `None`
    /// if there is nothing. What has expired does not count.
    pub(crate) fn oldest(&mut self, validity: Validity) -> Option<Time> {
        if self.store.last_expiry() <= validity.now && self.store.len() > 0 {
            self.counts.expirations += self.store.len() as u64;
            self.store.clear();
        }
        let lease = self.leases.oldest(validity).map(|live| live.start);
        lease.into_iter().chain(self.store.oldest(validity.now)).min()
    }

    /// The values that left, to be dropped outside the lock.
    pub(crate) fn take_removed(&mut self) -> Removed<H::Value> {
        self.store.take_removed()
    }

    pub(crate) fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether nothing is cached or being loaded.
    pub(crate) fn is_idle(&self) -> bool {
        self.store.len() == 0 && self.leases.len() == 0
    }

    pub(crate) fn weight(&self) -> u64 {
        self.store.weight()
    }

    /// All values, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &H::Value> {
        self.store.values()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = String> {
        self.store.keys()
    }

    pub(crate) fn add_to(&self, stats: &mut Stats) {
        stats.misses += self.misses.load(Ordering::Relaxed);
        stats.loads += self.counts.loads;
        stats.load_failures += self.counts.load_failures;
        stats.coalesced += self.counts.coalesced;
        stats.fills += self.counts.fills;
        stats.fenced += self.counts.fenced;
        stats.too_heavy += self.counts.too_heavy;
        stats.stale += self.counts.stale;
        stats.rescued += self.counts.rescued;
        stats.refreshes += self.counts.refreshes;
        stats.evictions += self.store.evictions;
        stats.expirations += self.counts.expirations;
        stats.invalidated_by_key += self.counts.invalidated_by_key;
        stats.invalidated_by_tag += self.counts.invalidated_by_tag;
        stats.invalidated_by_prefix += self.counts.invalidated_by_prefix;
        stats.invalidated_by_all += self.counts.invalidated_by_all;
        stats.entries += self.store.len();
        stats.weight += self.store.weight();
        stats.leases += self.leases.len();
    }

    /// Checks the accounting of every part.
    ///
    /// # Panics
    ///
    /// If it does not hold; for tests.
    pub(crate) fn validate(&self) {
        self.store.validate();
        self.leases.validate();
        self.fences.validate();
    }

    fn admit(
        &mut self,
        at: Hashed<'_>,
        since: Since,
        validity: Validity,
        candidate: Candidate<'_, H::Value>,
    ) -> FillOutcome {
        let Candidate { value, weight, cost, timing, tags } = candidate;
        let names = core::iter::once(at.hash).chain(tags.iter().copied());
        let names = names.take(if active(Mutant::TagsUnfenced) { 1 } else { usize::MAX });
        let fenced = self.fences.hit(since, at.key, names) && !active(Mutant::StaleFill);
        if fenced {
            return self.fenced(value);
        }
        if timing.life == 0 {
            self.drop_older(at, timing.start);
            self.store.discard(value);
            return FillOutcome::NotKept;
        }
        if validity.now >= timing.ends() {
            self.drop_older(at, timing.start);
            return self.fenced(value);
        }
        if tags.len() > MAX_TAGS {
            self.drop_older(at, timing.start);
            self.store.discard(value);
            return self.too_heavy();
        }
        self.counts.expirations += self.store.sweep(validity.now, SWEEP);
        if !self.store.insert(at.hash, at.key, NewEntry { value, timing, cost, weight }, tags) {
            return self.too_heavy();
        }
        self.counts.fills += 1;
        FillOutcome::Stored
    }

    fn is_fresh(&self, at: Hashed<'_>, now: Time) -> bool {
        self.store.find(at.hash, at.key).is_some_and(|entry| now < entry.timing().expires())
    }

    #[cfg(test)]
    pub(crate) fn is_loading(&self, at: Hashed<'_>, validity: Validity) -> bool {
        self.leases.find(at.hash, at.key, validity).is_some()
    }

    fn too_heavy(&mut self) -> FillOutcome {
        self.counts.too_heavy += 1;
        FillOutcome::TooHeavy
    }

    /// A value that was loaded, and is not stored.
    pub(crate) fn fenced(&mut self, value: H::Value) -> FillOutcome {
        self.store.discard(value);
        self.counts.fenced += 1;
        FillOutcome::Fenced
    }

    fn drop_expired(&mut self, at: Hashed<'_>, now: Time) {
        let expired = self.store.find(at.hash, at.key).is_some_and(|entry| now >= entry.timing().ends());
        if expired {
            self.store.remove(at.hash, at.key);
            self.counts.expirations += 1;
        }
    }

    /// Drops what is known to be out of date: a later value came, and cannot
    /// be stored.
    fn drop_older(&mut self, at: Hashed<'_>, start: Time) {
        if self.store.find(at.hash, at.key).is_some_and(|entry| entry.timing().start <= start) {
            self.store.remove(at.hash, at.key);
        }
    }

    fn forget_fences(&mut self, now: Time) {
        let oldest = self.leases.first().map(|live| (live.start, live.mark));
        let kept = now - self.memory;
        let time = oldest.map_or(kept, |(start, _)| start.min(kept));
        self.fences.forget(time, oldest.map(|(_, mark)| mark));
    }
}

/// How many entries each insertion looks at for expired ones.
const SWEEP: usize = 2;

/// Hashes of tags must not be those of keys.
pub(crate) fn tag_hash(hash: u64) -> u64 {
    crate::random::mix(hash ^ 0x7461_675f_7461_675f)
}

/// The keys of a segment, copied, for debugging.
pub(crate) fn copied_keys<H: Host>(segment: &Segment<H>) -> Vec<String> {
    segment.keys().collect()
}
