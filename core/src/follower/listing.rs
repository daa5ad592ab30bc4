//! What a list of shards says about the shards that are followed.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::call::ShardDescription;
use super::sequence::SequenceNumber;
use super::shard::Shard;
use super::{Follower, GapReason};
use crate::mutant::{Mutant, active};
use crate::time::Time;

/// Listed shards by their ids.
pub(super) type Listed = BTreeMap<String, ShardDescription>;

/// A list being read, page by page.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// By id: pages may overlap when shards change between them.
    pub(super) shards: Listed,
    /// Where it goes on; `None` before the first page.
    pub(super) next_token: Option<String>,
    pub(super) calling: bool,
}

/// More shards than an account can have, so that a service that never stops
/// handing out pages ends the attempt and not the memory.
pub(super) const MAX_SHARDS: usize = 100_000;

/// A shard that was read to its end.
#[derive(Debug)]
pub(super) struct Drained {
    pub(super) id: String,
    pub(super) fingerprint: Option<SequenceNumber>,
    pub(super) verified_at: Time,
}

/// How many drained shards are remembered.
pub(super) const MAX_DRAINED: usize = 10_000;

impl Follower {
    /// Takes a whole list: the first of a new start, or one that proves that
    /// the followed shards are still the same and shows their children.
    pub(super) fn adopt(&mut self, listed: Listed) {
        if self.shards.is_empty() {
            return self.start_from(listed);
        }
        if let Err(reason) = self.prove(&listed) {
            return self.gap(reason);
        }
        self.take_children(&listed);
        if let Err(reason) = self.settle_ended(&listed) {
            return self.gap(reason);
        }
        // What closed too early to be listed now will not be listed again.
        self.drained.retain(|drained| listed.contains_key(&drained.id));
    }

    fn start_from(&mut self, listed: Listed) {
        let anchor = self.floor;
        for shard in listed.into_values() {
            if self.concerns(&shard.hash_keys) {
                self.shards.push(Shard::anchored(shard.id, shard.starting_sequence_number, anchor));
            }
        }
        if self.shards.is_empty() {
            self.fail_attempt("the stream lists no shard that holds this cache's records".into());
        } else {
            self.anchor = Some(anchor);
        }
    }

    /// Checks every fingerprint, and learns those of children.
    fn prove(&mut self, listed: &Listed) -> Result<(), GapReason> {
        for drained in &self.drained {
            let Some(shard) = listed.get(&drained.id) else { continue };
            if !active(Mutant::FingerprintIgnored)
                && drained.fingerprint.as_ref().is_some_and(|known| *known != shard.starting_sequence_number)
            {
                return Err(GapReason::StreamRecreated);
            }
        }
        for shard in &mut self.shards {
            let Some(found) = listed.get(&shard.id) else {
                return Err(GapReason::ShardVanished);
            };
            let start = &found.starting_sequence_number;
            let same = match &shard.fingerprint {
                Some(known) => known == start,
                None => shard.last_seen.as_ref().is_none_or(|seen| seen >= start),
            };
            if !same && !active(Mutant::FingerprintIgnored) {
                return Err(GapReason::StreamRecreated);
            }
            shard.fingerprint = Some(start.clone());
            shard.unproven = false;
        }
        Ok(())
    }

    /// Follows listed shards that descend from known ones. Repeats until
    /// nothing is new, so that grandchildren are found in any order.
    fn take_children(&mut self, listed: &Listed) {
        loop {
            let before = self.shards.len();
            for shard in listed.values() {
                if self.knows(&shard.id) || !self.concerns(&shard.hash_keys) {
                    continue;
                }
                if let Some(verified_at) = self.oldest_parent(&shard.parents) {
                    let mut child = Shard::child(shard.id.clone(), verified_at);
                    child.fingerprint = Some(shard.starting_sequence_number.clone());
                    self.shards.push(child);
                }
            }
            if self.shards.len() == before {
                break;
            }
        }
        let stranger = listed.values().any(|shard| !self.knows(&shard.id) && self.concerns(&shard.hash_keys));
        if stranger {
            self.gap(GapReason::UnknownLineage);
        }
    }

    /// Lets go of shards that ended without naming their children, now that
    /// the list shows them.
    fn settle_ended(&mut self, listed: &Listed) -> Result<(), GapReason> {
        let mut at = 0;
        while let Some(shard) = self.shards.get(at) {
            if !shard.ended {
                at += 1;
                continue;
            }
            let continued = |child: &ShardDescription| child.parents.contains(&shard.id);
            if !listed.values().any(continued) {
                return Err(GapReason::UnknownLineage);
            }
            self.drain(at);
        }
        Ok(())
    }

    /// Stops following the shard at this index, and remembers it.
    pub(super) fn drain(&mut self, at: usize) {
        let Shard { id, fingerprint, verified_at, .. } = self.shards.swap_remove(at);
        if self.drained.len() == MAX_DRAINED {
            self.drained.pop_front();
        }
        self.drained.push_back(Drained { id, fingerprint, verified_at });
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.shards.iter().any(|shard| shard.id == id) || self.drained.iter().any(|shard| shard.id == id)
    }

    /// The least time at which one of these shards was verified.
    fn oldest_parent(&self, parents: &[String]) -> Option<Time> {
        let followed = self.shards.iter().map(|shard| (&shard.id, shard.verified_at));
        let drained = self.drained.iter().map(|shard| (&shard.id, shard.verified_at));
        followed.chain(drained).filter(|(id, _)| parents.contains(*id)).map(|(_, at)| at).min()
    }
}
