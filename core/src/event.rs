//! What a host may want to log.

use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::string::String;

use crate::follower::{CatchUpId, GapReason, Outcome};

/// Something that happened. Taken with `Engine::poll_event`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Continuity could not be proven; the cache was emptied.
    Gap(GapReason),
    /// A record could not be decoded. Reported once for each cache, and once
    /// for each thing that a source here misses in the changes it asks about;
    /// `stats` counts them all.
    Undecodable {
        /// The shard it came from is not kept; this names the record.
        sequence_number: String,
        /// What is wrong with it.
        why: Cow<'static, str>,
    },
    /// A record that could not be read emptied the cache, to be safe.
    Flushed {
        /// The record.
        sequence_number: String,
        /// What is wrong with it.
        why: Cow<'static, str>,
    },
    /// A catch-up ended.
    CatchUpEnded(CatchUpId, Outcome),
}

/// Events that nobody took yet; the oldest are dropped when there are too
/// many, since `stats` counts them anyway.
#[derive(Debug, Default)]
pub(crate) struct Events(VecDeque<Event>);

const MOST: usize = 64;

impl Events {
    pub(crate) fn push(&mut self, event: Event) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.0.pop_front()
    }
}
