//! What a client is answered.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use http::header::{
    AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG,
    HeaderMap, HeaderName, HeaderValue,
};

use crate::ask::{Lookup, Question};
use crate::hash;
use crate::kept::Meta;
use crate::policy::Policy;
use crate::reason::Reason;
use crate::request::Request;
use crate::rfc9111::LAST_MS;
use crate::validators;

/// How a response came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// From memory.
    Hit,
    /// This request ran the handler.
    Miss,
    /// From memory, past its time to live: another request refreshes it, or the
    /// handler failed.
    Stale,
    /// Another request ran the handler at the same time.
    Coalesced,
    /// The handler ran, and nothing was looked up or stored.
    Bypass,
}

impl How {
    /// What `X-Cache` says.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Coalesced => "coalesced",
            Self::Bypass => "bypass",
        }
    }
}

/// A response from what was stored; the body is the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Answer {
    /// The status code: the stored one, or 304.
    pub status: u16,
    /// All header fields. The one who ran the handler gets
    /// [`Keep::own`](crate::Keep::own) appended.
    pub headers: HeaderMap,
    /// Whether the stored body follows: not for HEAD, nor for a 304.
    pub with_body: bool,
}

/// What becomes of a response that is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Passed {
    /// Its status: the handler's, or 304 where the client's own condition, that the handler
    /// was not shown, holds.
    pub status: u16,
    /// Whether the body is sent.
    pub with_body: bool,
}

/// Fills in what every answer from this entry has, so that an answer is a copy
/// with three values replaced.
pub(crate) fn prepare(policy: &Policy, meta: &mut Meta, body: &[u8]) {
    let headers = &mut meta.headers;
    if meta.status != 204 {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    if !headers.contains_key(DATE) {
        let born = SystemTime::UNIX_EPOCH + Duration::from_millis(meta.born_ms.min(LAST_MS));
        insert_text(headers, DATE, httpdate::fmt_http_date(born));
    }
    if matches!(meta.status, 200 | 203) && !headers.contains_key(ETAG) {
        let mut etag = String::from("W/\"");
        hash::push(&mut etag, hash::of([body]));
        etag.push('"');
        insert_text(headers, ETAG, etag);
    }
    headers.insert(AGE, HeaderValue::from_static("0"));
    if policy.options.status_header {
        headers.insert(X_CACHE, HeaderValue::from_static("miss"));
        headers.insert(CACHE_STATUS, HeaderValue::from_static(NAME));
    }
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

pub(crate) fn answer(
    policy: &Policy,
    request: &Request<'_>,
    question: &Question,
    meta: &Meta,
    how: How,
    now_ms: u64,
) -> Answer {
    let mut headers = meta.headers.clone();
    let age = meta.age(now_ms);
    if how == How::Miss && age == 0 {
        headers.remove(AGE);
    } else {
        headers.insert(AGE, HeaderValue::from(age));
    }
    if policy.options.status_header {
        headers.insert(X_CACHE, HeaderValue::from_static(how.word()));
        headers.insert(CACHE_STATUS, status(question, meta, how, now_ms));
    }
    let head = request.method == "HEAD";
    let not_modified = matches!(request.method, "GET" | "HEAD")
        && validators::not_modified(request.headers, meta.status, &headers);
    if not_modified {
        strip(&mut headers);
    }
    Answer {
        status: if not_modified { 304 } else { meta.status },
        headers,
        with_body: !head && !not_modified && meta.status != 204,
    }
}

/// What describes a body that is not sent (RFC 9110, section 15.4.5).
fn strip(headers: &mut HeaderMap) {
    for name in [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE] {
        headers.remove(name);
    }
}

/// The member of `Cache-Status` (RFC 9211).
fn status(question: &Question, meta: &Meta, how: How, now_ms: u64) -> HeaderValue {
    let stored = !meta.ttl.is_zero();
    let words = match (how, question.lookup == Lookup::Anew, stored) {
        (How::Hit, ..) => "hit",
        (How::Stale, ..) => "hit; detail=stale",
        (How::Coalesced, ..) => "fwd=miss; collapsed",
        (How::Bypass, ..) => "fwd=bypass",
        (How::Miss, true, true) => "fwd=request; stored",
        (How::Miss, true, false) => "fwd=request",
        (How::Miss, false, true) => "fwd=miss; stored",
        (How::Miss, false, false) => "fwd=miss",
    };
    // Long enough for the longest words and any number.
    let mut member = [0; 72];
    let mut rest = member.as_mut_slice();
    let written = if stored && how != How::Bypass {
        write!(rest, "{NAME}; {words}; ttl={}", meta.fresh_for(now_ms))
    } else {
        write!(rest, "{NAME}; {words}")
    };
    let left = rest.len();
    let value = written.ok().and_then(|()| HeaderValue::from_bytes(&member[..member.len() - left]).ok());
    value.unwrap_or(HeaderValue::from_static(NAME))
}

pub(crate) fn unsatisfied(policy: &Policy) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    if policy.options.status_header {
        headers.insert(X_CACHE, HeaderValue::from_static(How::Miss.word()));
        headers.insert(CACHE_STATUS, HeaderValue::from_static("Snowmelt; detail=only-if-cached"));
    }
    Answer { status: 504, headers, with_body: false }
}

pub(crate) fn pass(
    policy: &Policy,
    request: &Request<'_>,
    question: Option<&Question>,
    reason: Reason,
    status: u16,
    headers: &mut HeaderMap,
) -> Passed {
    if policy.options.status_header {
        let how = if question.is_some() { How::Miss } else { How::Bypass };
        // A map can be full.
        let _ = headers.try_insert(X_CACHE, HeaderValue::from_static(how.word()));
        if let Ok(value) = HeaderValue::try_from(passed_status(question, reason)) {
            // What caches behind the handler said stays (RFC 9211, section 2).
            let _ = headers.try_append(CACHE_STATUS, value);
        }
    }
    if !policy.options.send_tags {
        for name in &policy.options.tag_headers {
            headers.remove(name);
        }
    }
    let unseen = question.is_some_and(|question| !question.drop_request_headers.is_empty());
    let not_modified = unseen
        && matches!(request.method, "GET" | "HEAD")
        && validators::not_modified(request.headers, status, headers);
    if not_modified {
        strip(headers);
    }
    Passed {
        status: if not_modified { 304 } else { status },
        with_body: request.method != "HEAD" && !not_modified,
    }
}

fn passed_status(question: Option<&Question>, reason: Reason) -> String {
    let forward = match question.map(|question| question.lookup) {
        None if reason == Reason::Method => "method",
        None => "bypass",
        Some(Lookup::Anew) => "request",
        Some(_) => "miss",
    };
    format!("{NAME}; fwd={forward}; detail={}", reason.word())
}

/// What this cache is called in `Cache-Status`.
const NAME: &str = "Snowmelt";
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
