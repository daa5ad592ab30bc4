//! The entries: a slab, a table of slots, a tags index, and bounds.
//!
//! The store keeps what it is told to keep and drops what it is told to drop.
//! Which entry leaves when it is full is the policy's business; whether an
//! entry may be served is the caller's.

use alloc::string::String;
use alloc::vec::Vec;

use core::time::Duration;

use hashbrown::HashTable;

use crate::eviction::Policy;
use crate::expiry::Timing;
use crate::mutant::{Mutant, active};
use crate::time::Time;

mod key;
mod removed;
mod tags;

use key::Key;
pub(crate) use removed::Removed;
use tags::Tags;

/// One cached value. What a hit looks at comes first: with a value of a word
/// that is 44 bytes, which lie in one cache line more often than not.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Entry<V> {
    key: Key,
    /// The value.
    pub value: V,
    start: Time,
    calm: u32,
    spread: u8,
    tagged: bool,
    /// How long the load took, in the counters' unit.
    pub cost: u32,
    life: u32,
    stale: u32,
    rescue: u32,
    weight: u32,
    hash: u32,
}

impl<V> Entry<V> {
    /// When it was loaded and how long it lives.
    #[inline]
    pub(crate) fn timing(&self) -> Timing {
        Timing {
            start: self.start,
            calm: self.calm.into(),
            life: self.life.into(),
            stale: self.stale.into(),
            rescue: self.rescue.into(),
            spread: self.spread.into(),
        }
    }

    fn new(key: Key, value: V, timing: &Timing, rest: Rest) -> Self {
        let Rest { cost, weight, hash, tagged } = rest;
        let start = timing.start;
        let mut entry = Self {
            key,
            value,
            start,
            calm: 0,
            spread: 0,
            tagged,
            cost,
            life: 0,
            stale: 0,
            rescue: 0,
            weight,
            hash,
        };
        entry.set_timing(timing);
        entry
    }

    /// All are of 32 bits but the spread, which is of 8: see [`Timing`].
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    fn set_timing(&mut self, timing: &Timing) {
        self.start = timing.start;
        (self.calm, self.life) = (timing.calm as u32, timing.life as u32);
        (self.stale, self.rescue) = (timing.stale as u32, timing.rescue as u32);
        self.spread = timing.spread as u8;
    }
}

/// What an entry has beside its value and its times.
#[derive(Clone, Copy)]
struct Rest {
    cost: u32,
    weight: u32,
    hash: u32,
    tagged: bool,
}

/// What is to be stored.
#[derive(Debug)]
pub(crate) struct NewEntry<V> {
    /// The value.
    pub value: V,
    /// When it was loaded and how long it lives.
    pub timing: Timing,
    /// How long the load took, in the counters' unit.
    pub cost: u32,
    /// Its share of the weight bound.
    pub weight: u32,
}

#[derive(Debug)]
enum Slot<V> {
    Vacant,
    Full(Entry<V>),
}

/// The store. Keys come with their hash, always the same for one key.
#[derive(Debug)]
pub(crate) struct Store<V, P: Policy> {
    /// Slots, by the hash of their keys.
    table: HashTable<u32>,
    slots: Vec<Slot<V>>,
    /// The policy's mark of each slot; by themselves, so that a look for a
    /// victim reads many with one access to memory.
    marks: Vec<P::Mark>,
    vacant: Vec<u32>,
    tags: Tags,
    policy: P,
    weight: u64,
    max_entries: usize,
    max_weight: u64,
    /// Values that left and that the caller has not taken yet.
    removed: Removed<V>,
    /// Entries that left to make room.
    pub evictions: u64,
    /// Where the search for expired entries goes on.
    hand: usize,
    /// No entry expires before this.
    first_expiry: Time,
    /// The same, of the entries that came or were looked at since the hand
    /// was at the beginning.
    next_expiry: Time,
    /// No entry began before this, as long as there are any.
    oldest: Time,
    /// No entry lives longer than this.
    last_expiry: Time,
    /// The longest lifetime among them.
    longest: u64,
}

impl<V, P: Policy> Store<V, P> {
    /// An empty store within these bounds.
    pub(crate) fn new(max_entries: usize, max_weight: u64) -> Self {
        Self {
            table: HashTable::new(),
            slots: Vec::new(),
            marks: Vec::new(),
            vacant: Vec::new(),
            tags: Tags::default(),
            policy: P::new(max_entries),
            weight: 0,
            max_entries,
            max_weight,
            removed: Removed::default(),
            evictions: 0,
            hand: 0,
            first_expiry: Time::MAX,
            next_expiry: Time::MAX,
            oldest: Time::MAX,
            last_expiry: Time::ZERO,
            longest: 0,
        }
    }

    /// The entry of a key.
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &str) -> Option<&Entry<V>> {
        self.locate(hash, key).map(|(_, entry)| entry)
    }

    /// The entry of a key, and its slot to [`touch`](Self::touch).
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of every hit")]
    pub(crate) fn locate(&self, hash: u64, key: &str) -> Option<(u32, &Entry<V>)> {
        let same = |&slot: &u32| self.entry(slot).is_some_and(|entry| entry.key.is(key));
        self.table.find(spread(shorten(hash)), same).and_then(|&slot| Some((slot, self.entry(slot)?)))
    }

    /// Tells the policy that an entry was read.
    #[inline]
    pub(crate) fn touch(&self, slot: u32) {
        if let Some(mark) = self.marks.get(slot as usize) {
            P::touch(mark);
        }
    }

    /// Stores a value; what the key had before leaves. Others leave first, so
    /// that the bounds hold at every instant. `false` if the value alone is
    /// heavier than the store: then nothing is stored.
    pub(crate) fn insert(&mut self, hash: u64, key: &str, new: NewEntry<V>, tags: &[u64]) -> bool {
        let before = self.locate(hash, key).map(|(slot, entry)| (slot, entry.weight));
        if let Some((slot, weight)) = before {
            if self.weight - u64::from(weight) + u64::from(new.weight) <= self.max_weight {
                self.replace(slot, new, tags);
                return true;
            }
            self.remove_slot(slot);
        }
        if u64::from(new.weight) > self.max_weight {
            self.removed.push(new.value);
            return false;
        }
        self.make_room(new.weight);
        let slot = self.vacant.pop().unwrap_or_else(|| self.grow());
        self.note_times(&new.timing);
        self.weight += u64::from(new.weight);
        let NewEntry { value, timing, cost, weight } = new;
        let tagged = !tags.is_empty();
        if tagged {
            self.tags.insert(slot, tags);
        }
        let short = shorten(hash);
        let entry = Entry::new(Key::new(key), value, &timing, Rest { cost, weight, hash: short, tagged });
        self.slots[slot as usize] = Slot::Full(entry);
        self.marks[slot as usize] = P::Mark::default();
        let slots = &self.slots;
        self.table.insert_unique(spread(short), slot, |&slot| hash_of(slots, slot));
        self.policy.insert(slot, hash);
        true
    }

    /// Gives an entry another value. Its place in the table and its rank with
    /// the policy stay: an update says nothing of how often a key is read.
    fn replace(&mut self, slot: u32, new: NewEntry<V>, tags: &[u64]) {
        if self.len() == 1 {
            self.note_empty();
        }
        self.note_times(&new.timing);
        let Slot::Full(entry) = &mut self.slots[slot as usize] else { return };
        let NewEntry { value, timing, cost, weight } = new;
        self.weight = self.weight - u64::from(entry.weight) + u64::from(weight);
        let tagged = core::mem::replace(&mut entry.tagged, !tags.is_empty());
        entry.set_timing(&timing);
        (entry.cost, entry.weight) = (cost, weight);
        self.removed.push(core::mem::replace(&mut entry.value, value));
        if tagged {
            self.tags.remove(slot);
        }
        if !tags.is_empty() {
            self.tags.insert(slot, tags);
        }
    }

    /// Takes a value that is not stored, so that it leaves like the others.
    pub(crate) fn discard(&mut self, value: V) {
        self.removed.push(value);
    }

    /// Drops the entry of a key.
    pub(crate) fn remove(&mut self, hash: u64, key: &str) -> bool {
        let slots = &self.slots;
        let same = |&slot: &u32| matches!(&slots[slot as usize], Slot::Full(entry) if entry.key.is(key));
        let Ok(place) = self.table.find_entry(spread(shorten(hash)), same) else {
            return false;
        };
        let slot = place.remove().0;
        self.policy.remove(slot);
        self.vacate(slot);
        true
    }

    /// Drops the entries that bear a tag, at a cost in proportion to them.
    pub(crate) fn remove_tag(&mut self, tag: u64) -> u64 {
        let mut count = 0;
        while let Some(slot) = self.tags.any(tag) {
            self.remove_slot(slot);
            count += 1;
        }
        count
    }

    /// Drops the entries whose key starts with one of the prefixes, in one pass
    /// however many they are: a record can have a hundred thousand. They are
    /// sorted, and none begins with another: so at most one fits a key, the last
    /// that is not after it.
    pub(crate) fn remove_prefixes(&mut self, prefixes: &[&str]) -> u64 {
        debug_assert!(prefixes.is_sorted(), "prefixes are sorted by who hashes an invalidation");
        let mut count = 0;
        for slot in 0..self.slots.len() {
            let Slot::Full(entry) = &self.slots[slot] else { continue };
            let key = entry.key.as_bytes();
            let at = prefixes.partition_point(|prefix| prefix.as_bytes() <= key);
            if at > 0 && key.starts_with(prefixes[at - 1].as_bytes()) {
                self.remove_slot(slot_number(slot));
                count += 1;
            }
        }
        count
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        for slot in self.slots.drain(..) {
            if let Slot::Full(entry) = slot {
                self.removed.push(entry.value);
            }
        }
        self.table.clear();
        self.marks.clear();
        self.vacant.clear();
        self.tags = Tags::default();
        self.policy.clear();
        self.weight = 0;
        self.note_empty();
    }

    /// What a mutant does in place of [`clear`](Self::clear).
    pub(crate) fn drop_fresh(&mut self, now: Time) {
        for slot in 0..self.slots.len() {
            if matches!(&self.slots[slot], Slot::Full(entry) if now < entry.timing().expires()) {
                self.remove_slot(slot_number(slot));
            }
        }
    }

    /// Looks at the next few entries and drops those that expired, so that a
    /// store that is only written to does not keep them. Returns how many.
    pub(crate) fn sweep(&mut self, now: Time, looks: usize) -> u64 {
        let mut expired = 0;
        // Most of the time none can have expired, and no entry is looked at.
        let looks = if now < self.first_expiry { 0 } else { looks.min(self.slots.len()) };
        for _ in 0..looks {
            self.step();
            let Slot::Full(entry) = &self.slots[self.hand] else { continue };
            let expiry = entry.timing().ends();
            if now >= expiry {
                self.remove_slot(slot_number(self.hand));
                expired += 1;
            } else {
                self.next_expiry = self.next_expiry.min(expiry);
            }
        }
        expired
    }

    /// Moves the hand. At the beginning it has seen every entry but those
    /// that came meanwhile.
    fn step(&mut self) {
        self.hand += 1;
        if self.hand >= self.slots.len() {
            self.hand = 0;
            self.first_expiry = core::mem::replace(&mut self.next_expiry, Time::MAX);
        }
    }

    /// The values that left since the last call. To be dropped where no lock
    /// is held: dropping a value may run foreign code.
    pub(crate) fn take_removed(&mut self) -> Removed<V> {
        self.removed.take()
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Their weight together.
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    /// The keys, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = String> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Full(entry) => Some(String::from_utf8_lossy(entry.key.as_bytes()).into_owned()),
            Slot::Vacant => None,
        })
    }

    /// All values, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Full(entry) => Some(&entry.value),
            Slot::Vacant => None,
        })
    }

    /// A time before which no entry's load began that lives at `now`; `None`
    /// if there is no entry.
    pub(crate) fn oldest(&self, now: Time) -> Option<Time> {
        let living = now - Duration::from_millis(self.longest);
        (self.len() > 0).then_some(self.oldest.max(living))
    }

    /// When the last of the entries will have expired.
    pub(crate) fn last_expiry(&self) -> Time {
        self.last_expiry
    }

    /// The entry in a slot that [`locate`](Self::locate) gave.
    #[inline]
    pub(crate) fn entry(&self, slot: u32) -> Option<&Entry<V>> {
        match self.slots.get(slot as usize) {
            Some(Slot::Full(entry)) => Some(entry),
            _ => None,
        }
    }

    fn make_room(&mut self, weight: u32) {
        let most = self.max_weight - u64::from(weight);
        while self.len() >= self.max_entries || self.weight > most {
            let marks = &self.marks;
            let Some(victim) = self.policy.evict(|slot| &marks[slot as usize]) else { return };
            self.unlist(victim);
            self.vacate(victim);
            self.evictions += 1;
        }
    }

    fn grow(&mut self) -> u32 {
        // Never more room than the bound allows, and not twice what is used.
        if self.slots.len() == self.slots.capacity() {
            let more = (self.slots.len() / 2).max(FIRST_SLOTS);
            let more = more.min(self.max_entries.saturating_sub(self.slots.len()));
            self.slots.reserve_exact(more);
            self.marks.reserve_exact(more);
        }
        self.slots.push(Slot::Vacant);
        self.marks.push(P::Mark::default());
        slot_number(self.slots.len() - 1)
    }

    fn remove_slot(&mut self, slot: u32) {
        self.unlist(slot);
        self.policy.remove(slot);
        self.vacate(slot);
    }

    /// Takes a slot out of the table, found by its number alone.
    fn unlist(&mut self, slot: u32) {
        let Some(Entry { hash, .. }) = self.entry(slot) else { return };
        if let Ok(place) = self.table.find_entry(spread(*hash), |&other| other == slot) {
            place.remove();
        }
    }

    /// Empties a slot that neither table nor policy know any more.
    fn vacate(&mut self, slot: u32) {
        let full = core::mem::replace(&mut self.slots[slot as usize], Slot::Vacant);
        let Slot::Full(entry) = full else { return };
        if entry.tagged {
            self.tags.remove(slot);
        }
        self.weight -= u64::from(entry.weight);
        self.removed.push(entry.value);
        self.vacant.push(slot);
        if self.table.is_empty() {
            self.note_empty();
        }
    }

    fn note_times(&mut self, timing: &Timing) {
        let end = timing.ends();
        self.first_expiry = self.first_expiry.min(end);
        self.next_expiry = self.next_expiry.min(end);
        self.oldest = self.oldest.min(timing.start);
        self.last_expiry = self.last_expiry.max(end);
        let outside = active(Mutant::WindowsOutsideFloor);
        self.longest = self.longest.max(if outside { timing.life } else { timing.retention() });
    }

    fn note_empty(&mut self) {
        self.first_expiry = Time::MAX;
        self.next_expiry = Time::MAX;
        self.oldest = Time::MAX;
        self.last_expiry = Time::ZERO;
        self.longest = 0;
    }
}

/// Room for entries that is taken at first.
const FIRST_SLOTS: usize = 4;

/// The part of a hash that an entry keeps.
#[expect(clippy::cast_possible_truncation, reason = "cut on purpose")]
const fn shorten(hash: u64) -> u32 {
    hash as u32
}

/// What the table hashes an entry by. hashbrown takes the bucket from the low
/// bits and the tag from the top seven, so both halves carry the short hash.
const fn spread(short: u32) -> u64 {
    (short as u64) << 32 | short as u64
}

fn slot_number(index: usize) -> u32 {
    u32::try_from(index).expect("the bound on entries keeps slots under 2^32")
}

/// What the table hashes a slot by.
fn hash_of<V>(slots: &[Slot<V>], slot: u32) -> u64 {
    match slots.get(slot as usize) {
        Some(Slot::Full(entry)) => spread(entry.hash),
        _ => unreachable!("the table knows only full slots"),
    }
}

impl<V, P: Policy> Store<V, P> {
    /// Checks the accounting.
    ///
    /// # Panics
    ///
    /// If it does not hold; for tests.
    pub(crate) fn validate(&self) {
        let full = || {
            self.slots.iter().filter_map(|slot| match slot {
                Slot::Full(entry) => Some(entry),
                Slot::Vacant => None,
            })
        };
        assert_eq!(full().count(), self.len(), "entries in the slab and in the table");
        assert_eq!(self.slots.len(), self.len() + self.vacant.len(), "vacant slots");
        assert_eq!(self.marks.len(), self.slots.len(), "marks");
        assert_eq!(full().map(|entry| u64::from(entry.weight)).sum::<u64>(), self.weight, "weight");
        assert_eq!(self.policy.len(), self.len(), "entries that the policy knows");
        assert_eq!(full().filter(|entry| entry.tagged).count(), self.tags.slots(), "tagged entries");
        assert!(self.len() <= self.max_entries, "entries are over their bound");
        assert!(self.weight <= self.max_weight, "weight is over its bound");
        assert!(full().all(|entry| entry.start >= self.oldest), "the oldest entry");
        let expiries = || full().map(|entry| entry.timing().ends());
        assert!(
            expiries().all(|expiry| (self.first_expiry..=self.last_expiry).contains(&expiry)),
            "expiries"
        );
        self.policy.validate();
        self.tags.validate();
    }
}
