//! What is stored beside a body.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use crate::ask::Question;
use crate::credentials::Credentials;
use crate::key;
use crate::options::Options;
use crate::request::Request;

/// What a host stores beside a body, as one value with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) born_ms: u64,
    pub(crate) age: u32,
    pub(crate) ttl: Duration,
    pub(crate) vary: Option<Vary>,
    /// Whether it is for requests without credentials only: the handler saw none, and its response does not
    /// say itself that it is for everybody.
    pub(crate) anonymous: bool,
}

/// Which request headers a response depends on, and what they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vary {
    /// Their names, sorted, each once.
    pub(crate) names: Box<[HeaderName]>,
    /// What a variant's key has in addition to the primary key.
    pub(crate) key: Box<str>,
}

impl Meta {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The stored header fields, with room for those that an answer adds.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// When it was judged: wall clock, milliseconds since the Unix epoch.
    pub fn born_ms(&self) -> u64 {
        self.born_ms
    }

    /// The age that it came with, in seconds.
    pub fn age_at_birth(&self) -> u32 {
        self.age
    }

    /// For how long it is fresh, from `born_ms` on.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// What it varies with.
    pub fn vary(&self) -> Option<&Vary> {
        self.vary.as_ref()
    }

    /// Whether it is for requests without credentials only.
    pub fn anonymous(&self) -> bool {
        self.anonymous
    }

    /// What it and a body of that length count against `max_weight`, in bytes.
    pub fn weight(&self, body_len: usize) -> u64 {
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let vary = self.vary.as_ref().map_or(0, |vary| vary.key.len() + vary.names.len() * 32);
        (FIXED + headers + self.headers.len() * PER_HEADER + vary + body_len) as u64
    }
}

/// The struct itself and its map.
const FIXED: usize = 256;
/// A field's slot in the map, its index and its value's own allocation.
const PER_HEADER: usize = 120;

impl Vary {
    /// The names of the request headers, in lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(HeaderName::as_str)
    }

    /// What a variant's key has in addition to the primary key.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Whether a stored response answers a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Match {
    /// It does.
    Yes,
    /// It is of another variant, or for those without credentials only: look up this key, once. If that does not
    /// match either, bypass with [`Reason::VaryChanged`](crate::Reason::VaryChanged).
    Other(String),
    /// The client wants a younger one: go on as for
    /// [`Lookup::Anew`](crate::Lookup::Anew) (under the key just looked up), or
    /// `unsatisfied` for [`Lookup::OnlyCached`](crate::Lookup::OnlyCached).
    TooOld,
}

impl Meta {
    /// How old it is, in seconds: what `Age` says (RFC 9111, section 4.2.3).
    pub(crate) fn age(&self, now_ms: u64) -> u64 {
        u64::from(self.age) + now_ms.saturating_sub(self.born_ms) / 1000
    }

    /// For how long it is fresh yet, in seconds; negative if it is not.
    pub(crate) fn fresh_for(&self, now_ms: u64) -> i64 {
        let since = now_ms.saturating_sub(self.born_ms) / 1000;
        seconds(self.ttl.as_secs()) - seconds(since)
    }

    pub(crate) fn matches(
        &self,
        options: &Options,
        request: &Request<'_>,
        question: &Question,
        now_ms: u64,
    ) -> Match {
        let vary = self.vary.as_ref();
        let asked = vary.map(|vary| variant(&vary.names, request.headers)).unwrap_or_default();
        if self.anonymous && Credentials::of(options, request.headers).beside(vary).any() {
            return Match::Other(format!("{}{WITH_CREDENTIALS}{asked}", question.key));
        }
        if vary.is_some_and(|vary| *asked != *vary.key) {
            return Match::Other(format!("{}{asked}", question.key));
        }
        let old = question.max_age.is_some_and(|most| most.is_zero() || self.age(now_ms) > most.as_secs());
        let soon = question.min_fresh.is_some_and(|least| self.fresh_for(now_ms) < seconds(least.as_secs()));
        if old || soon { Match::TooOld } else { Match::Yes }
    }
}

/// What the key of requests with credentials has in addition, where those without have a response of their own.
const WITH_CREDENTIALS: &str = "#a";

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// What a variant's key has in addition.
pub(crate) fn variant(names: &[HeaderName], headers: &HeaderMap) -> String {
    let mut key = String::with_capacity(names.len() * 32);
    for name in names {
        key::header(&mut key, "#v:", name, headers);
    }
    key
}
