//! Catching up: the follower, and what its records do to the segments.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use core::time::Duration;

use super::Engine;
use super::writes::Own;
use crate::config::{Config, OnUndecodable};
use crate::error::InputError;
use crate::event::{Event, Events};
use crate::follower::{
    Answer, Begun, Call, CallError, CallId, CatchUpId, Ended, Follower, NewRecords, Outcome, StreamRecord,
};
use crate::invalidation::{Decoded, Invalidation, decode};
use crate::lock::{Guarded, Host};
use crate::mutant::{Mutant, active};
use crate::segment::{Hashed, Segment, Sweep};
use crate::stats::Stats;
use crate::store::Removed;
use crate::time::Time;
use crate::writer::PositionToken;

/// Whether a catch-up has to be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// No: the cache is caught up as far as was asked for, or nothing is
    /// cached, or there is no stream.
    UpToDate,
    /// No: the last try was throttled or failed, and the next is not due yet.
    NotDue,
    /// Yes: this one is under way and reaches as far as was asked for.
    Running(CatchUpId),
    /// Yes: this one is under way but began too early. When it has ended, ask
    /// again.
    Earlier(CatchUpId),
}

/// What sits in the feed's cell.
#[derive(Debug)]
pub(super) struct Feed {
    follower: Follower,
    pub(super) own: Own,
    events: Events,
    /// The counters of the stream's side.
    pub(super) counts: Stats,
    reported_undecodable: bool,
    reported_lacks: Vec<String>,
}

impl<H: Host> Engine<H> {
    /// Asks for a catch-up before a read that found [`Lookup::Due`], or at
    /// the start of an invocation: one is begun if it is due.
    ///
    /// [`Lookup::Due`]: crate::Lookup::Due
    pub fn catch_up_for_read(&self, now: Time) -> CatchUp {
        let need = if self.config.catch_up_every.is_zero() {
            let boundary = Time::from_millis(self.published.boundary.load(Ordering::Acquire));
            now.min(boundary - Duration::from_millis(1))
        } else {
            now - self.config.catch_up_every
        };
        self.catch_up_to(need, false, now)
    }

    /// Asks for a catch-up with everything that can be read now, due or not.
    pub fn catch_up(&self, now: Time) -> CatchUp {
        self.catch_up_to(now, true, now)
    }

    /// Asks to be caught up at least to what could be read at `need`: after a
    /// [`CatchUp::Earlier`] has ended, with the time of the first asking.
    pub fn catch_up_since(&self, need: Time, now: Time) -> CatchUp {
        self.catch_up_to(need, true, now)
    }

    fn catch_up_to(&self, need: Time, forced: bool, now: Time) -> CatchUp {
        if self.config.stream.is_none() {
            return CatchUp::UpToDate;
        }
        let mut removed = Vec::new();
        self.feed.write(|feed| {
            if feed.follower.as_of().is_some_and(|as_of| as_of > need) {
                return CatchUp::UpToDate;
            }
            if let Some((id, target)) = feed.follower.running() {
                return if target > need { CatchUp::Running(id) } else { CatchUp::Earlier(id) };
            }
            if !forced && now < feed.follower.due() {
                return CatchUp::NotDue;
            }
            let floor = self.oldest(now, &mut removed);
            let begun = feed.follower.begin(floor, now);
            self.publish(feed, now, &mut removed);
            match begun {
                Begun::NothingCached => CatchUp::UpToDate,
                Begun::Running(id) => CatchUp::Running(id),
            }
        })
    }

    /// When the next catch-up is due: before it, `catch_up_for_read` begins
    /// none. For hosts that follow in the background.
    pub fn catch_up_due(&self) -> Time {
        Time::from_millis(self.published.due.load(Ordering::Acquire))
    }

    /// How a catch-up ended; `None` while it is under way.
    #[must_use]
    pub fn catch_up_outcome(&self, id: CatchUpId) -> Option<Outcome> {
        self.feed.read(|feed| feed.follower.outcome(id))
    }

    /// The next call to make to the stream. Ask until there is none: after a
    /// catch-up was begun, and after every answer and timeout.
    #[must_use]
    pub fn poll_call(&self, now: Time) -> Option<Call> {
        self.feed.write(|feed| feed.follower.poll_call(now))
    }

    /// Takes the answer to a call, and applies the records in it. An answer
    /// that is late, or of before a gap, is dropped; giving one twice is
    /// harmless.
    pub fn handle_answer(&self, id: CallId, answer: Result<Answer, CallError>, now: Time) {
        let mut removed = Vec::new();
        self.feed.write(|feed| {
            let new = feed.follower.handle_answer(id, answer, now);
            self.apply_records(feed, new, now, &mut removed);
            self.publish(feed, now, &mut removed);
        });
    }

    /// When [`Engine::handle_timeout`] is to be called next, if no answer
    /// comes first.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.feed.read(|feed| feed.follower.poll_timeout())
    }

    /// Gives up what has taken too long. Calling it early does nothing.
    pub fn handle_timeout(&self, now: Time) {
        let mut removed = Vec::new();
        self.feed.write(|feed| {
            feed.follower.handle_timeout(now);
            self.publish(feed, now, &mut removed);
        });
    }

    /// What happened since the last call.
    #[must_use]
    pub fn poll_event(&self) -> Option<Event> {
        self.feed.write(|feed| feed.events.pop())
    }

    /// Whether the cache has applied what a token names. Ask after a catch-up
    /// that was begun when the token was already at hand and that succeeded;
    /// if not, the record could not be read yet: catch up once more. With
    /// nothing cached there is nothing to wait for.
    pub fn reached(&self, token: &PositionToken) -> Result<bool, InputError> {
        match &self.config.stream {
            Some(stream) if !token.is_of(stream) => Err(InputError::OtherStream),
            _ if self.segments.iter().all(|segment| segment.read(Segment::is_idle)) => Ok(true),
            _ => Ok(self.feed.read(|feed| {
                token.positions().all(|(shard, number)| feed.follower.reached(shard, number, token.written()))
            })),
        }
    }

    /// Acts upon a gap, ends the catch-up if it is over, and publishes what
    /// reads look at. Last in every change to the feed.
    pub(super) fn publish(&self, feed: &mut Feed, now: Time, removed: &mut Vec<Removed<H::Value>>) {
        feed.follower.settle(now);
        if let Some(reason) = feed.follower.take_gap() {
            self.flush(now, removed);
            feed.counts.gaps += 1;
            feed.events.push(Event::Gap(reason));
        }
        if let Some(ended) = feed.follower.take_ended() {
            feed.note_ended(ended);
        }
        let as_of = match self.config.stream {
            Some(_) => feed.follower.as_of().unwrap_or(Time::ZERO),
            None => Time::MAX,
        };
        self.published.as_of.store(as_of.as_millis(), Ordering::Release);
        self.published.due.store(feed.due().as_millis(), Ordering::Release);
    }

    /// The start of the oldest load that is cached or under way.
    fn oldest(&self, now: Time, removed: &mut Vec<Removed<H::Value>>) -> Option<Time> {
        let validity = self.validity(now);
        let starts = self.segments.iter().filter_map(|segment| {
            segment.write(|segment| {
                let oldest = segment.oldest(validity);
                removed.push(segment.take_removed());
                oldest
            })
        });
        starts.min()
    }

    fn apply_records(
        &self,
        feed: &mut Feed,
        new: NewRecords,
        now: Time,
        removed: &mut Vec<Removed<H::Value>>,
    ) {
        for record in new.records {
            feed.counts.records += 1;
            if feed.own.contains(&new.shard, &record.sequence_number) {
                continue;
            }
            match decode(&record.data, &self.config.namespace, &self.sources) {
                Decoded::Apply(invalidation) => self.apply(&invalidation, now, removed),
                Decoded::OtherNamespace | Decoded::ForOthers => {}
                Decoded::FlushAll if active(Mutant::NewerSkipped) => {}
                Decoded::Undecodable(_) if active(Mutant::PoisonStops) => break,
                Decoded::FlushAll => {
                    self.flush(now, removed);
                    let why = Why::Foreign("a Snowmelt record this version cannot read");
                    feed.note_undecodable(&record, true, why);
                }
                Decoded::Lacking { told, why } => {
                    self.apply(&told, now, removed);
                    self.note_undecodable(feed, &record, Why::Lacks(why), now, removed);
                }
                Decoded::Undecodable(why) => {
                    self.note_undecodable(feed, &record, Why::Foreign(why), now, removed);
                }
            }
        }
    }

    fn note_undecodable(
        &self,
        feed: &mut Feed,
        record: &StreamRecord,
        why: Why,
        now: Time,
        removed: &mut Vec<Removed<H::Value>>,
    ) {
        let flushes = self.config.on_undecodable == OnUndecodable::Flush;
        if flushes {
            self.flush(now, removed);
        }
        feed.note_undecodable(record, flushes, why);
    }

    /// Logs and sweeps in every segment that an invalidation concerns.
    pub(super) fn apply(&self, invalidation: &Invalidation, now: Time, removed: &mut Vec<Removed<H::Value>>) {
        if invalidation.all {
            return self.flush(now, removed);
        }
        let mut keys: Vec<Hashed<'_>> = invalidation.keys.iter().map(|key| self.hash(key)).collect();
        keys.sort_unstable_by_key(|at| self.segment_index(at.hash));
        let keys_as_tags = if self.config.keys_as_tags { &invalidation.keys[..] } else { &[] };
        let tags: Vec<u64> =
            invalidation.tags.iter().chain(keys_as_tags).map(|tag| self.hash_tag(tag)).collect();
        let prefixes = widest(&invalidation.prefixes);
        let everywhere = !tags.is_empty() || !prefixes.is_empty();
        let mut rest = &keys[..];
        for (index, segment) in self.segments.iter().enumerate() {
            let count = rest.iter().take_while(|at| self.segment_index(at.hash) == index).count();
            let (keys, others) = rest.split_at(count);
            rest = others;
            if everywhere || !keys.is_empty() {
                let sweep = Sweep { keys, tags: &tags, prefixes: &prefixes, all: false };
                removed.push(segment.write(|segment| {
                    segment.apply(&sweep, now);
                    segment.take_removed()
                }));
            }
        }
    }
}

/// The prefixes, sorted, without those that begin with another: it covers them.
fn widest(prefixes: &[String]) -> Vec<&str> {
    let mut widest: Vec<&str> = prefixes.iter().map(AsRef::as_ref).collect();
    widest.sort_unstable();
    widest.dedup_by(|later, kept| later.starts_with(*kept));
    widest
}

impl Feed {
    pub(super) fn new(config: &Config, seed: u64, now: Time) -> Self {
        Self {
            follower: Follower::new(config, seed, now),
            own: Own::default(),
            events: Events::default(),
            counts: Stats::default(),
            reported_undecodable: false,
            reported_lacks: Vec::new(),
        }
    }

    pub(super) fn restore(&mut self, seed: u64, now: Time) {
        self.follower.restore(seed, now);
    }

    pub(super) fn due(&self) -> Time {
        self.follower.due()
    }

    /// Whether everything written since `time` was read or will be.
    pub(super) fn vouches_for(&self, time: Time) -> bool {
        self.follower.anchor().is_none_or(|anchor| time >= anchor)
    }

    /// When the last call was sent.
    pub(super) fn last_sent(&self) -> Option<Time> {
        self.follower.last_sent()
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.follower.draw()
    }

    pub(super) fn server_millis(&self, time: Time) -> u64 {
        self.follower.server_millis(time)
    }

    pub(super) fn stats(&self, now: Time) -> Stats {
        let calls = self.follower.calls;
        Stats {
            lag: self.follower.as_of().map(|as_of| now.since(as_of)),
            list_shards_calls: calls.list_shards,
            shard_iterator_calls: calls.shard_iterator,
            get_records_calls: calls.records,
            ..self.counts
        }
    }

    pub(super) fn validate(&self) {
        self.follower.validate();
        self.own.validate();
    }

    fn note_ended(&mut self, Ended { id, outcome, took }: Ended) {
        self.counts.time_spent += took;
        match &outcome {
            Outcome::Succeeded => self.counts.catch_ups_succeeded += 1,
            Outcome::Throttled => self.counts.catch_ups_throttled += 1,
            Outcome::Failed { .. } | Outcome::OutOfBudget => self.counts.catch_ups_failed += 1,
        }
        self.events.push(Event::CatchUpEnded(id, outcome));
    }

    fn note_undecodable(&mut self, record: &StreamRecord, flushed: bool, why: Why) {
        self.counts.undecodable += 1;
        let sequence_number = record.sequence_number.as_str().into();
        if flushed {
            self.events.push(Event::Flushed { sequence_number, why: why.text() });
        } else if self.is_news(&why) {
            self.events.push(Event::Undecodable { sequence_number, why: why.text() });
        }
    }

    /// Whether this was not reported yet. What is foreign is all one; what a
    /// source misses is made of its templates, and is not endless.
    fn is_news(&mut self, why: &Why) -> bool {
        match why {
            Why::Foreign(_) => !core::mem::replace(&mut self.reported_undecodable, true),
            Why::Lacks(why) => {
                let is_news = self.reported_lacks.len() < MOST_LACKS && !self.reported_lacks.contains(why);
                if is_news {
                    self.reported_lacks.push(why.clone());
                }
                is_news
            }
        }
    }
}

/// Why a record cannot be read, or not wholly.
enum Why {
    /// It is in no format that is known.
    Foreign(&'static str),
    /// It lacks what a source needs.
    Lacks(String),
}

impl Why {
    fn text(self) -> Cow<'static, str> {
        match self {
            Self::Foreign(why) => why.into(),
            Self::Lacks(why) => why.into(),
        }
    }
}

/// How many things that sources miss are reported.
const MOST_LACKS: usize = 256;
