//! Invalidations that this cache makes itself (contract line 11).

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use super::Engine;
use crate::error::InputError;
use crate::follower::{SequenceNumber, lane_hash_keys};
use crate::invalidation::{Envelope, Invalidation, encode};
use crate::lock::{Guarded, Host};
use crate::mutant::{Mutant, active};
use crate::time::Time;
use crate::writer::{PositionToken, Write, WriteError};

impl<H: Host> Engine<H> {
    /// Removes here what an invalidation names and revokes the loads it
    /// concerns, at once; then hands out the write to the stream. Drive it
    /// until [`WriteStep::Done`] and give it to [`Engine::finish_write`].
    ///
    /// [`WriteStep::Done`]: crate::writer::WriteStep::Done
    ///
    /// # Errors
    ///
    /// If the invalidation cannot be used as it is. Nothing was done then.
    pub fn invalidate(&self, invalidation: &Invalidation, now: Time) -> Result<Write, InputError> {
        invalidation.check()?;
        let mut removed = Vec::new();
        let write = self.feed.write(|feed| {
            let written = feed.server_millis(now);
            let envelope = Envelope { namespace: &self.config.namespace, written };
            let records = encode(invalidation, self.config.record_format, envelope)?;
            if !active(Mutant::NoLocalRemoval) {
                self.apply(invalidation, now, &mut removed);
            }
            let lanes = self.config.lanes.map(lane_hash_keys).unwrap_or_default();
            Ok(match &self.config.stream {
                Some(stream) => Write::new(stream, records, &lanes, feed.draw()),
                None => Write::new("", Vec::new(), &[], 0),
            })
        });
        drop(removed);
        write
    }

    /// The result of a write.
    ///
    /// # Errors
    ///
    /// If not everything was written. The local removal stays.
    pub fn finish_write(&self, mut write: Write, now: Time) -> Result<PositionToken, WriteError> {
        self.feed.write(|feed| {
            write.token.note_written(feed.server_millis(now));
            feed.counts.put_records_calls += write.puts;
            let error = write.error();
            for (shard, number) in write.stored {
                feed.own.note(shard, number);
            }
            error.map_or(Ok(write.token), Err)
        })
    }
}

/// This cache's own records: what they say was applied before they were
/// written, so that reading them back changes nothing.
#[derive(Debug, Default)]
pub(super) struct Own {
    records: BTreeSet<(SequenceNumber, String)>,
    order: VecDeque<(SequenceNumber, String)>,
}

/// How many are remembered; a forgotten one is applied like any other.
const MOST: usize = 4_096;

impl Own {
    fn note(&mut self, shard: String, number: SequenceNumber) {
        if self.order.len() == MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.records.remove(&oldest);
        }
        self.order.push_back((number.clone(), shard.clone()));
        self.records.insert((number, shard));
    }

    /// Whether this is an own record.
    pub(super) fn contains(&self, shard: &str, number: &SequenceNumber) -> bool {
        !self.records.is_empty() && self.records.contains(&(number.clone(), shard.into()))
    }

    pub(super) fn validate(&self) {
        assert!(self.order.len() <= MOST && self.records.len() <= self.order.len(), "own records");
    }
}
