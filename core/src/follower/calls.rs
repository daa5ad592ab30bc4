//! Which call comes next.

use alloc::string::String;

use super::call::{Call, CallId, ListShards, Request};
use super::listing::Listing;
use super::{Follower, attempt};
use crate::time::Time;

/// A call that was sent and not answered.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) id: CallId,
    pub(super) kind: Kind,
    /// The shard it concerns; none for a list.
    pub(super) shard: Option<String>,
    pub(super) sent: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    List,
    Iterator,
    Records,
}

impl Follower {
    /// The next call to make, if there is one. To be sent at once: the time
    /// of sending is what counts later.
    pub(crate) fn poll_call(&mut self, now: Time) -> Option<Call> {
        if self.attempt.as_ref().is_none_or(|attempt| now >= attempt.deadline) {
            return None;
        }
        if self.can_list() {
            return Some(self.call_list(now));
        }
        let at = self.callable()?;
        Some(self.call_shard(at, now))
    }

    /// Whether the running catch-up has a call to make.
    pub(super) fn can_call(&self) -> bool {
        self.can_list() || self.callable().is_some()
    }

    fn can_list(&self) -> bool {
        let blocked = self.attempt.as_ref().is_none_or(|attempt| attempt.list_blocked);
        !blocked && self.listing.as_ref().is_some_and(|listing| !listing.calling)
    }

    /// A shard that has to be called to reach the target.
    fn callable(&self) -> Option<usize> {
        let attempt::Attempt { id, first_call, .. } = self.attempt.as_ref()?;
        self.shards.iter().position(|shard| {
            let ready = shard.iterator().is_some() || !shard.unproven;
            ready && shard.wants_call(id.0, *first_call)
        })
    }

    fn call_list(&mut self, now: Time) -> Call {
        // A list that is wanted in the middle of a catch-up must show the
        // parents of what was found since.
        let from = self.as_of().map_or(self.list_from, |as_of| as_of.min(self.list_from));
        let from = self.position_millis(from);
        let listing = self.listing.get_or_insert_with(Listing::default);
        listing.calling = true;
        let request = match &listing.next_token {
            Some(token) => ListShards::Next(token.clone()),
            None => ListShards::From(from),
        };
        self.calls.list_shards += 1;
        self.send(Kind::List, None, Request::ListShards(request), now)
    }

    fn call_shard(&mut self, at: usize, now: Time) -> Call {
        let start = self.shards[at].start(|time| self.position_millis(time));
        let shard = &mut self.shards[at];
        shard.calling = true;
        let id = shard.id.clone();
        let (kind, request) = match shard.iterator() {
            Some(iterator) => {
                let (iterator, limit) = (iterator.into(), self.config.page_records);
                self.calls.records += 1;
                (Kind::Records, Request::Records { shard: id.clone(), iterator, limit })
            }
            None => {
                self.calls.shard_iterator += 1;
                (Kind::Iterator, Request::ShardIterator { shard: id.clone(), from: start })
            }
        };
        self.send(kind, Some(id), request, now)
    }

    fn send(&mut self, kind: Kind, shard: Option<String>, request: Request, now: Time) -> Call {
        let id = CallId { epoch: self.epoch, number: self.next_call };
        self.next_call += 1;
        self.last_sent = Some(now);
        self.in_flight.push(InFlight { id, kind, shard, sent: now });
        Call { id, request }
    }
}
