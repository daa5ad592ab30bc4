//! FIFO queues of slots that share one table of links.

use alloc::vec::Vec;

/// No slot.
const NIL: u32 = u32::MAX;
/// The bits of a node's tag that hold its queue; the rest is the label.
const QUEUE_BITS: u32 = 2;
const QUEUE_MASK: u32 = (1 << QUEUE_BITS) - 1;

/// Where a slot stands. `newer` and `older` mean nothing while it is in no
/// queue.
#[derive(Clone, Copy, Debug)]
struct Node {
    newer: u32,
    older: u32,
    /// The caller's label, with the queue in the low bits: 0 while the slot
    /// is in none, else the queue's id plus one.
    tag: u32,
}

/// A queue's end; the newest slot is the one before the oldest.
#[derive(Clone, Copy, Debug)]
struct End {
    oldest: u32,
    len: u32,
}

/// `N` FIFO queues (at most three) over one table of doubly linked slots, so
/// that a slot can leave from the middle in constant time. Each queue is a
/// ring: giving its oldest slot another round moves one number. Twelve bytes a
/// slot, of which 30 bits are a label for the caller's use.
#[derive(Debug)]
pub(super) struct Queues<const N: usize> {
    nodes: Vec<Node>,
    ends: [End; N],
}

impl<const N: usize> Queues<N> {
    pub(super) const fn new() -> Self {
        const { assert!(N <= QUEUE_MASK as usize) };
        Self { nodes: Vec::new(), ends: [End { oldest: NIL, len: 0 }; N] }
    }

    /// Slots in `queue`.
    #[inline]
    pub(super) fn len(&self, queue: usize) -> usize {
        self.ends[queue].len as usize
    }

    /// Slots in all queues.
    #[inline]
    pub(super) fn total(&self) -> usize {
        self.ends.iter().map(|end| end.len as usize).sum()
    }

    /// The slot that has been in `queue` for longest.
    #[inline]
    pub(super) fn oldest(&self, queue: usize) -> Option<u32> {
        let slot = self.ends[queue].oldest;
        (slot != NIL).then_some(slot)
    }

    /// The label `slot` was pushed with last, without its two lowest bits.
    #[inline]
    pub(super) fn label(&self, slot: u32) -> u32 {
        self.nodes[slot as usize].tag & !QUEUE_MASK
    }

    /// The queue `slot` is in, if any.
    #[inline]
    pub(super) fn queue_of(&self, slot: u32) -> Option<usize> {
        let tag = self.nodes.get(slot as usize)?.tag;
        ((tag & QUEUE_MASK) as usize).checked_sub(1)
    }

    /// Puts `slot` at the new end of `queue`, taking it out of the queue it
    /// was in, if any.
    pub(super) fn push(&mut self, queue: usize, slot: u32, label: u32) {
        let index = slot as usize;
        if index >= self.nodes.len() {
            let unlinked = Node { newer: NIL, older: NIL, tag: 0 };
            self.nodes.resize(index + 1, unlinked);
        }
        self.unlink(slot);
        let end = &mut self.ends[queue];
        end.len += 1;
        let (newer, older) = if end.oldest == NIL {
            end.oldest = slot;
            (slot, slot)
        } else {
            let newest = self.nodes[end.oldest as usize].older;
            self.nodes[end.oldest as usize].older = slot;
            self.nodes[newest as usize].newer = slot;
            (end.oldest, newest)
        };
        #[expect(clippy::cast_possible_truncation, reason = "a queue id is below three")]
        let tag = (label & !QUEUE_MASK) | (queue as u32 + 1);
        self.nodes[index] = Node { newer, older, tag };
    }

    /// Makes the oldest slot of `queue` its newest.
    #[inline]
    pub(super) fn rotate(&mut self, queue: usize) {
        let end = &mut self.ends[queue];
        if end.oldest != NIL {
            end.oldest = self.nodes[end.oldest as usize].newer;
        }
    }

    /// Takes `slot` out of its queue and says which that was.
    pub(super) fn unlink(&mut self, slot: u32) -> Option<usize> {
        let queue = self.queue_of(slot)?;
        let Node { newer, older, .. } = self.nodes[slot as usize];
        let end = &mut self.ends[queue];
        end.len -= 1;
        if newer == slot {
            end.oldest = NIL;
        } else {
            if end.oldest == slot {
                end.oldest = newer;
            }
            self.nodes[newer as usize].older = older;
            self.nodes[older as usize].newer = newer;
        }
        self.nodes[slot as usize].tag &= !QUEUE_MASK;
        Some(queue)
    }

    /// Empties every queue and gives the memory back.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Walks every queue.
    ///
    /// # Panics
    ///
    /// If links, ends, lengths or queue ids disagree.
    pub(super) fn validate(&self) {
        for (queue, end) in self.ends.iter().enumerate() {
            assert_eq!(end.oldest == NIL, end.len == 0, "end of queue {queue}");
            let mut slot = end.oldest;
            for at in 0..end.len {
                assert_eq!(self.queue_of(slot), Some(queue), "slot {slot} is linked elsewhere");
                let newer = self.nodes[slot as usize].newer;
                assert_eq!(self.nodes[newer as usize].older, slot, "links of slot {slot}");
                assert_eq!(newer == end.oldest, at + 1 == end.len, "length of queue {queue}");
                slot = newer;
            }
        }
        let linked = self.nodes.iter().filter(|node| node.tag & QUEUE_MASK != 0).count();
        assert_eq!(linked, self.total(), "slots that claim to be in a queue");
    }
}
