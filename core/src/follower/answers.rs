//! What an answer changes.

use alloc::vec::Vec;

use super::call::{Answer, Body, CallError, CallErrorKind, CallId, ChildShard, RecordPage, ShardPage};
use super::calls::{InFlight, Kind};
use super::listing::MAX_SHARDS;
use super::shard::{Backlog, Shard};
use super::{Follower, GapReason, NewRecords};
use crate::mutant::{Mutant, active};
use crate::time::{Time, millis};

impl Follower {
    /// Takes the answer to a call. Returns the records that are new; they
    /// must be applied before [`Follower::as_of`] is published. An answer
    /// nobody waits for any more is dropped whole.
    pub(crate) fn handle_answer(
        &mut self,
        id: CallId,
        answer: Result<Answer, CallError>,
        now: Time,
    ) -> NewRecords {
        self.now = now;
        let Some(at) = self.in_flight.iter().position(|call| call.id == id) else {
            return NewRecords::default();
        };
        let call = self.in_flight.swap_remove(at);
        self.note_answered(&call);
        let date = match &answer {
            Ok(answer) => answer.date,
            Err(error) => error.date,
        };
        if self.check_clock(date, call.sent, now) {
            return NewRecords::default();
        }
        match answer {
            Ok(Answer { body, .. }) => self.handle_body(&call, body, now),
            Err(error) => {
                self.handle_error(&call, error);
                NewRecords::default()
            }
        }
    }

    /// Gives up calls that were not answered in time.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        let late = |call: &InFlight, timeout| now.since(call.sent) >= timeout;
        while let Some(at) = self.in_flight.iter().position(|call| late(call, self.config.call_timeout)) {
            let call = self.in_flight.swap_remove(at);
            self.note_answered(&call);
            let message = "the stream did not answer within `call_timeout`: check that it can be reached";
            let error = CallError { kind: CallErrorKind::TimedOut, message: message.into(), date: None };
            self.handle_error(&call, error);
        }
    }

    fn note_answered(&mut self, call: &InFlight) {
        match &call.shard {
            None => {
                if let Some(listing) = &mut self.listing {
                    listing.calling = false;
                }
            }
            Some(_) => {
                if let Some(shard) = self.called(call) {
                    shard.calling = false;
                }
            }
        }
    }

    fn called(&mut self, call: &InFlight) -> Option<&mut Shard> {
        let id = call.shard.as_deref()?;
        self.shards.iter_mut().find(|shard| shard.id == id)
    }

    /// Compares AWS's clock with ours; `true` if they differ by more than half
    /// the margin, which is a gap. From then on positions are corrected.
    fn check_clock(&mut self, date: Option<u64>, sent: Time, received: Time) -> bool {
        let Some(date) = date.filter(|_| !active(Mutant::SkewIgnored)) else { return false };
        let half = millis(self.config.margin) / 2;
        let (sent_there, received_there) = (self.server_millis(sent), self.server_millis(received));
        // `Date` is cut to whole seconds.
        let behind = sent_there.saturating_sub(date.saturating_add(999));
        let ahead = date.saturating_sub(received_there);
        if behind <= half && ahead <= half {
            return false;
        }
        let base = if ahead > half { received } else { sent };
        self.correction = date.cast_signed().saturating_sub(base.as_millis().cast_signed());
        self.gap(GapReason::ClockSkew);
        true
    }

    fn handle_body(&mut self, call: &InFlight, body: Body, now: Time) -> NewRecords {
        match (call.kind, body) {
            (Kind::List, Body::Shards(page)) => self.handle_shards(page),
            (Kind::Iterator, Body::Iterator(token)) => {
                if let Some(shard) = self.called(call) {
                    shard.set_iterator(token, call.sent);
                }
            }
            (Kind::Records, Body::Records(page)) => return self.handle_records(call, page, now),
            _ => {
                let message = "the stream gave an answer of another kind than it was asked for".into();
                self.block(call, CallError { kind: CallErrorKind::Failed, message, date: None });
            }
        }
        NewRecords::default()
    }

    fn handle_shards(&mut self, page: ShardPage) {
        let Some(listing) = &mut self.listing else { return };
        listing.shards.extend(page.shards.into_iter().map(|shard| (shard.id.clone(), shard)));
        if listing.shards.len() > MAX_SHARDS {
            self.listing = None;
            return self.fail_attempt("the stream lists more shards than a stream can have".into());
        }
        listing.next_token = page.next_token;
        if listing.next_token.is_some() {
            return;
        }
        let listed = core::mem::take(&mut listing.shards);
        self.listing = None;
        if let Some(attempt) = &mut self.attempt {
            attempt.listed = true;
        }
        self.adopt(listed);
    }

    fn handle_records(&mut self, call: &InFlight, page: RecordPage, now: Time) -> NewRecords {
        let RecordPage { mut records, next_iterator, millis_behind_latest, child_shards } = page;
        let (correction, sent) = (self.correction, call.sent);
        let Some(at) = self.shards.iter().position(|shard| Some(&shard.id) == call.shard.as_ref()) else {
            return NewRecords::default();
        };
        let shard = &mut self.shards[at];
        let id = shard.id.clone();
        let empty = records.is_empty();
        // A page that was cut at the limit ends at the tip only by chance;
        // some implementations then say 0 where more follows.
        let full = records.len() >= self.config.page_records as usize;
        shard.backlog.add(&records);
        if let Some(last) = records.last() {
            let arrival = Time::from_millis(last.arrival).shifted(-correction);
            shard.read_to = shard.read_to.max(Some(arrival.min(sent).max(shard.verified_at)));
        }
        records.retain(|record| {
            let new = shard.is_new(&record.sequence_number);
            if new {
                shard.last_seen = Some(record.sequence_number.clone());
            }
            new
        });
        if let Some(token) = next_iterator {
            shard.set_iterator(token, sent);
            let tip = (millis_behind_latest == 0 && !full) || (active(Mutant::EmptyIsTip) && empty);
            let sent = if active(Mutant::VerifiedOnArrival) { now } else { sent };
            if active(Mutant::PositionForgotten) && empty {
                shard.lose_iterator();
                shard.read_to = Some(now + self.config.margin);
            }
            if tip {
                shard.verified_at = shard.verified_at.max(sent);
                let late = active(Mutant::VerifiedOnArrival);
                shard.verified_by = Some(if late { self.next_call } else { call.id.number });
                shard.read_to = shard.read_to.max(Some(sent));
                shard.backlog = Backlog::default();
            }
        } else {
            self.close(at, child_shards, sent);
        }
        self.check_backlog();
        NewRecords { shard: id, records }
    }

    /// A closed shard was read to its end: its children go on.
    fn close(&mut self, at: usize, children: Vec<ChildShard>, sent: Time) {
        let at_once = active(Mutant::ChildVerifiedAtOnce);
        let verified_at = if at_once { sent } else { self.shards[at].verified_at };
        let mut found = false;
        for child in children {
            if !self.concerns(&child.hash_keys) {
                continue;
            }
            found = true;
            if !self.knows(&child.id) {
                let mut child = Shard::child(child.id, verified_at);
                child.verified_by = at_once.then_some(u64::MAX);
                child.read_to = active(Mutant::ChildAtLatest).then_some(sent + self.config.margin);
                self.shards.push(child);
            }
        }
        if found {
            self.drain(at);
        } else {
            self.shards[at].ended = true;
        }
        if self.shards.is_empty() {
            // It named only itself or shards that were drained before.
            return self.gap(GapReason::UnknownLineage);
        }
        // Either the children's fingerprints have to be learnt, or which they
        // are.
        self.listing.get_or_insert_default();
    }

    /// Gives up a backlog that costs more to read than loading anew.
    fn check_backlog(&mut self) {
        let (most_records, most_bytes) = (self.config.give_up_records, self.config.give_up_bytes);
        let over = |shard: &Shard| shard.backlog.records > most_records || shard.backlog.bytes > most_bytes;
        if self.shards.iter().any(over) {
            self.gap(GapReason::Backlog);
        }
    }

    fn handle_error(&mut self, call: &InFlight, error: CallError) {
        match (call.kind, error.kind) {
            (_, CallErrorKind::Throttled) => self.throttle(call),
            (Kind::List, CallErrorKind::NotFound) => {
                self.lose_all_iterators();
                self.block(call, error);
            }
            (Kind::List, CallErrorKind::Expired) => self.restart_listing(call, error),
            (Kind::Iterator, CallErrorKind::Refused) => self.gap(GapReason::PositionRefused),
            (Kind::Iterator, CallErrorKind::NotFound) if self.listed() => self.gap(GapReason::ShardVanished),
            (Kind::Iterator | Kind::Records, CallErrorKind::NotFound) => {
                self.lose_all_iterators();
                self.lose_iterator(call, error);
            }
            (Kind::Records, CallErrorKind::Expired | CallErrorKind::Refused) => {
                self.lose_iterator(call, error);
            }
            _ => self.block(call, error),
        }
    }

    fn listed(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.listed)
    }

    /// The list's next page cannot be had any more: once, begin again.
    fn restart_listing(&mut self, call: &InFlight, error: CallError) {
        self.listing = Some(super::Listing::default());
        let again =
            self.attempt.as_mut().is_some_and(|attempt| core::mem::replace(&mut attempt.relisted, true));
        if again {
            self.block(call, error);
        }
    }

    /// The iterator is of no use any more: prove the shard, then take another.
    fn lose_iterator(&mut self, call: &InFlight, error: CallError) {
        let attempt = self.attempt.as_ref().map_or(0, |attempt| attempt.id.0);
        let Some(shard) = self.called(call) else { return };
        shard.lose_iterator();
        if shard.lost_too_often(attempt) {
            return self.block(call, error);
        }
        self.listing.get_or_insert_default();
    }

    /// The stream or a shard is gone: whatever comes must be proven first.
    fn lose_all_iterators(&mut self) {
        for shard in &mut self.shards {
            shard.lose_iterator();
        }
        self.listing.get_or_insert_default();
    }

    fn throttle(&mut self, call: &InFlight) {
        if let Some(attempt) = &mut self.attempt {
            attempt.throttled = true;
        }
        self.stop(call);
    }

    /// A call failed: nothing more is asked of its shard in this catch-up.
    fn block(&mut self, call: &InFlight, error: CallError) {
        if let Some(attempt) = &mut self.attempt {
            attempt.fail(error.kind, error.message);
        }
        self.stop(call);
    }

    fn stop(&mut self, call: &InFlight) {
        let Some(attempt) = &mut self.attempt else { return };
        if call.kind == Kind::List {
            attempt.list_blocked = true;
        }
        let id = attempt.id.0;
        if let Some(shard) = self.called(call) {
            shard.blocked_in = Some(id);
        }
    }
}

impl Backlog {
    fn add(&mut self, records: &[super::StreamRecord]) {
        self.records += records.len() as u64;
        self.bytes += records.iter().map(|record| record.data.len() as u64).sum::<u64>();
    }
}
