//! Who loads what (contract line 9).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::time::Duration;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::fence::Mark;
use crate::mutant::{Mutant, active};
use crate::time::Time;

/// Names a lease; later leases have larger numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub u64);

/// The right to load one key, and to store what was loaded.
///
/// It is given back with `fill` or `abandon`. One that is lost blocks nothing
/// for longer than the load timeout.
#[derive(Debug, PartialEq, Eq)]
pub struct Lease {
    pub(crate) id: LeaseId,
    pub(crate) key: Box<str>,
    pub(crate) start: Time,
}

impl Lease {
    /// Its number.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// The key to load.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// When the load began.
    pub fn start(&self) -> Time {
        self.start
    }

    /// Whether a reader can take what this load brings even if the lease was
    /// revoked meanwhile: see [`Arrival::accepts`].
    pub fn serves(&self, arrival: Arrival) -> bool {
        arrival.accepts(self.id)
    }
}

/// When a reader came, among the loads: before which lease was given out.
///
/// Times cannot tell what came first within one tick of the clock; the order
/// of leases can.
///
/// What it holds is the first lease that the reader accepts: the one that was
/// to be given out next when it came. Public so that a host can keep it as a
/// number between two calls; it is only ever made by
/// [`Engine::arrive`](crate::Engine::arrive).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival(pub LeaseId);

impl Arrival {
    /// Whether the load under this lease began no earlier than the reader
    /// came: then what it brings is as fresh as the reader's own load would
    /// be, even if the lease was revoked meanwhile (contract line 9).
    pub fn accepts(self, id: LeaseId) -> bool {
        id >= self.0
    }
}

/// A lease as the table knows it.
#[derive(Debug)]
pub(crate) struct Live<F> {
    key: Box<str>,
    hash: u64,
    /// When the load began.
    pub start: Time,
    /// The fence log's mark at that moment.
    pub mark: Mark,
    /// What its waiters share.
    pub flight: F,
}

/// Which leases still count, told by the table's owner at each call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validity {
    /// Leases with smaller numbers were revoked: by a freeze, a new
    /// invocation or a restored snapshot.
    pub first: LeaseId,
    /// The longest a load may take.
    pub timeout: Duration,
    /// The time now.
    pub now: Time,
}

/// The leases of one segment, bounded.
#[derive(Debug)]
pub(crate) struct Leases<F> {
    /// By number, so that the first is the oldest.
    live: BTreeMap<LeaseId, Live<F>>,
    by_key: HashTable<(u64, LeaseId)>,
    capacity: usize,
}

impl<F> Leases<F> {
    /// No leases, and never more than `capacity`.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { live: BTreeMap::new(), by_key: HashTable::new(), capacity }
    }

    /// The live lease of a key.
    pub(crate) fn find(&self, hash: u64, key: &str, validity: Validity) -> Option<(LeaseId, &Live<F>)> {
        let id = self.id_of(hash, key)?;
        let live = self.live.get(&id)?;
        validity.holds(id, live.start).then_some((id, live))
    }

    /// Gives out a lease. One that the key still had is revoked, and the
    /// oldest of all if there are too many.
    pub(crate) fn grant(&mut self, id: LeaseId, hash: u64, key: &str, start: Time, mark: Mark, flight: F) {
        if !active(Mutant::TwoLeases) && !active(Mutant::TwoRefreshers) {
            self.revoke(hash, key);
        }
        if self.live.len() == self.capacity && !active(Mutant::LeasesUnbounded) {
            self.revoke_oldest();
        }
        self.by_key.insert_unique(hash, (hash, id), |(hash, _)| *hash);
        self.live.insert(id, Live { key: key.into(), hash, start, mark, flight });
    }

    /// Ends a lease; `None` if it was revoked before.
    pub(crate) fn end(&mut self, id: LeaseId, validity: Validity) -> Option<Live<F>> {
        let live = self.remove(id)?;
        validity.holds(id, live.start).then_some(live)
    }

    /// Revokes the lease of a key, if there is one.
    pub(crate) fn revoke(&mut self, hash: u64, key: &str) {
        if let Some(id) = self.id_of(hash, key) {
            self.remove(id);
        }
    }

    /// Revokes all leases.
    pub(crate) fn revoke_all(&mut self) {
        self.live.clear();
        self.by_key.clear();
    }

    /// Revokes the leases that began before `mark`.
    pub(crate) fn revoke_before(&mut self, mark: Mark) {
        while self.live.first_key_value().is_some_and(|(_, live)| live.mark < mark) {
            self.revoke_oldest();
        }
    }

    /// Drops leases that no longer count and returns the oldest that does.
    pub(crate) fn oldest(&mut self, validity: Validity) -> Option<&Live<F>> {
        while self.live.first_key_value().is_some_and(|(id, live)| !validity.holds(*id, live.start)) {
            self.revoke_oldest();
        }
        self.live.first_key_value().map(|(_, live)| live)
    }

    /// The oldest lease, whether it still counts or not.
    pub(crate) fn first(&self) -> Option<&Live<F>> {
        self.live.first_key_value().map(|(_, live)| live)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    fn id_of(&self, hash: u64, key: &str) -> Option<LeaseId> {
        // The common case of a value that is stored without a lease.
        if self.live.is_empty() {
            return None;
        }
        let same = |(_, id): &(u64, LeaseId)| self.live.get(id).is_some_and(|live| *live.key == *key);
        self.by_key.find(hash, same).map(|(_, id)| *id)
    }

    fn revoke_oldest(&mut self) {
        if let Some((id, _)) = self.live.first_key_value() {
            self.remove(*id);
        }
    }

    fn remove(&mut self, id: LeaseId) -> Option<Live<F>> {
        let live = self.live.remove(&id)?;
        if let Entry::Occupied(entry) =
            self.by_key.entry(live.hash, |(_, other)| *other == id, |(hash, _)| *hash)
        {
            entry.remove();
        }
        Some(live)
    }

    /// Checks the accounting.
    ///
    /// # Panics
    ///
    /// If it does not hold; for tests.
    pub(crate) fn validate(&self) {
        assert!(self.live.len() <= self.capacity, "leases are over their bound");
        assert_eq!(self.live.len(), self.by_key.len(), "one lease a key");
    }
}

impl Validity {
    fn holds(&self, id: LeaseId, start: Time) -> bool {
        (id >= self.first || active(Mutant::FreezeKeepsLeases)) && self.now.since(start) <= self.timeout
    }
}
