//! The follower: where a cache stands in a Kinesis data stream.
//!
//! It says which call to make next and takes what comes back; it never
//! touches the entries. A catch-up (`Follower::begin`) asks each followed
//! shard for records until an answer at the tip that was *sent* after the
//! catch-up began. In the steady state that is one `GetRecords` a shard.
//!
//! # Where a position comes from
//!
//! While its iterator lives, a shard is read on from where it was. When it
//! expired (five minutes, frozen or not) the position becomes a time: `margin`
//! before the point up to which the shard was read. Such a position counts
//! only on a shard that is still the same, so the shards are listed first and
//! their `StartingSequenceNumber`s compared. No position is older than the
//! oldest entry: what is not cached need not be invalidated.
//!
//! # What a gap is
//!
//! Whatever leaves a doubt that every record since the oldest entry was read.
//! The follower then forgets everything and the engine empties the cache.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

mod answers;
mod attempt;
mod call;
mod calls;
mod catch_up_error;
mod lanes;
mod listing;
mod pacing;
mod sequence;
mod shard;

pub use attempt::{CatchUpId, Outcome};
pub use call::{
    Answer, Body, Call, CallError, CallErrorKind, CallId, ChildShard, HashKeyRange, IteratorStart,
    ListShards, NotACallId, RecordPage, Request, ShardDescription, ShardPage, StreamRecord,
};
pub use catch_up_error::{CatchUpError, CatchUpToError};
pub use lanes::lane_hash_key;
pub(crate) use lanes::lane_hash_keys;
pub use sequence::SequenceNumber;

use crate::config::Config;
use crate::mutant::{Mutant, active};
use crate::random::Random;
use crate::time::{Time, millis};
use attempt::Attempt;
use calls::InFlight;
use listing::{Drained, Listing};
use pacing::Pacing;
use shard::Shard;

/// Why continuity could not be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapReason {
    /// The position is older than what the stream keeps.
    Retention,
    /// The stream refused the position.
    PositionRefused,
    /// A followed shard is not listed any more.
    ShardVanished,
    /// A shard appeared, or ended, without known parents or children.
    UnknownLineage,
    /// A shard's starting sequence number changed: the stream was deleted and
    /// made anew under its name.
    StreamRecreated,
    /// This machine's clock and AWS's differ by more than half the margin.
    ClockSkew,
    /// The backlog was larger than it is worth to read.
    Backlog,
}

/// What `GetRecords` brought that was not seen before.
#[derive(Debug, Default)]
pub(crate) struct NewRecords {
    /// The shard they come from.
    pub(crate) shard: String,
    /// The records, oldest first.
    pub(crate) records: Vec<StreamRecord>,
}

/// Whether a catch-up was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// There is nothing to protect: no call is made.
    NothingCached,
    /// This one is under way.
    Running(CatchUpId),
}

#[derive(Debug)]
pub(crate) struct Follower {
    config: Config,
    /// The place in the hash key space that is followed; `None`: all of it.
    lane: Option<u128>,
    epoch: u32,
    next_call: u64,
    next_attempt: u64,
    shards: Vec<Shard>,
    drained: VecDeque<Drained>,
    listing: Option<Listing>,
    in_flight: Vec<InFlight>,
    attempt: Option<Attempt>,
    /// The last few that ended.
    ended: VecDeque<(CatchUpId, Outcome)>,
    /// The last one that succeeded.
    succeeded: Option<CatchUpId>,
    /// The one that ended since the engine last asked.
    just_ended: Option<Ended>,
    last_sent: Option<Time>,
    /// The latest time this was told.
    now: Time,
    /// Nothing that is cached or being loaded began before this.
    floor: Time,
    /// From when on the shards are listed.
    list_from: Time,
    /// Where following began, if anything is followed: everything written
    /// since was read or will be.
    anchor: Option<Time>,
    /// What to add to the cache's time to get AWS's, in milliseconds.
    correction: i64,
    pacing: Pacing,
    random: Random,
    pending_gap: Option<GapReason>,
    pub(crate) calls: CallCounts,
}

/// A catch-up that is over.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) id: CatchUpId,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

/// Calls made, by operation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallCounts {
    pub(crate) list_shards: u64,
    pub(crate) shard_iterator: u64,
    pub(crate) records: u64,
}

/// After this long without an answer (on the cache's time, which counts
/// freezes) a host drops its connections to the stream: a new one costs tens of
/// milliseconds, a dead one the whole `call_timeout`.
pub const CONNECTIONS_LAST: Duration = Duration::from_secs(10);

/// How long a host waits between two looks for what a position token names: a
/// fifth of a shard's quota.
pub const TOKEN_PAUSE: Duration = Duration::from_millis(200);

/// How many ended catch-ups are remembered for those who wait for one.
const ENDED: usize = 16;

impl Follower {
    /// A follower that follows nothing yet.
    pub(crate) fn new(config: &Config, seed: u64, now: Time) -> Self {
        let mut random = Random::new(seed);
        let lane = draw_lane(config, &mut random);
        let pacing = Pacing::new(millis(config.catch_up_every), millis(config.max_lag), now, &mut random);
        Self {
            config: config.clone(),
            lane,
            epoch: 0,
            next_call: 0,
            next_attempt: 1,
            shards: Vec::new(),
            drained: VecDeque::new(),
            listing: None,
            in_flight: Vec::new(),
            attempt: None,
            ended: VecDeque::new(),
            succeeded: None,
            just_ended: None,
            last_sent: None,
            now,
            floor: Time::ZERO,
            list_from: Time::ZERO,
            anchor: None,
            correction: 0,
            pacing,
            random,
            pending_gap: None,
            calls: CallCounts::default(),
        }
    }

    /// A copy restored from a snapshot: other lane, other rhythm, and calls
    /// that the original made are not this one's.
    pub(crate) fn restore(&mut self, seed: u64, now: Time) {
        let (calls, correction, epoch) = (self.calls, self.correction, self.epoch);
        let (next_call, next_attempt) = (self.next_call, self.next_attempt);
        let lane = self.lane;
        let (shards, drained, anchor) =
            (core::mem::take(&mut self.shards), core::mem::take(&mut self.drained), self.anchor);
        let config = self.config.clone();
        *self = Self { next_call, next_attempt, correction, calls, ..Self::new(&config, seed, now) };
        self.epoch = epoch.wrapping_add(1);
        if self.lane.is_none() || self.lane == lane {
            (self.shards, self.drained, self.anchor) = (shards, drained, anchor);
            self.shards.iter_mut().for_each(Shard::forget_call);
        } else if anchor.is_some() {
            // Another lane's shards were never read; what is cached can only
            // be followed from its own start.
            self.gap(GapReason::UnknownLineage);
        }
    }

    /// Begins a catch-up, or tells which one is running. `floor` is the start
    /// of the oldest load that is cached or under way.
    pub(crate) fn begin(&mut self, floor: Option<Time>, now: Time) -> Begun {
        self.now = now;
        if let Some(attempt) = &self.attempt {
            return Begun::Running(attempt.id);
        }
        let floor = if active(Mutant::CallsWhenCold) { floor.or(Some(now)) } else { floor };
        let Some(floor) = floor else { return Begun::NothingCached };
        let floor = if active(Mutant::AnchorNow) { now + self.config.margin } else { floor };
        let id = self.next_attempt;
        self.next_attempt += 1;
        self.floor = floor.min(now);
        self.attempt = Some(Attempt::new(id, self.next_call, now, self.config.catch_up_budget));
        self.position(now);
        Begun::Running(CatchUpId(id))
    }

    /// The catch-up that is under way, and what it will have read up to.
    pub(crate) fn running(&self) -> Option<(CatchUpId, Time)> {
        self.attempt.as_ref().map(|attempt| (attempt.id, attempt.target))
    }

    /// How a catch-up ended; `None` while it is under way. Of one that ended
    /// long ago, whether it or a later one succeeded.
    pub(crate) fn outcome(&self, id: CatchUpId) -> Option<Outcome> {
        if self.attempt.as_ref().is_some_and(|attempt| attempt.id == id) {
            return None;
        }
        let ended = self.ended.iter().find(|(ended, _)| *ended == id);
        Some(match ended {
            Some((_, outcome)) => outcome.clone(),
            // Forgotten: who waits for it comes late. A later one read all that it would have.
            None if self.succeeded >= Some(id) => Outcome::Succeeded,
            None => Outcome::OutOfBudget,
        })
    }

    /// Ends the catch-up if there is nothing left to do for it, or no time.
    /// To be called after every answer and timeout, once what they brought
    /// has been applied.
    pub(crate) fn settle(&mut self, now: Time) {
        self.now = now;
        let Some(attempt) = &self.attempt else { return };
        let verified = |shard: &Shard| shard.verified_by >= Some(attempt.first_call);
        let reached = !self.shards.is_empty() && self.shards.iter().all(verified);
        let outcome = if reached {
            Outcome::Succeeded
        } else if self.in_flight.is_empty() && !self.can_call() {
            attempt.stuck()
        } else if now >= attempt.deadline {
            Outcome::OutOfBudget
        } else {
            return;
        };
        self.end(outcome);
    }

    /// The catch-up that ended since the last call.
    pub(crate) fn take_ended(&mut self) -> Option<Ended> {
        self.just_ended.take()
    }

    /// The time up to which every followed shard was read; `None` while
    /// nothing is followed.
    pub(crate) fn as_of(&self) -> Option<Time> {
        self.shards.iter().map(|shard| shard.verified_at).min()
    }

    /// Before this no reader starts a catch-up of its own accord.
    pub(crate) fn due(&self) -> Time {
        self.pacing.due()
    }

    /// When the last call was sent.
    pub(crate) fn last_sent(&self) -> Option<Time> {
        self.last_sent
    }

    /// Where following began; what is older cannot be vouched for.
    pub(crate) fn anchor(&self) -> Option<Time> {
        self.anchor
    }

    /// The next time at which [`Follower::handle_timeout`] has something to
    /// do.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let deadline = self.attempt.as_ref().map(|attempt| attempt.deadline);
        let call = self.in_flight.iter().map(|call| call.sent + self.config.call_timeout).min();
        deadline.into_iter().chain(call).min()
    }

    /// A gap that the engine has to act upon, once.
    pub(crate) fn take_gap(&mut self) -> Option<GapReason> {
        self.pending_gap.take()
    }

    /// Forgets every position. Answers under way belong to an earlier epoch
    /// from here on. A running catch-up has succeeded: nothing is cached.
    pub(crate) fn gap(&mut self, reason: GapReason) {
        self.pending_gap.get_or_insert(reason);
        self.forget();
        self.end(Outcome::Succeeded);
    }

    /// AWS's time at `time`, in milliseconds.
    pub(crate) fn server_millis(&self, time: Time) -> u64 {
        time.shifted(self.correction).as_millis()
    }

    /// Whether a record that was written at `written` (AWS's time, in
    /// milliseconds) was read, or is older than all that is cached.
    ///
    /// A shard that is not followed was drained, is another lane's, or closed
    /// before anything cached was loaded. One whose tip was seen more than the
    /// margin after the writing had the record to read, if it was to be read.
    pub(crate) fn reached(&self, shard: &str, number: &SequenceNumber, written: Option<u64>) -> bool {
        let Some(shard) = self.shards.iter().find(|followed| followed.id == shard) else { return true };
        let old = |written| written <= self.server_millis(shard.verified_at - self.config.margin);
        !shard.is_new(number) || written.is_some_and(old)
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.random.next()
    }

    /// Forgets shards, positions and calls under way.
    fn forget(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.shards.clear();
        self.drained.clear();
        self.listing = None;
        if !active(Mutant::OldEpochTaken) {
            self.in_flight.clear();
        }
        self.anchor = None;
    }

    /// Decides, at the start of a catch-up, where each shard is read on.
    fn position(&mut self, now: Time) {
        let floor = self.floor;
        for shard in &mut self.shards {
            shard.expire_iterator(now);
        }
        // Listed from before the positions move up, so that the shards that
        // are known are among the listed ones and prove that it is the same
        // stream.
        self.list_from = self.as_of().unwrap_or(floor);
        for shard in &mut self.shards {
            shard.move_up(floor);
        }
        if let Some(anchor) = &mut self.anchor {
            *anchor = (*anchor).max(floor.min(now));
        }
        let oldest = self.shards.iter().map(Shard::position).min().unwrap_or(floor);
        let age = self.server_millis(now).saturating_sub(self.position_millis(oldest));
        if age > millis(self.config.retention) && !active(Mutant::RetentionIgnored) {
            return self.gap(GapReason::Retention);
        }
        if self.listing.as_ref().is_none_or(|listing| !listing.calling) {
            // A list that an earlier catch-up left half read is begun anew.
            let needed = self.shards.is_empty() || self.shards.iter().any(Shard::needs_list);
            self.listing = needed.then(Listing::default);
        }
    }

    /// A time as a position: with the margin, on AWS's clock.
    fn position_millis(&self, time: Time) -> u64 {
        if active(Mutant::NoMargin) {
            return self.server_millis(time);
        }
        self.server_millis(time - self.config.margin - self.config.settle)
    }

    fn end(&mut self, outcome: Outcome) {
        let Some(attempt) = self.attempt.take() else { return };
        match &outcome {
            Outcome::Succeeded => self.pacing.succeeded(attempt.target),
            Outcome::Throttled => self.pacing.throttled(self.now, &mut self.random),
            Outcome::Failed { .. } | Outcome::OutOfBudget => self.pacing.failed(self.now, &mut self.random),
        }
        let (id, took) = (attempt.id, self.now.since(attempt.target));
        if outcome == Outcome::Succeeded {
            self.succeeded = Some(id);
        }
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back((id, outcome.clone()));
        self.just_ended = Some(Ended { id, outcome, took });
    }

    fn fail_attempt(&mut self, message: String) {
        if let Some(attempt) = &mut self.attempt {
            attempt.fail(CallErrorKind::Failed, message);
            attempt.list_blocked = true;
        }
    }

    /// Whether records of shards with these hash keys are this cache's.
    fn concerns(&self, hash_keys: &HashKeyRange) -> bool {
        self.lane.is_none_or(|lane| hash_keys.contains(lane))
    }

    /// Checks every internal invariant.
    ///
    /// # Panics
    ///
    /// If one does not hold; for tests.
    pub(crate) fn validate(&self) {
        for (at, shard) in self.shards.iter().enumerate() {
            assert!(self.shards[..at].iter().all(|other| other.id != shard.id), "a shard is followed twice");
            let calls = self.in_flight.iter().filter(|call| call.shard.as_deref() == Some(&shard.id)).count();
            assert_eq!(calls, usize::from(shard.calling), "calls under way for a shard");
        }
        assert!(self.drained.len() <= listing::MAX_DRAINED, "drained shards");
        assert_eq!(self.anchor.is_none(), self.shards.is_empty(), "an anchor, and nothing followed");
    }
}

/// The hash key of the lane that a seed draws.
pub(crate) fn draw_lane(config: &Config, random: &mut Random) -> Option<u128> {
    let lanes = config.lanes?;
    let lane = u16::try_from(random.up_to(u64::from(lanes) - 1)).unwrap_or(0);
    Some(lane_hash_key(lane, lanes))
}
