//! S3-FIFO: three FIFO queues.

use std::sync::atomic::{AtomicU8, Ordering};

use snowmelt_core::eviction::Policy;

use super::ghost::Ghosts;
use super::list::Queues;

const SMALL: usize = 0;
const MAIN: usize = 1;

/// Reads that a mark counts.
const MAX_FREQUENCY: u8 = 3;

/// S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak: *FIFO queues are all you need for
/// cache eviction*, SOSP 2023).
///
/// New entries wait in a small queue, a tenth of the cache. Those read more
/// than once there move on to the main queue; the rest leave soon, but their
/// fingerprint stays for a while, and a key that comes back enters the main
/// queue at once. The main queue is a clock: an entry that was read gets
/// another round for each read, up to three.
pub struct S3Fifo {
    queues: Queues<2>,
    ghosts: Ghosts,
}

impl S3Fifo {
    fn evict_small<'a>(&mut self, marks: &impl Fn(u32) -> &'a AtomicU8) -> Option<u32> {
        while let Some(slot) = self.queues.oldest(SMALL) {
            let mark = marks(slot);
            if mark.load(Ordering::Relaxed) > 1 {
                mark.store(0, Ordering::Relaxed);
                self.queues.push(MAIN, slot, self.queues.label(slot));
            } else {
                self.ghosts.reserve(self.queues.total());
                self.ghosts.push(self.queues.label(slot));
                self.queues.unlink(slot);
                return Some(slot);
            }
        }
        None
    }

    fn evict_main<'a>(&mut self, marks: &impl Fn(u32) -> &'a AtomicU8) -> Option<u32> {
        while let Some(slot) = self.queues.oldest(MAIN) {
            let mark = marks(slot);
            let frequency = mark.load(Ordering::Relaxed);
            if frequency == 0 {
                self.queues.unlink(slot);
                return Some(slot);
            }
            mark.store(frequency - 1, Ordering::Relaxed);
            self.queues.rotate(MAIN);
        }
        None
    }
}

impl Policy for S3Fifo {
    type Mark = AtomicU8;

    fn new(_capacity: usize) -> Self {
        Self { queues: Queues::new(), ghosts: Ghosts::new() }
    }

    #[inline]
    fn touch(mark: &AtomicU8) {
        let frequency = mark.load(Ordering::Relaxed);
        if frequency < MAX_FREQUENCY {
            mark.store(frequency + 1, Ordering::Relaxed);
        }
    }

    fn insert(&mut self, slot: u32, hash: u64) {
        #[expect(clippy::cast_possible_truncation, reason = "cut on purpose")]
        let fingerprint = hash as u32 & !3;
        let queue = if self.ghosts.take(fingerprint).is_some() { MAIN } else { SMALL };
        self.queues.push(queue, slot, fingerprint);
    }

    fn remove(&mut self, slot: u32) {
        self.queues.unlink(slot);
    }

    fn evict<'a>(&mut self, marks: impl Fn(u32) -> &'a AtomicU8) -> Option<u32> {
        if self.queues.len(SMALL) * 10 >= self.queues.total() {
            self.evict_small(&marks).or_else(|| self.evict_main(&marks))
        } else {
            self.evict_main(&marks).or_else(|| self.evict_small(&marks))
        }
    }

    fn clear(&mut self) {
        self.queues.clear();
        self.ghosts.clear();
    }

    fn len(&self) -> usize {
        self.queues.total()
    }

    fn validate(&self) {
        self.queues.validate();
    }
}
