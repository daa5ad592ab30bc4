//! Sequences of operations against obvious models, and what the policy is for.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU8, Ordering};

use super::ghost::Ghosts;
use super::list::Queues;
use super::{Contest, Policy};

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn slot(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(u64::from(bound))).unwrap()
    }
}

fn hash(key: u64) -> u64 {
    key.wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(29)
        .wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// A store of keys alone.
struct Keys {
    policy: Contest,
    capacity: usize,
    slots: Vec<Option<u64>>,
    marks: Vec<AtomicU8>,
}

impl Keys {
    fn new(capacity: usize) -> Self {
        Self { policy: Contest::new(capacity), capacity, slots: Vec::new(), marks: Vec::new() }
    }

    fn read(&mut self, key: u64) -> bool {
        if let Some(slot) = self.slots.iter().position(|&at| at == Some(key)) {
            Contest::touch(&self.marks[slot]);
            return true;
        }
        if self.policy.len() == self.capacity {
            self.evict();
        }
        let slot = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.marks.push(AtomicU8::new(0));
            self.slots.len() - 1
        });
        self.slots[slot] = Some(key);
        self.marks[slot] = AtomicU8::new(0);
        self.policy.insert(u32::try_from(slot).unwrap(), hash(key));
        false
    }

    fn evict(&mut self) -> Option<u64> {
        let slot = self.policy.evict(|slot| &self.marks[slot as usize])?;
        let key = self.slots[slot as usize].take();
        assert!(key.is_some(), "slot {slot} was not resident");
        key
    }

    fn remove(&mut self, key: u64) {
        if let Some(slot) = self.slots.iter().position(|&at| at == Some(key)) {
            self.slots[slot] = None;
            self.policy.remove(u32::try_from(slot).unwrap());
        }
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.marks.clear();
        self.policy.clear();
    }

    fn validate(&self) {
        self.policy.validate();
        let resident = self.slots.iter().filter(|key| key.is_some()).count();
        assert_eq!(self.policy.len(), resident);
        assert_eq!(self.policy.is_empty(), resident == 0);
        assert!(resident <= self.capacity);
    }
}

#[test]
fn random_operations_keep_every_invariant() {
    for capacity in [1, 2, 3, 10, 100, 250] {
        let mut random = Random(capacity as u64);
        let mut keys = Keys::new(capacity);
        for _ in 0..5_000 {
            let key = random.below(capacity as u64 * 3);
            match random.below(100) {
                0..80 => _ = keys.read(key),
                80..90 => keys.remove(key),
                90..99 => {
                    let empty = keys.policy.is_empty();
                    assert_eq!(keys.evict().is_none(), empty);
                }
                _ if random.below(20) == 0 => keys.clear(),
                _ => {}
            }
            keys.validate();
        }
    }
}

#[test]
fn evicting_all_gives_each_slot_once() {
    let mut keys = Keys::new(300);
    for key in 0..300 {
        keys.read(key);
        keys.read(key / 2);
    }
    let evicted: BTreeSet<u64> = core::iter::from_fn(|| keys.evict()).collect();
    assert_eq!(evicted.len(), 300);
    assert_eq!(keys.evict(), None);
    keys.validate();
}

#[test]
fn a_mark_stops_at_its_maximum() {
    let mark = AtomicU8::default();
    for _ in 0..1_000 {
        Contest::touch(&mark);
    }
    assert_eq!(mark.load(Ordering::Relaxed), 5);
}

#[test]
fn an_eviction_looks_at_few_entries_even_if_all_were_read() {
    let mut keys = Keys::new(2_000);
    (0..2_000).for_each(|key| _ = keys.read(key));
    for mark in &keys.marks {
        (0..9).for_each(|_| Contest::touch(mark));
    }
    let looks = core::cell::Cell::new(0);
    let evictions = 1_000;
    for _ in 0..evictions {
        let look = |slot: u32| {
            looks.set(looks.get() + 1);
            &keys.marks[slot as usize]
        };
        assert!(keys.policy.evict(look).is_some());
    }
    assert!(looks.get() <= evictions * 20, "{} looks", looks.get());
}

#[test]
fn a_scan_leaves_the_popular_keys() {
    let mut keys = Keys::new(200);
    for _ in 0..5 {
        (0..150).for_each(|key| _ = keys.read(key));
    }
    (1_000..3_000).for_each(|key| _ = keys.read(key));
    let left = (0..150).filter(|&key| keys.slots.contains(&Some(key))).count();
    assert!(left >= 148, "{left} of 150 left");
}

#[test]
fn a_loop_over_a_little_more_than_fits_mostly_hits() {
    let mut keys = Keys::new(200);
    let hits = (0..22_000).filter(|at| keys.read(at % 220)).count();
    assert!(hits > 19_000, "{hits} hits");
}

#[test]
fn new_favourites_displace_old_ones() {
    let mut keys = Keys::new(100);
    let mut random = Random(7);
    for base in [0, 1_000, 2_000] {
        (0..30_000).for_each(|_| _ = keys.read(base + random.below(90)));
        let hits = (0..90).filter(|key| keys.slots.contains(&Some(base + key))).count();
        assert!(hits >= 80, "{hits} of 90 favourites from {base}");
    }
}

#[test]
fn a_key_that_was_removed_from_the_main_queue_is_remembered() {
    let mut keys = Keys::new(200);
    (0..400).for_each(|key| _ = keys.read(key));
    let main = keys.slots.iter().flatten().copied().min().unwrap();
    keys.remove(main);
    assert!(keys.policy.ghosts.take(super::fingerprint(hash(main)) & super::contest::FINGERPRINT).is_some());
}

#[test]
fn queues_agree_with_a_model() {
    let mut random = Random(3);
    let mut queues = Queues::<2>::new();
    let mut model = [VecDeque::new(), VecDeque::new()];
    for _ in 0..20_000 {
        let (queue, slot) = (usize::try_from(random.below(2)).unwrap(), random.slot(40));
        for slots in &mut model {
            slots.retain(|&at| at != slot);
        }
        if random.below(3) == 0 {
            queues.unlink(slot);
            assert_eq!(queues.unlink(slot), None);
        } else {
            queues.push(queue, slot, slot << 2);
            model[queue].push_back(slot);
            assert_eq!(queues.label(slot), slot << 2);
            assert_eq!(queues.unlink(slot), Some(queue));
            queues.push(queue, slot, slot << 2);
        }
        queues.validate();
        for (queue, slots) in model.iter().enumerate() {
            assert_eq!(queues.oldest(queue), slots.front().copied());
            assert_eq!(queues.len(queue), slots.len());
        }
    }
}

#[test]
fn ghosts_know_their_age_and_fade() {
    let print = |key: u64| super::fingerprint(hash(key)) & super::contest::FINGERPRINT;
    let mut ghosts = Ghosts::new();
    ghosts.push(print(0));
    assert_eq!(ghosts.take(print(0)), None, "no room yet");
    ghosts.reserve(3_200);
    (0..3_000).for_each(|key| ghosts.push(print(key)));
    let ages: Vec<usize> = (2_900..3_000).filter_map(|key| ghosts.take(print(key))).collect();
    assert!(ages.len() >= 98, "{} of 100 found", ages.len());
    let mean = ages.iter().sum::<usize>() / ages.len();
    assert!(mean < 300, "mean age {mean}");
    assert_eq!(ghosts.take(print(2_950)), None, "taken is forgotten");
    (3_000..9_000).for_each(|key| ghosts.push(print(key)));
    let old = (0..2_900).filter(|&key| ghosts.take(print(key)).is_some()).count();
    assert!(old < 100, "{old} should have faded");
}
