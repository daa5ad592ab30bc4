//! SIEVE: one queue and a hand.

use std::sync::atomic::{AtomicU8, Ordering};

use snowmelt_core::eviction::Policy;

const NIL: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Node {
    newer: u32,
    older: u32,
    linked: bool,
}

/// SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi: *SIEVE is simpler than LRU*,
/// NSDI 2024): a FIFO queue over which a hand walks from old to new, evicts
/// the first entry that was not read since it last came by, and stays there.
pub struct Sieve {
    nodes: Vec<Node>,
    newest: u32,
    oldest: u32,
    hand: u32,
    len: usize,
}

impl Sieve {
    fn unlink(&mut self, slot: u32) {
        let Node { newer, older, linked } = self.nodes[slot as usize];
        if !linked {
            return;
        }
        match newer {
            NIL => self.newest = older,
            newer => self.nodes[newer as usize].older = older,
        }
        match older {
            NIL => self.oldest = newer,
            older => self.nodes[older as usize].newer = newer,
        }
        if self.hand == slot {
            self.hand = newer;
        }
        self.nodes[slot as usize].linked = false;
        self.len -= 1;
    }
}

impl Policy for Sieve {
    type Mark = AtomicU8;

    fn new(_capacity: usize) -> Self {
        Self { nodes: Vec::new(), newest: NIL, oldest: NIL, hand: NIL, len: 0 }
    }

    fn touch(mark: &AtomicU8) {
        if mark.load(Ordering::Relaxed) == 0 {
            mark.store(1, Ordering::Relaxed);
        }
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        if slot as usize >= self.nodes.len() {
            let unlinked = Node { newer: NIL, older: NIL, linked: false };
            self.nodes.resize(slot as usize + 1, unlinked);
        }
        let older = self.newest;
        self.nodes[slot as usize] = Node { newer: NIL, older, linked: true };
        if older == NIL {
            self.oldest = slot;
        } else {
            self.nodes[older as usize].newer = slot;
        }
        self.newest = slot;
        self.len += 1;
    }

    fn remove(&mut self, slot: u32) {
        self.unlink(slot);
    }

    fn evict<'a>(&mut self, marks: impl Fn(u32) -> &'a AtomicU8) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        loop {
            let slot = if self.hand == NIL { self.oldest } else { self.hand };
            self.hand = self.nodes[slot as usize].newer;
            if marks(slot).swap(0, Ordering::Relaxed) == 0 {
                self.unlink(slot);
                return Some(slot);
            }
        }
    }

    fn clear(&mut self) {
        *self = Self::new(0);
    }

    fn len(&self) -> usize {
        self.len
    }

    fn validate(&self) {
        assert_eq!(self.nodes.iter().filter(|node| node.linked).count(), self.len);
    }
}
