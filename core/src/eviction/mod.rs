//! Which entry leaves when the store is full.

mod contest;
mod ghost;
mod list;
#[cfg(test)]
mod tests;

pub use contest::Contest;

/// The policy of the caches.
pub type Default = Contest;

/// An eviction policy over the slots of a store.
///
/// The store owns the entries and calls the policy under its own exclusive
/// access, except for [`Policy::touch`], which runs on the hit path through
/// a shared reference and must be a few relaxed atomic operations at most.
///
/// # What the caller guarantees
///
/// - Slots are small dense numbers (indices into the store's slab).
/// - [`insert`](Policy::insert) is called for a slot that is not resident;
///   [`remove`](Policy::remove) for one that is. A slot that was removed or
///   evicted may be inserted again, for another key.
/// - `hash` identifies the key and is the same in each call for that key.
/// - `marks` gives the mark of every resident slot. A mark is reset to its
///   default whenever its slot is inserted.
/// - No more than `capacity` slots are resident at once, except between an
///   `insert` and the `evict` that follows it.
///
/// # What the implementor must do
///
/// - `evict` chooses one resident slot and forgets it; it returns `None` only
///   if nothing is resident. It must end in amortised constant time.
/// - Memory is bounded by the capacity, ghosts included.
/// - Nothing may allocate in `touch`, and nothing may panic.
pub trait Policy {
    /// What a hit leaves behind on an entry.
    type Mark: core::default::Default + Send + Sync;

    /// A policy for at most `capacity` resident slots. Memory is taken as
    /// slots come, not at once.
    fn new(capacity: usize) -> Self;

    /// An entry was read.
    fn touch(mark: &Self::Mark);

    /// `slot` became resident with a new key.
    fn insert(&mut self, slot: u32, hash: u64);

    /// `slot` left for another reason than eviction (expired, invalidated).
    fn remove(&mut self, slot: u32);

    /// Chooses a victim, forgets it and returns it.
    fn evict<'a>(&mut self, marks: impl Fn(u32) -> &'a Self::Mark) -> Option<u32>
    where
        Self::Mark: 'a;

    /// Forgets everything, ghosts included.
    fn clear(&mut self);

    /// How many slots are resident.
    fn len(&self) -> usize;

    /// Whether no slot is resident.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks every internal invariant.
    ///
    /// # Panics
    ///
    /// If one does not hold; for tests.
    fn validate(&self);
}

/// The part of a key's hash that a policy keeps. A table of entries uses the
/// hash's low bits for its buckets and its top seven for its tags, so all of
/// it is folded in.
#[expect(clippy::cast_possible_truncation, reason = "folded, then cut")]
const fn fingerprint(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}
