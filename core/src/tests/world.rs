//! The simulated world: true time, a stream, a network, sandboxes.
//!
//! Everything happens in one queue of events, in virtual time, from one seed.

use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec::Vec;

use kinesis_double::Kinesis;

use super::bridge;
use super::database::Database;
use super::oracle::{Promises, Value};
use super::sandbox::Sandbox;
use crate::follower::{Answer, Call, CallError, CallId, Outcome};
use crate::random::Random;
use crate::writer::{Put, PutAnswer, WriteStep};
use crate::{Event as CoreEvent, LeaseId};

pub(super) const STREAM: &str = "invalidations";

#[derive(Debug)]
pub(super) enum Event {
    /// A sandbox does something of its own accord.
    Act(usize),
    /// The world does something: a foreign writer, a reshard, a fault.
    Stir,
    /// The stream that was deleted is there again.
    StreamMade,
    /// A call reaches the stream.
    CallArrives(usize, Call),
    /// An answer reaches a sandbox.
    AnswerArrives(usize, CallId, Result<Answer, CallError>),
    /// The origin is read for a load.
    OriginRead(usize, LeaseId),
    /// A load ends; `false` if it failed.
    LoadEnds(usize, LeaseId, bool),
    /// Those who wait for a load have waited for long.
    LoadIsLong(usize, LeaseId),
    /// A `PutRecords` reaches the stream; the sandbox, and which write of it.
    PutArrives(usize, u64, Put),
    /// Its answer reaches the sandbox.
    PutAnswered(usize, u64, Result<PutAnswer, CallError>),
    /// A write goes on after a pause.
    WriteResumes(usize, u64),
    /// A foreign writer's record reaches the stream.
    ForeignPut(Vec<u8>, Vec<(usize, usize)>),
    /// A value that was read from the origin earlier is inserted.
    InsertLate(usize, Value, crate::Time),
    /// Something in a sandbox may have timed out.
    Timer(usize),
}

/// How the network behaves.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Network {
    /// Of 1000 calls, how many are lost, either way.
    pub(super) loss: u64,
    /// Of 1000 calls, how many are slow.
    pub(super) slow: u64,
    /// Until when nothing gets through.
    pub(super) outage_until: u64,
}

pub(super) struct World {
    pub(super) now: u64,
    pub(super) random: Random,
    pub(super) kinesis: Kinesis,
    pub(super) queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    pub(super) sandboxes: Vec<Sandbox>,
    pub(super) database: Database,
    pub(super) network: Network,
    pub(super) promises: Promises,
    /// The longest that a put record may stay invisible.
    pub(super) put_to_get: u64,
    /// How far a load's origin may lag.
    pub(super) replica_lag: u64,
    pub(super) keys: usize,
    pub(super) next_write: u64,
    /// Whether every event is printed: `SNOWMELT_SIM_TRACE=1`.
    pub(super) traced: bool,
    /// How quiet the stream is: pauses are so many times as long.
    pub(super) quiet: u64,
    /// Whether the world does things of its own accord.
    pub(super) stirring: bool,
    /// Whether values have windows, lifetimes of their own, and so on.
    pub(super) policies: bool,
    /// Of 1000 loads, how many fail.
    pub(super) failing: u64,
}

pub(super) struct Setting {
    pub(super) kinesis: Kinesis,
    pub(super) promises: Promises,
    pub(super) put_to_get: u64,
    pub(super) replica_lag: u64,
    pub(super) keys: usize,
    pub(super) start: u64,
    pub(super) quiet: u64,
    pub(super) policies: bool,
}

impl World {
    pub(super) fn new(setting: Setting, seed: u64) -> Self {
        Self {
            now: setting.start,
            random: Random::new(seed),
            kinesis: setting.kinesis,
            queue: BTreeMap::new(),
            queued: 0,
            sandboxes: Vec::new(),
            database: Database::new(setting.keys),
            network: Network::default(),
            promises: setting.promises,
            put_to_get: setting.put_to_get,
            replica_lag: setting.replica_lag,
            keys: setting.keys,
            next_write: 0,
            traced: std::env::var_os("SNOWMELT_SIM_TRACE").is_some(),
            quiet: setting.quiet,
            stirring: true,
            policies: setting.policies,
            failing: if setting.policies { 150 } else { 50 },
        }
    }

    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.random.up_to(999) < per_mille
    }

    pub(super) fn within(&mut self, least: u64, most: u64) -> u64 {
        least + self.random.up_to(most - least)
    }

    pub(super) fn after(&mut self, delay: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((self.now + delay, self.queued), event);
    }

    /// Does what comes next; `None` once nothing does.
    pub(super) fn step(&mut self) -> Result<Option<()>, String> {
        let Some(((at, _), event)) = self.queue.pop_first() else { return Ok(None) };
        self.now = self.now.max(at);
        if let Some(sandbox) = concerned(&event) {
            let thaw = self.sandboxes[sandbox].frozen_until;
            if thaw > self.now {
                self.postpone(thaw - self.now, event);
                return Ok(Some(()));
            }
            self.sandboxes[sandbox].wake(self.now);
        }
        if self.traced {
            std::eprintln!("{} {event:?}", self.now);
        }
        let touched = self.happen(event)?;
        if let Some(at) = touched {
            self.pump(at)?;
            self.sandboxes[at].engine.validate();
        }
        Ok(Some(()))
    }

    /// A frozen sandbox does nothing until it thaws; an answer to it dies
    /// with its connection, mostly.
    fn postpone(&mut self, delay: u64, event: Event) {
        let event = match event {
            Event::AnswerArrives(at, id, _) if self.random.up_to(2) > 0 => {
                Event::AnswerArrives(at, id, Err(bridge::failed("the connection was reset")))
            }
            Event::PutAnswered(at, write, _) if self.random.up_to(2) > 0 => {
                Event::PutAnswered(at, write, Err(bridge::failed("the connection was reset")))
            }
            event => event,
        };
        let spread = self.random.up_to(20);
        self.after(delay + spread, event);
    }

    fn happen(&mut self, event: Event) -> Result<Option<usize>, String> {
        match event {
            Event::Act(at) => {
                self.act(at)?;
                return Ok(Some(at));
            }
            Event::Stir => self.stir(),
            Event::StreamMade => self.make_stream(),
            Event::CallArrives(at, call) => self.answer(at, &call),
            Event::AnswerArrives(at, id, answer) => {
                let sandbox = &mut self.sandboxes[at];
                sandbox.engine.handle_answer(id, answer, sandbox.time(self.now));
                return Ok(Some(at));
            }
            Event::OriginRead(at, id) => self.read_origin(at, id),
            Event::LoadEnds(at, id, succeeded) => return self.end_load(at, id, succeeded).map(|()| Some(at)),
            Event::LoadIsLong(at, id) => return self.answer_early(at, id).map(|()| Some(at)),
            Event::PutArrives(at, write, put) => self.put(at, write, put),
            Event::PutAnswered(at, write, answer) => {
                let now = self.sandboxes[at].time(self.now);
                if let Some(writing) = self.sandboxes[at].writes.get_mut(&write) {
                    writing.write.handle_answer(answer, now);
                }
                self.drive_write(at, write);
                return Ok(Some(at));
            }
            Event::WriteResumes(at, write) => self.drive_write(at, write),
            Event::ForeignPut(data, changes) => self.foreign_put(&data, &changes),
            Event::InsertLate(at, value, as_of) => self.insert_late(at, value, as_of),
            Event::Timer(at) => {
                let sandbox = &mut self.sandboxes[at];
                sandbox.timer = None;
                sandbox.engine.handle_timeout(sandbox.time(self.now));
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The host's drain loop: sends calls, sees who waited long enough, sets
    /// the timer.
    pub(super) fn pump(&mut self, at: usize) -> Result<(), String> {
        let time = self.sandboxes[at].time(self.now);
        while let Some(call) = self.sandboxes[at].engine.poll_call(time) {
            let delay = self.delay();
            if self.lost() {
                continue;
            }
            self.after(delay, Event::CallArrives(at, call));
        }
        while let Some(event) = self.sandboxes[at].engine.poll_event() {
            if let CoreEvent::CatchUpEnded(id, outcome) = event {
                self.note_end(at, id, &outcome);
            }
        }
        self.serve_readers(at)?;
        if let Some(deadline) = self.sandboxes[at].engine.poll_timeout() {
            let delay = u64::try_from(deadline.since(time).as_millis()).unwrap_or(0).max(1);
            let due = self.now + delay;
            if self.sandboxes[at].timer.is_none_or(|timer| timer > due || timer < self.now) {
                self.sandboxes[at].timer = Some(due);
                self.after(delay, Event::Timer(at));
            }
        }
        Ok(())
    }

    fn note_end(&mut self, at: usize, id: crate::follower::CatchUpId, outcome: &Outcome) {
        let sandbox = &mut self.sandboxes[at];
        if let (Some(began), Outcome::Succeeded) = (sandbox.catch_ups.remove(&id), outcome) {
            sandbox.witness.caught_up = sandbox.witness.caught_up.max(began);
        }
    }

    fn delay(&mut self) -> u64 {
        if self.chance(self.network.slow) { self.within(100, 4_000) } else { self.within(1, 15) }
    }

    fn lost(&mut self) -> bool {
        self.now < self.network.outage_until || self.chance(self.network.loss)
    }

    fn answer(&mut self, at: usize, call: &Call) {
        let answer = bridge::call(&mut self.kinesis, STREAM, &call.request, self.now);
        let delay = self.delay();
        if self.lost() {
            if self.random.up_to(1) == 0 {
                self.after(delay, Event::AnswerArrives(at, call.id, Err(bridge::failed("reset"))));
            }
            return;
        }
        if self.chance(5) {
            // The network gives an answer twice.
            self.after(delay * 3, Event::AnswerArrives(at, call.id, answer.clone()));
        }
        self.after(delay, Event::AnswerArrives(at, call.id, answer));
    }

    // Writing.

    /// Asks a write what it wants, and sees to it.
    pub(super) fn drive_write(&mut self, at: usize, number: u64) {
        let time = self.sandboxes[at].time(self.now);
        let Some(writing) = self.sandboxes[at].writes.get_mut(&number) else { return };
        match writing.write.poll(time) {
            WriteStep::Put(put) => {
                let delay = self.delay();
                if self.lost() {
                    let answer = Err(bridge::failed("lost"));
                    return self.after(delay + 500, Event::PutAnswered(at, number, answer));
                }
                self.after(delay, Event::PutArrives(at, number, put));
            }
            WriteStep::Wait(until) => {
                let delay = u64::try_from(until.since(time).as_millis()).unwrap_or(0).max(1);
                self.after(delay, Event::WriteResumes(at, number));
            }
            WriteStep::Done => {
                let Some(writing) = self.sandboxes[at].writes.remove(&number) else { return };
                if self.sandboxes[at].engine.finish_write(writing.write, time).is_ok() {
                    self.tell(&writing.changes);
                }
            }
        }
    }

    fn put(&mut self, at: usize, number: u64, put: Put) {
        // The quota of some shard refuses some of the records, now and then.
        let refused: Vec<bool> = put.records.iter().map(|_| false).collect();
        let refused =
            if self.chance(100) { refused.iter().map(|_| self.chance(500)).collect() } else { refused };
        let answer = bridge::put(&mut self.kinesis, STREAM, put, &refused, self.now);
        let delay = self.delay();
        let answer = if self.lost() { Err(bridge::failed("the answer was lost")) } else { answer };
        self.after(delay, Event::PutAnswered(at, number, answer));
    }

    fn foreign_put(&mut self, data: &[u8], changes: &[(usize, usize)]) {
        let lanes = self.sandboxes[0].engine.config().lanes;
        let keys = lanes.map(crate::follower::lane_hash_keys).unwrap_or_default();
        let places: Vec<Option<u128>> =
            if keys.is_empty() { Vec::from([None]) } else { keys.into_iter().map(Some).collect() };
        for explicit_hash_key in places {
            let partition_key = format!("{}", self.random.next());
            let record = kinesis_double::PutEntry { data: data.to_vec(), partition_key, explicit_hash_key };
            let outcomes = self.kinesis.put_records(self.now, STREAM, Vec::from([record]));
            if !outcomes.is_ok_and(|outcomes| outcomes.iter().all(Result::is_ok)) {
                return;
            }
        }
        self.tell(changes);
    }

    /// The stream tells of these changes from now on, once they are readable.
    fn tell(&mut self, changes: &[(usize, usize)]) {
        for (key, version) in changes {
            self.database.told(*key, *version, self.now + self.put_to_get);
        }
    }
}

/// The sandbox whose freeze holds an event up.
fn concerned(event: &Event) -> Option<usize> {
    match event {
        Event::Act(at)
        | Event::AnswerArrives(at, ..)
        | Event::OriginRead(at, _)
        | Event::LoadEnds(at, ..)
        | Event::LoadIsLong(at, _)
        | Event::PutAnswered(at, ..)
        | Event::WriteResumes(at, _)
        | Event::InsertLate(at, ..)
        | Event::Timer(at) => Some(*at),
        Event::Stir
        | Event::StreamMade
        | Event::CallArrives(..)
        | Event::PutArrives(..)
        | Event::ForeignPut(..) => None,
    }
}

/// A key's name: a group, for prefixes, and a number.
pub(super) fn name(key: usize) -> String {
    format!("group{}/{key}", key % 3)
}

/// The tags that a key's entries bear.
pub(super) fn tags_of(key: usize) -> Vec<String> {
    Vec::from([format!("tenant:{}", key % 5), format!("kind:{}", key % 2)])
}
