//! One followed shard: where the follower stands in it.

use alloc::string::String;
use core::time::Duration;

use super::call::IteratorStart;
use super::sequence::SequenceNumber;
use crate::time::Time;

/// A shard iterator expires five minutes after it was given (Kinesis API
/// reference, `GetShardIterator`); it is replaced a little earlier.
const ITERATOR_LIFE: Duration = Duration::from_secs(270);

#[derive(Clone, Debug)]
pub(super) struct Shard {
    pub(super) id: String,
    /// `StartingSequenceNumber`; unknown for a child until it is listed.
    pub(super) fingerprint: Option<SequenceNumber>,
    /// The send time of the last answer at the tip; before it, the anchor, or
    /// the parent's.
    pub(super) verified_at: Time,
    /// The number of the call that `verified_at` comes from.
    pub(super) verified_by: Option<u64>,
    /// Up to where the shard was read, by arrival times if not to the tip;
    /// `None` if nothing was read since the trim horizon.
    pub(super) read_to: Option<Time>,
    /// What was seen is not applied again.
    pub(super) last_seen: Option<SequenceNumber>,
    iterator: Option<Iterator>,
    /// Whether the iterator must come from a time, and that time only counts
    /// on a shard that still has its fingerprint.
    pub(super) unproven: bool,
    /// Read to its end, and its children are not known yet.
    pub(super) ended: bool,
    /// The call that is under way.
    pub(super) calling: bool,
    /// The attempt in which this shard gave nothing more.
    pub(super) blocked_in: Option<u64>,
    /// How often the iterator was lost in which attempt.
    lost: (u64, u32),
    /// What was read since the tip was last seen.
    pub(super) backlog: Backlog,
}

#[derive(Clone, Debug)]
struct Iterator {
    token: String,
    given: Time,
}

/// How much there was between two sights of the tip.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backlog {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Shard {
    /// A shard to be read from `anchor`.
    pub(super) fn anchored(id: String, fingerprint: SequenceNumber, anchor: Time) -> Self {
        let mut shard = Self::child(id, anchor);
        shard.fingerprint = Some(fingerprint);
        shard.read_to = Some(anchor);
        shard
    }

    /// A shard to be read from its beginning, counted as verified when its
    /// parent last was.
    pub(super) fn child(id: String, verified_at: Time) -> Self {
        Self {
            id,
            fingerprint: None,
            verified_at,
            verified_by: None,
            read_to: None,
            last_seen: None,
            iterator: None,
            unproven: false,
            ended: false,
            calling: false,
            blocked_in: None,
            lost: (0, 0),
            backlog: Backlog::default(),
        }
    }

    /// The iterator, unless it is about to expire.
    pub(super) fn iterator(&self) -> Option<&str> {
        self.iterator.as_ref().map(|iterator| &*iterator.token)
    }

    pub(super) fn set_iterator(&mut self, token: String, given: Time) {
        self.iterator = Some(Iterator { token, given });
    }

    /// Drops the iterator: from here on the position is a time.
    pub(super) fn lose_iterator(&mut self) {
        self.iterator = None;
        self.unproven = true;
    }

    /// At the start of a catch-up: drops an iterator that has expired by now.
    /// A shard without one has to be proven, however lately it was.
    pub(super) fn expire_iterator(&mut self, now: Time) {
        let lives = |iterator: &Iterator| now.since(iterator.given) <= ITERATOR_LIFE;
        if !self.calling && !self.iterator.as_ref().is_some_and(lives) {
            self.lose_iterator();
        }
    }

    /// A call under way is somebody else's now.
    pub(super) fn forget_call(&mut self) {
        self.calling = false;
    }

    /// Whether the list of shards has something to say about this one.
    pub(super) fn needs_list(&self) -> bool {
        self.unproven || self.ended || self.fingerprint.is_none()
    }

    /// Counts a lost iterator; whether it is lost too often in this attempt.
    pub(super) fn lost_too_often(&mut self, attempt: u64) -> bool {
        let count = if self.lost.0 == attempt { self.lost.1 + 1 } else { 1 };
        self.lost = (attempt, count);
        count > 2
    }

    /// Nothing that is cached began before `floor`: the position moves up.
    pub(super) fn move_up(&mut self, floor: Time) {
        self.verified_at = self.verified_at.max(floor);
        if let Some(read_to) = &mut self.read_to {
            *read_to = (*read_to).max(floor);
        }
    }

    /// Where a new iterator has to start, `margin` before what was read.
    pub(super) fn start(&self, to_server: impl Fn(Time) -> u64) -> IteratorStart {
        match self.read_to {
            Some(read_to) => IteratorStart::AtTimestamp(to_server(read_to)),
            None => IteratorStart::TrimHorizon,
        }
    }

    /// The time up to which the shard was read for certain.
    pub(super) fn position(&self) -> Time {
        self.read_to.unwrap_or(self.verified_at)
    }

    /// Whether it may be called in this attempt, and has to be.
    pub(super) fn wants_call(&self, attempt: u64, first_call: u64) -> bool {
        let verified = self.verified_by >= Some(first_call);
        !self.calling && !self.ended && self.blocked_in != Some(attempt) && !verified
    }

    pub(super) fn is_new(&self, number: &SequenceNumber) -> bool {
        self.last_seen.as_ref().is_none_or(|seen| number > seen)
    }
}
