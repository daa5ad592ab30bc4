//! What was not shared lately. Who comes to such a page need not wait for another's load of it, only to be told
//! to run the handler itself.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ask::Question;
use crate::reason::Reason;

/// For so long, in seconds. Whoever comes later asks anew on behalf of all.
const LATELY: u64 = 5;

/// Of each page a word: 24 bits of its hash, the reason (8), and until when (32, seconds since the Unix epoch). A page
/// takes the place of another one of the same slot: that is forgotten early, and no harm done.
pub(crate) struct Unshared {
    hasher: RandomState,
    slots: [AtomicU64; 1024],
}

impl Default for Unshared {
    fn default() -> Self {
        Self { hasher: RandomState::new(), slots: [const { AtomicU64::new(0) }; 1024] }
    }
}

impl Unshared {
    /// Why the answer to this question was not shared, if that was lately.
    pub(crate) fn why(&self, key: &str, credentials: bool, now_ms: u64) -> Option<Reason> {
        let (slot, tag) = self.place(key, credentials);
        let word = slot.load(Ordering::Relaxed);
        let (until, now) = (word & u64::from(u32::MAX), now_ms / 1000);
        // (A clock that was set back makes no page unshared for longer.)
        let lately = until > now && until <= now + LATELY;
        let reason = Reason::ALL.get(usize::from((word >> 32).to_le_bytes()[0]));
        reason.copied().filter(|_| lately && word >> 40 == tag)
    }

    /// Its answer was not shared.
    pub(crate) fn note(&self, question: &Question, reason: Reason, now_ms: u64) {
        let Some(number) = Reason::ALL.iter().position(|known| *known == reason) else { return };
        let (slot, tag) = self.place(&question.key, question.credentials);
        let until = (now_ms / 1000 + LATELY) & u64::from(u32::MAX);
        slot.store((tag << 40) | ((number as u64) << 32) | until, Ordering::Relaxed);
    }

    fn place(&self, key: &str, credentials: bool) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one((key, credentials));
        let at = usize::from(u16::from_le_bytes([hash.to_le_bytes()[0], hash.to_le_bytes()[1]]));
        (&self.slots[at % self.slots.len()], hash >> 40)
    }
}

impl std::fmt::Debug for Unshared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unshared").finish_non_exhaustive()
    }
}
