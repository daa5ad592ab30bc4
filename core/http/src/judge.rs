//! Whether a response is stored, for how long, and what of it.

use std::time::Duration;

use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, SET_COOKIE, VARY,
};

use crate::answer;
use crate::ask::{Lookup, Question};
use crate::control::{Control, FOREVER};
use crate::credentials::Credentials;
use crate::headers;
use crate::kept::{Meta, Vary, variant};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::request::Request;
use crate::rfc9111;
use crate::tags;

/// A response's head, as the handler gave it.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The status code.
    pub status: u16,
    /// All header fields.
    pub headers: &'a HeaderMap,
    /// What the host's own function of the status says, if it has one: it stands in
    /// the place of the option `ttl`. What the response itself says wins.
    pub ttl: Option<Duration>,
}

/// Whether a response is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "made once per handler call, and used at once")]
pub enum Verdict {
    /// It is for this client only. [`Policy::pass`](crate::Policy::pass).
    Pass(Reason),
    /// Collect the body up to `body_cap`, then [`Policy::seal`](crate::Policy::seal).
    Keep(Keep),
}

/// A response that is stored, once its body is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// For `seal`.
    pub(crate) meta: Meta,
    /// How long the body has to be, if the response said so.
    pub(crate) length: Option<u64>,
    /// The time to live, from the start of the handler. 0: shared with those who wait,
    /// and not stored (`coalesce_only`).
    pub ttl: Duration,
    /// For how long past the TTL one reader refreshes while the others get the old one.
    pub stale_while_revalidate: Duration,
    /// For how long past the TTL it is served if the handler fails.
    pub stale_if_error: Duration,
    /// The tags to store it with.
    pub tags: Vec<String>,
    /// The longest body that is stored, in bytes. A longer one streams through: pass with
    /// [`Reason::BodyTooLarge`].
    pub body_cap: u64,
    /// Header fields that are for the client whose request ran the handler, and for
    /// nobody else: cookies, CORS, rate limits. Append them to its
    /// [`Answer`](crate::Answer).
    pub own: HeaderMap,
}

/// More request headers than this are not looked at for one response.
const MOST_VARY: usize = 16;
/// Nor longer names than this.
const LONGEST_VARY: usize = 64;

impl Policy {
    pub(crate) fn verdict(
        &self,
        request: &Request<'_>,
        question: &Question,
        head: &ResponseHead<'_>,
        now_ms: u64,
    ) -> Result<Keep, Reason> {
        let failed = (500..=599).contains(&head.status);
        match question.lookup {
            Lookup::Alone(reason) => Err(reason),
            Lookup::OnlyCached => Err(Reason::OnlyIfCached),
            // Whatever else it says, it is first of all a failure.
            Lookup::Shared | Lookup::Anew => self
                .keep(request, head, now_ms)
                .map_err(|reason| if failed { Reason::ServerError } else { reason }),
        }
    }

    fn keep(&self, request: &Request<'_>, head: &ResponseHead<'_>, now_ms: u64) -> Result<Keep, Reason> {
        let control = Control::of(head.headers);
        self.check_status(head)?;
        let explicit = control.explicit(head.headers);
        let vary = vary(request, head.headers)?;
        let credentials = Credentials::of(&self.options, request.headers).beside(vary.as_ref());
        check_sharing(credentials, head, &control)?;
        let length = self.check_body_to_come(head.headers)?;
        let age = rfc9111::age(head.headers).unwrap_or_default();
        let ttl = self.lifetime(head, &control, explicit, now_ms)?;
        let tags = tags::of(&self.options, head.headers).ok_or(Reason::Tags)?;
        let (headers, own) = headers::split(&self.options, head.headers).ok_or(Reason::HeadTooLarge)?;
        let [stale_while_revalidate, stale_if_error] = self.windows(&control);
        let anonymous = !(credentials.any() || explicit || control.public);
        let meta = Meta { status: head.status, headers, born_ms: now_ms, age, ttl, vary, anonymous };
        let body_cap = self.options.max_body;
        Ok(Keep { meta, length, ttl, stale_while_revalidate, stale_if_error, tags, body_cap, own })
    }

    fn check_status(&self, head: &ResponseHead<'_>) -> Result<(), Reason> {
        let asked_for = head.ttl.is_some() || self.options.ttl.named(head.status).is_some();
        match head.status {
            500..=599 if !self.options.store_5xx => Err(Reason::ServerError),
            // Partial, or an answer to a condition that the handler was not shown.
            206 | 304 => Err(Reason::Status),
            // An answer to credentials, for those who have the same.
            401 | 407 if !self.options.key_headers.contains(&AUTHORIZATION) => Err(Reason::Status),
            200..=599 if asked_for || UNDERSTOOD.contains(&head.status) => Ok(()),
            500..=599 => Ok(()),
            _ => Err(Reason::Status),
        }
    }

    fn check_body_to_come(&self, headers: &HeaderMap) -> Result<Option<u64>, Reason> {
        let Some(length) = headers.get(CONTENT_LENGTH) else { return Ok(None) };
        let length = length.to_str().ok().and_then(|length| length.trim().parse().ok());
        match length {
            None => Err(Reason::Incomplete),
            Some(length) if length > self.options.max_body => Err(Reason::BodyTooLarge),
            Some(length) => Ok(Some(length)),
        }
    }

    /// For how long from now on, at least a millisecond.
    fn lifetime(
        &self,
        head: &ResponseHead<'_>,
        control: &Control,
        explicit: bool,
        now_ms: u64,
    ) -> Result<Duration, Reason> {
        if self.options.coalesce_only {
            return Ok(Duration::ZERO);
        }
        let ttl = if explicit {
            rfc9111::time_to_live(head, control, now_ms)
        } else {
            let by_itself = CACHEABLE.contains(&head.status) || control.public;
            let others = self.options.ttl.others().filter(|_| by_itself);
            head.ttl.or(self.options.ttl.named(head.status)).or(others).unwrap_or_default()
        };
        if ttl.is_zero() { Err(Reason::NoLifetime) } else { Ok(ttl.min(Duration::from_secs(FOREVER))) }
    }

    /// RFC 5861. What forbids stale answers forbids the options' windows, and
    /// `s-maxage` does (RFC 9111, section 5.2.2.10), unless the response itself gives one.
    fn windows(&self, control: &Control) -> [Duration; 2] {
        if control.must_revalidate || control.proxy_revalidate || self.options.coalesce_only {
            return [Duration::ZERO; 2];
        }
        let window = |said: Option<u64>, option: Duration| match said {
            Some(seconds) => Duration::from_secs(seconds),
            None if control.s_maxage.is_some() => Duration::ZERO,
            None => option,
        };
        [
            window(control.stale_while_revalidate, self.options.stale_while_revalidate),
            window(control.stale_if_error, self.options.stale_if_error),
        ]
    }

    pub(crate) fn sealed(&self, keep: Keep, body: &[u8]) -> Result<Meta, Reason> {
        let Keep { mut meta, length, body_cap, .. } = keep;
        let actual = body.len() as u64;
        if actual > body_cap {
            return Err(Reason::BodyTooLarge);
        }
        if length.is_some_and(|announced| announced != actual) {
            return Err(Reason::Incomplete);
        }
        answer::prepare(self, &mut meta, body);
        Ok(meta)
    }
}

/// Statuses that are stored if the response says for how long. Others (400, 403, 429, …) depend on
/// what is no part of a key, such as a header that is too long: they are stored only if the
/// options name them.
const UNDERSTOOD: &[u16] = &[200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414];

/// Those that are stored without (RFC 9110, section 15.1), and need but a time to live.
const CACHEABLE: &[u16] = &[200, 203, 204, 300, 301, 308, 404, 405, 410, 414];

fn check_sharing(credentials: Credentials, head: &ResponseHead<'_>, control: &Control) -> Result<(), Reason> {
    let authorised = credentials.authorization && !control.shareable() && !control.must_revalidate;
    let cookies = credentials.cookies && !(control.public || control.explicit(head.headers));
    let sets_cookie = head.headers.contains_key(SET_COOKIE);
    let refused = [
        (control.no_store, Reason::NoStore),
        (control.private, Reason::Private),
        (control.no_cache, Reason::NoCache),
        (authorised, Reason::Authorization),
        (cookies, Reason::Cookie),
        (sets_cookie && !control.shareable(), Reason::SetCookie),
        (endless(head.headers), Reason::Endless),
        (head.headers.contains_key(CONTENT_RANGE), Reason::Status),
    ];
    refused.iter().find(|(refused, _)| *refused).map_or(Ok(()), |(_, reason)| Err(*reason))
}

/// A body that does not end by itself would be waited for in vain.
fn endless(headers: &HeaderMap) -> bool {
    let kinds = ["text/event-stream", "multipart/x-mixed-replace", "application/grpc"];
    let Some(kind) = headers.get(CONTENT_TYPE) else { return false };
    kinds.iter().any(|endless| {
        kind.as_bytes().get(..endless.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(endless.as_bytes()))
    })
}

fn vary(request: &Request<'_>, headers: &HeaderMap) -> Result<Option<Vary>, Reason> {
    let mut names: Vec<HeaderName> = Vec::new();
    for line in headers.get_all(VARY) {
        for name in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            match HeaderName::from_bytes(name) {
                _ if name.is_empty() => continue,
                _ if name.len() > LONGEST_VARY => return Err(Reason::VaryTooLong),
                // What is no name tells as little. (`*` is one, as far as its letters go.)
                Err(_) => return Err(Reason::VaryAny),
                Ok(_) if name == b"*" => return Err(Reason::VaryAny),
                Ok(name) => insert(&mut names, name),
            }
            if names.len() > MOST_VARY {
                return Err(Reason::VaryTooLong);
            }
        }
    }
    if names.is_empty() {
        return Ok(None);
    }
    let key = variant(&names, request.headers).into();
    Ok(Some(Vary { names: names.into(), key }))
}

/// In order, each once.
fn insert(names: &mut Vec<HeaderName>, name: HeaderName) {
    if let Err(place) = names.binary_search_by(|known| known.as_str().cmp(name.as_str())) {
        names.insert(place, name);
    }
}
