//! One face for every cache: read a key, and store it if it was missing.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use snowmelt_core::eviction::Policy;

/// A cache that can be asked for hits.
pub trait Simulated {
    /// Reads `key`, stores it if it is missing, and says whether it was there.
    fn read(&mut self, key: u64) -> bool;
}

/// The fewest parts a store needs around a policy.
pub struct Store<P: Policy> {
    policy: P,
    capacity: usize,
    slots: HashMap<u64, u32, FixedState>,
    keys: Vec<u64>,
    marks: Vec<P::Mark>,
}

impl<P: Policy> Store<P> {
    /// A store of at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self {
            policy: P::new(capacity),
            capacity,
            slots: HashMap::with_hasher(FixedState::with_seed(1)),
            keys: Vec::new(),
            marks: Vec::new(),
        }
    }

    fn free_slot(&mut self) -> u32 {
        if self.slots.len() < self.capacity {
            self.keys.push(0);
            self.marks.push(P::Mark::default());
            return u32::try_from(self.keys.len() - 1).expect("few slots");
        }
        let marks = &self.marks;
        let victim = self.policy.evict(|slot| &marks[slot as usize]).expect("the store is full");
        self.slots.remove(&self.keys[victim as usize]);
        victim
    }
}

impl<P: Policy> Simulated for Store<P> {
    fn read(&mut self, key: u64) -> bool {
        if let Some(&slot) = self.slots.get(&key) {
            P::touch(&self.marks[slot as usize]);
            return true;
        }
        let slot = self.free_slot();
        let hash = self.slots.hasher().hash_one(key);
        self.keys[slot as usize] = key;
        self.marks[slot as usize] = P::Mark::default();
        self.slots.insert(key, slot);
        self.policy.insert(slot, hash);
        false
    }
}

/// Moka's synchronous cache as its builder makes it, with a fixed hasher.
pub struct Moka {
    cache: moka::sync::Cache<u64, (), FixedState>,
    reads: u64,
}

impl Moka {
    /// A cache of at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        let builder = moka::sync::Cache::builder().max_capacity(capacity as u64);
        Self { cache: builder.build_with_hasher(FixedState::with_seed(1)), reads: 0 }
    }
}

impl Simulated for Moka {
    fn read(&mut self, key: u64) -> bool {
        let hit = self.cache.get(&key).is_some();
        if !hit {
            self.cache.insert(key, ());
        }
        // Its own housekeeping goes by the clock as well; this one comes first.
        self.reads += 1;
        if self.reads.is_multiple_of(32) {
            self.cache.run_pending_tasks();
        }
        hit
    }
}

/// `quick_cache`'s unsynchronised cache as it makes itself, with a fixed hasher.
pub struct Quick {
    cache: quick_cache::unsync::Cache<u64, (), quick_cache::UnitWeighter, FixedState>,
}

impl Quick {
    /// A cache of at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        let cache = quick_cache::unsync::Cache::with(
            capacity,
            capacity as u64,
            quick_cache::UnitWeighter,
            FixedState::with_seed(1),
            quick_cache::unsync::DefaultLifecycle::default(),
        );
        Self { cache }
    }
}

impl Simulated for Quick {
    fn read(&mut self, key: u64) -> bool {
        let hit = self.cache.get(&key).is_some();
        if !hit {
            self.cache.insert(key, ());
        }
        hit
    }
}
