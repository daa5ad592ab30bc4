//! The one face of the crate.

use http::HeaderMap;
use snowmelt_core::{ConfigError, Invalidation};

use crate::answer::{self, Answer, How, Passed};
use crate::ask::{Ask, Question};
use crate::credentials::Credentials;
use crate::judge::{Keep, ResponseHead, Verdict};
use crate::kept::{Match, Meta};
use crate::key;
use crate::options::Options;
use crate::reason::Reason;
use crate::request::Request;

/// All decisions about requests and responses. Knows no clock: times are arguments, `now_ms` the
/// wall clock in milliseconds since the Unix epoch.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub(crate) options: Options,
}

impl Policy {
    /// A policy with these options.
    ///
    /// # Errors
    ///
    /// If they do not fit with each other.
    pub fn new(options: Options) -> Result<Self, ConfigError> {
        options.validate()?;
        Ok(Self { options })
    }

    /// Its options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether the body is needed to [`ask`](Self::ask), and at most how many bytes of it. If it is
    /// longer, ask with [`Body::Follows`](crate::Body::Follows): that bypasses. The handler has to get
    /// all of the body in any case.
    pub fn wants_body(&self, request: &Request<'_>) -> Option<u64> {
        self.body_wanted(request)
    }

    /// What to do with a request. Call it first. (A host's own `skip` goes before: then
    /// [`pass`](Self::pass) with [`Reason::Skipped`].)
    pub fn ask(&self, request: &Request<'_>) -> Ask {
        self.question(request)
    }

    /// Whether the handler's response is stored. Call it with its head, before the body is read.
    pub fn judge(
        &self,
        request: &Request<'_>,
        question: &Question,
        head: &ResponseHead<'_>,
        now_ms: u64,
    ) -> Verdict {
        self.verdict(request, question, head, now_ms).map_or_else(Verdict::Pass, Verdict::Keep)
    }

    /// Ends what `judge` began, once the body is whole: what to store beside it. Makes the
    /// `ETag` if there is none.
    ///
    /// # Errors
    ///
    /// [`Reason::BodyTooLarge`] and [`Reason::Incomplete`]: do not store it;
    /// [`pass`](Self::pass) with this reason.
    pub fn seal(&self, keep: Keep, body: &[u8]) -> Result<Meta, Reason> {
        self.sealed(keep, body)
    }

    /// Whether what was found under the question's key, or under that of [`Match::Other`], answers the
    /// request. The one who ran the handler need not ask.
    pub fn matches(&self, request: &Request<'_>, question: &Question, meta: &Meta, now_ms: u64) -> Match {
        meta.matches(&self.options, request, question, now_ms)
    }

    /// Whether one who waited for a load that passed with this reason goes on as at first, once, in place of running
    /// the handler alone: the load was for somebody with credentials, and the request has none.
    pub fn asks_again(&self, request: &Request<'_>, reason: Reason) -> bool {
        let credentials = Credentials::of(&self.options, request.headers);
        matches!(reason, Reason::Authorization | Reason::Cookie) && !credentials.any()
    }

    /// What the client gets of what was stored, or of what was just loaded.
    pub fn answer(
        &self,
        request: &Request<'_>,
        question: &Question,
        meta: &Meta,
        how: How,
        now_ms: u64,
    ) -> Answer {
        answer::answer(self, request, question, meta, how, now_ms)
    }

    /// What the client gets that will take a stored response only (`only-if-cached`), if there is none: a 504
    /// without a body.
    pub fn unsatisfied(&self) -> Answer {
        answer::unsatisfied(self)
    }

    /// What the client gets of a response that is not stored. Adds `X-Cache` and `Cache-Status` to its
    /// header fields. `question` is what `ask` gave, `None` if it said [`Ask::Bypass`] or was not called.
    pub fn pass(
        &self,
        request: &Request<'_>,
        question: Option<&Question>,
        reason: Reason,
        status: u16,
        headers: &mut HeaderMap,
    ) -> Passed {
        answer::pass(self, request, question, reason, status, headers)
    }

    /// What to invalidate once a request that bypassed was answered with that status: what is stored
    /// for its URL, if its method was unsafe, it succeeded, and the option
    /// `invalidate_unsafe` is on (RFC 9111, section 4.4).
    pub fn invalidates(&self, request: &Request<'_>, status: u16) -> Option<Invalidation> {
        self.invalidated(request, status)
    }
}

impl Policy {
    fn invalidated(&self, request: &Request<'_>, status: u16) -> Option<Invalidation> {
        let safe = ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"].contains(&request.method);
        if safe || !self.options.invalidate_unsafe || !(200..400).contains(&status) {
            return None;
        }
        let mut what = Invalidation::default();
        for method in self.options.methods.iter().filter(|method| *method != "HEAD") {
            let Some(url) = key::url(&self.options, request, method) else { continue };
            // The page itself, and what has further parts behind the URL.
            what.prefixes.push(format!("{url}#"));
            what.keys.push(url);
        }
        Some(what)
    }
}
