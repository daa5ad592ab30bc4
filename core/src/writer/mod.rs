//! The writer: one invalidation, from its records to its position token.
//!
//! A [`Write`] says which `PutRecords` to make next and takes what comes
//! back. Only the records that were refused are sent again.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

mod put;
mod token;

pub use put::{Put, PutAnswer, PutOutcome, PutRecord};
pub use token::PositionToken;

use crate::error::codes;
use crate::follower::{CallError, CallErrorKind, SequenceNumber};
use crate::mutant::{Mutant, active};
use crate::random::Random;
use crate::time::Time;

/// `PutRecords` takes up to 500 records and 5 MiB, partition keys included
/// (Kinesis API reference, `PutRecords`; the quota was raised since, and is
/// not needed).
const MAX_RECORDS: usize = 500;
const MAX_BYTES: usize = 5 << 20;

/// How often a record is sent before the write fails.
const TRIES: u32 = 6;
/// The wait before the second try; doubled for each further one.
const FIRST_WAIT: u64 = 50;

/// What a write wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteStep {
    /// Make this call and give its answer to [`Write::handle_answer`].
    Put(Put),
    /// Ask again at this time.
    Wait(Time),
    /// Nothing: take the result with `Engine::finish_write`.
    Done,
}

/// An invalidation that was not written, or not wholly. What was removed
/// locally stays removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteError {
    /// The kind of the last failure.
    pub kind: CallErrorKind,
    /// Cause and remedy.
    pub message: String,
    /// How many of the records were not written.
    pub unwritten: usize,
}

impl WriteError {
    /// [`codes::WRITE_FAILED`].
    pub const fn code(&self) -> &'static str {
        codes::WRITE_FAILED
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} invalidation record(s) could not be written to the stream: {}",
            self.unwritten, self.message
        )
    }
}

impl core::error::Error for WriteError {}

/// One invalidation on its way to the stream.
#[derive(Debug)]
pub struct Write {
    /// What is not stored yet; the first `sent` of them are under way.
    pending: Vec<PutRecord>,
    sent: usize,
    tries: u32,
    not_before: Time,
    pub(crate) token: PositionToken,
    pub(crate) stored: Vec<(String, SequenceNumber)>,
    pub(crate) puts: u64,
    last_failure: Option<(CallErrorKind, String)>,
    gave_up: bool,
    random: Random,
}

impl Write {
    /// Puts each of `records` on the stream: once, or once for each lane at
    /// its hash key.
    pub(crate) fn new(stream: &str, records: Vec<Vec<u8>>, lanes: &[u128], seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut pending = Vec::with_capacity(records.len() * lanes.len().max(1));
        for data in records {
            // Spread over the shards: readers follow all of them.
            let mut put = |data, explicit_hash_key| {
                let partition_key = format!("{:016x}", random.next());
                pending.push(PutRecord { data, partition_key, explicit_hash_key });
            };
            match lanes {
                [] => put(data, None),
                lanes => lanes.iter().for_each(|lane| put(data.clone(), Some(*lane))),
            }
        }
        Self {
            pending,
            sent: 0,
            tries: 0,
            not_before: Time::ZERO,
            token: PositionToken::new(stream),
            stored: Vec::new(),
            puts: 0,
            last_failure: None,
            gave_up: false,
            random,
        }
    }

    /// What to do next. While a put is under way: wait, for its answer.
    pub fn poll(&mut self, now: Time) -> WriteStep {
        if self.pending.is_empty() || self.gave_up {
            return WriteStep::Done;
        }
        if self.sent > 0 {
            return WriteStep::Wait(Time::MAX);
        }
        if now < self.not_before {
            return WriteStep::Wait(self.not_before);
        }
        let mut bytes = 0;
        let fits = self.pending.iter().take(MAX_RECORDS).take_while(|record| {
            bytes += record.data.len() + record.partition_key.len();
            bytes <= MAX_BYTES
        });
        self.sent = fits.count().max(1);
        self.puts += 1;
        WriteStep::Put(Put { records: self.pending[..self.sent].to_vec() })
    }

    /// Takes the answer to the last put.
    pub fn handle_answer(&mut self, answer: Result<PutAnswer, CallError>, now: Time) {
        let sent = core::mem::take(&mut self.sent);
        if sent == 0 {
            return;
        }
        match answer {
            Ok(answer) if answer.outcomes.len() == sent => self.take_outcomes(answer.outcomes, now),
            Ok(_) => self.retry(
                CallErrorKind::Failed,
                "PutRecords answered for another number of records".into(),
                now,
            ),
            Err(error) => self.retry(error.kind, error.message, now),
        }
    }

    fn take_outcomes(&mut self, outcomes: Vec<PutOutcome>, now: Time) {
        let before = self.pending.len();
        let mut refused = Vec::new();
        let mut failure = None;
        let rest = self.pending.split_off(outcomes.len());
        for (record, outcome) in core::mem::take(&mut self.pending).into_iter().zip(outcomes) {
            match outcome {
                PutOutcome::Stored { shard, sequence_number } => {
                    self.token.note(shard.clone(), sequence_number.clone());
                    self.stored.push((shard, sequence_number));
                }
                PutOutcome::Refused { code, message } => {
                    let throttled = code.contains("Throughput") || code.contains("Throttl");
                    let kind = if throttled { CallErrorKind::Throttled } else { CallErrorKind::Failed };
                    failure = Some((kind, format!("{code}: {message}")));
                    if !active(Mutant::RefusedDropped) {
                        refused.push(record);
                    }
                }
            }
        }
        self.pending = refused;
        self.pending.extend(rest);
        match failure {
            // Some progress is progress: only a standstill wears out tries.
            Some((kind, message)) if self.pending.len() < before => {
                self.tries = 0;
                self.retry(kind, message, now);
            }
            Some((kind, message)) => self.retry(kind, message, now),
            None => self.tries = 0,
        }
    }

    /// Waits longer each time, or gives up: after too many tries, or at once
    /// if trying again cannot help.
    fn retry(&mut self, kind: CallErrorKind, message: String, now: Time) {
        self.tries += 1;
        let hopeless =
            matches!(kind, CallErrorKind::Denied | CallErrorKind::NotFound | CallErrorKind::Refused);
        self.gave_up = hopeless || self.tries >= TRIES;
        self.last_failure = Some((kind, message));
        let wait = FIRST_WAIT << (self.tries - 1);
        self.not_before = now + Duration::from_millis(wait / 2 + self.random.up_to(wait));
    }

    /// The error, if not everything was stored.
    pub(crate) fn error(&self) -> Option<WriteError> {
        if self.pending.is_empty() {
            return None;
        }
        let (kind, message) = match &self.last_failure {
            Some((kind, message)) => (*kind, message.clone()),
            None => (CallErrorKind::Failed, "the write was ended before it was done".into()),
        };
        Some(WriteError { kind, message, unwritten: self.pending.len() })
    }
}
