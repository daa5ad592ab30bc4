//! Contest: FIFO queues as in S3-FIFO, and a clock that gives way slowly.

use core::sync::atomic::{AtomicU8, Ordering};

use super::Policy;
use super::ghost::Ghosts;
use super::list::Queues;

const SMALL: usize = 0;
const MAIN: usize = 1;

/// Reads that a mark counts. Past it a hit writes nothing.
const MAX_READS: u8 = 5;
/// The small queue is this fraction of the store.
const SMALL_FRACTION: usize = 100;
/// Looks into the main queue that each eviction earns, and how many of them
/// can be saved up.
const LOOKS_EARNED: u32 = 2;
const LOOKS_SAVED: u32 = 32;
/// Looks that a key gets that was away for long. One in `PATIENCE` costs the
/// entry looked at a read.
const LATE_LOOKS: u32 = 2;
const PATIENCE: u32 = 8;
/// Looks when the main queue must give up an entry whatever the marks say.
const FORCED_LOOKS: u32 = 16;

/// What was known of a key when it came, in the two bits of a label above
/// those that [`Queues`] needs.
const RETURNED_SOON: u32 = 1 << 2;
const RETURNED_LATE: u32 = 1 << 3;
/// The bits of a label that are the key's fingerprint.
pub(super) const FINGERPRINT: u32 = !0xF;

/// A descendant of S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak: *FIFO queues are
/// all you need for cache eviction*, SOSP 2023), chosen by measurement (the
/// program `hit_ratio` of `snowmelt-bench` prints the table).
///
/// New entries wait in a small queue, a hundredth of the store, and main
/// entries stand in a clock, whose hand takes a read off each entry it passes.
/// What reaches the end of the small queue is a candidate for the main queue
/// if it was read while it waited, or if its key had left the store within
/// as many evictions as two fifths of the store: the *ghosts*. All this is known; what
/// differs is that a candidate replaces an unread entry, never just any:
///
/// - **The hand is paid.** Each eviction earns it two steps, of which 32 can
///   be saved. A candidate for whom it finds no unread entry within its means
///   leaves. So a loop over a little more than the store holds keeps most of
///   the store, where a free clock would be wound around until everything
///   is unread; and the time of an eviction is bounded.
/// - **Late returns look, and do not push.** A key that left longer ago, but
///   within one and a half stores of evictions, gets two looks that take
///   nothing off, but for one in eight (so that reads of long ago do not hold
///   their places for ever). If it enters, it counts as read once. That finds
///   the places which nobody uses when keys recur at long intervals.
///
/// Twelve bytes a slot, and three for its ghosts.
#[derive(Debug)]
pub struct Contest {
    queues: Queues<2>,
    pub(super) ghosts: Ghosts,
    /// How many slots are resident when the store is full, as far as known.
    full: usize,
    looks: u32,
    late_looks: u32,
}

impl Contest {
    fn main_has_room(&self) -> bool {
        self.queues.len(MAIN) + small_share(self.full) < self.full
    }

    /// What a key that comes now was before, by the ghosts.
    fn standing(&mut self, fingerprint: u32) -> u32 {
        match self.ghosts.take(fingerprint) {
            Some(age) if age * 5 < self.full * 2 => RETURNED_SOON,
            Some(age) if age * 2 < self.full * 3 => RETURNED_LATE,
            _ => 0,
        }
    }

    /// Decides between the oldest small entry and the main queue.
    fn contest<'a>(&mut self, candidate: u32, marks: &impl Fn(u32) -> &'a AtomicU8) -> u32 {
        let label = self.queues.label(candidate);
        let mark = marks(candidate);
        let soon = label & RETURNED_SOON != 0 || mark.load(Ordering::Relaxed) > 0;
        let victim = if soon {
            self.push_hand(marks)
        } else if label & RETURNED_LATE != 0 {
            self.look_around(marks)
        } else {
            None
        };
        let Some(victim) = victim else {
            self.queues.unlink(candidate);
            self.ghosts.push(label & FINGERPRINT);
            return candidate;
        };
        mark.store(u8::from(!soon), Ordering::Relaxed);
        self.queues.push(MAIN, candidate, label & FINGERPRINT);
        self.queues.unlink(victim);
        victim
    }

    /// Finds an unread entry of the main queue within the hand's means.
    fn push_hand<'a>(&mut self, marks: &impl Fn(u32) -> &'a AtomicU8) -> Option<u32> {
        while self.looks > 0 {
            self.looks -= 1;
            if let Some(unread) = self.look(marks, 1)? {
                return Some(unread);
            }
        }
        None
    }

    /// Finds an unread entry of the main queue near the hand.
    fn look_around<'a>(&mut self, marks: &impl Fn(u32) -> &'a AtomicU8) -> Option<u32> {
        for _ in 0..LATE_LOOKS {
            self.late_looks = self.late_looks.wrapping_add(1);
            let price = u8::from(self.late_looks.is_multiple_of(PATIENCE));
            if let Some(unread) = self.look(marks, price)? {
                return Some(unread);
            }
        }
        None
    }

    /// Looks at the oldest main entry: `Some(Some(slot))` if it is unread;
    /// otherwise it pays the price and gets another round. `None` if the
    /// queue is empty.
    #[expect(clippy::option_option, reason = "the outer one ends the search")]
    fn look<'a>(&mut self, marks: &impl Fn(u32) -> &'a AtomicU8, price: u8) -> Option<Option<u32>> {
        let slot = self.queues.oldest(MAIN)?;
        let mark = marks(slot);
        let reads = mark.load(Ordering::Relaxed);
        if reads == 0 {
            return Some(Some(slot));
        }
        if price > 0 {
            mark.store(reads.saturating_sub(price), Ordering::Relaxed);
        }
        self.queues.rotate(MAIN);
        Some(None)
    }

    /// Takes an entry from the main queue, an unread one if the hand finds it
    /// soon enough.
    fn evict_main<'a>(&mut self, marks: &impl Fn(u32) -> &'a AtomicU8) -> Option<u32> {
        for _ in 0..FORCED_LOOKS {
            if self.look(marks, 1)?.is_some() {
                break;
            }
        }
        let slot = self.queues.oldest(MAIN)?;
        self.queues.unlink(slot);
        Some(slot)
    }

    /// Learns how many entries the store holds, and brings the queues into
    /// proportion. Every step of the loop was paid by an insertion.
    fn settle(&mut self) {
        self.full = self.queues.total();
        self.ghosts.reserve(self.full + self.full / 2);
        self.looks = (self.looks + LOOKS_EARNED).min(LOOKS_SAVED);
        while self.queues.len(SMALL) > small_share(self.full) + 1 {
            let Some(slot) = self.queues.oldest(SMALL) else { break };
            self.queues.push(MAIN, slot, self.queues.label(slot) & FINGERPRINT);
        }
    }
}

impl Policy for Contest {
    type Mark = AtomicU8;

    fn new(capacity: usize) -> Self {
        Self { queues: Queues::new(), ghosts: Ghosts::new(), full: capacity, looks: 0, late_looks: 0 }
    }

    #[inline]
    fn touch(mark: &AtomicU8) {
        let reads = mark.load(Ordering::Relaxed);
        if reads < MAX_READS {
            mark.store(reads + 1, Ordering::Relaxed);
        }
    }

    fn insert(&mut self, slot: u32, hash: u64) {
        let fingerprint = super::fingerprint(hash) & FINGERPRINT;
        let standing = self.standing(fingerprint);
        if self.main_has_room() {
            self.queues.push(MAIN, slot, fingerprint);
        } else {
            self.queues.push(SMALL, slot, fingerprint | standing);
        }
    }

    fn remove(&mut self, slot: u32) {
        // What had earned its place is not a stranger when it is loaded anew.
        if self.queues.unlink(slot) == Some(MAIN) {
            self.ghosts.push(self.queues.label(slot));
        }
    }

    fn evict<'a>(&mut self, marks: impl Fn(u32) -> &'a AtomicU8) -> Option<u32> {
        self.settle();
        if self.queues.len(SMALL) < small_share(self.full) && self.queues.len(MAIN) > 0 {
            return self.evict_main(&marks);
        }
        let candidate = self.queues.oldest(SMALL)?;
        Some(self.contest(candidate, &marks))
    }

    fn clear(&mut self) {
        self.queues.clear();
        self.ghosts.clear();
        self.looks = 0;
    }

    fn len(&self) -> usize {
        self.queues.total()
    }

    fn validate(&self) {
        self.queues.validate();
        assert!(self.looks <= LOOKS_SAVED, "more looks than can be saved");
    }
}

/// The small queue's share of `total` slots.
const fn small_share(total: usize) -> usize {
    let share = total / SMALL_FRACTION;
    if share == 0 { 1 } else { share }
}
