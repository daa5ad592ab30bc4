//! What a request asks of the cache.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST, IF_MATCH, IF_UNMODIFIED_SINCE, RANGE, TRANSFER_ENCODING, UPGRADE};

use crate::control::Control;
use crate::key;
use crate::policy::Policy;
use crate::reason::Reason;
use crate::request::{Body, Request};

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Ask {
    /// Run the handler, with the request as it is; store and share nothing.
    /// Then [`Policy::pass`](crate::Policy::pass).
    Bypass(Reason),
    /// Look it up.
    Look(Question),
}

/// A request that may be answered from the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What to look up, and to store under.
    pub key: String,
    /// How.
    pub lookup: Lookup,
    /// The names of request headers, in lower case, that the handler must not
    /// see: its response is to be whole, for everybody. Empty where it is
    /// not going to be stored.
    pub drop_request_headers: &'static [&'static str],
    /// The greatest age that the client takes (`max-age`).
    pub(crate) max_age: Option<Duration>,
    /// For how long it has to be fresh from now on (`min-fresh`).
    pub(crate) min_fresh: Option<Duration>,
}

/// How a question is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Look it up; if it is not there, load it under a lease and let the
    /// others wait (`cache.fetch`).
    Shared,
    /// Look it up (`cache.get`). If it is not there, run the handler for this request
    /// alone; store nothing, share nothing; [`Policy::pass`](crate::Policy::pass) with this reason.
    Alone(Reason),
    /// Look it up (`cache.get`). If it is not there, do not run the handler: answer
    /// [`Policy::unsatisfied`](crate::Policy::unsatisfied) (`only-if-cached`).
    OnlyCached,
    /// Do not look it up: run the handler for this request, and store what
    /// [`Policy::judge`](crate::Policy::judge) keeps, good as of the handler's start
    /// (`cache.insert` with `as_of`) (`no-cache`).
    Anew,
}

impl Lookup {
    /// Its name in all languages: `shared`, `alone`, `only-cached`, `anew`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Alone(_) => "alone",
            Self::OnlyCached => "only-cached",
            Self::Anew => "anew",
        }
    }
}

/// What the handler must not see where its response is to be stored whole.
const CONDITIONAL: &[&str] = &["if-none-match", "if-modified-since"];

impl Policy {
    /// The method whose response answers this one.
    fn stored_method<'a>(&self, request: &Request<'a>) -> Option<&'a str> {
        let known = self.options.methods.iter().any(|method| method == request.method);
        known.then_some(if request.method == "HEAD" { "GET" } else { request.method })
    }

    pub(crate) fn body_wanted(&self, request: &Request<'_>) -> Option<u64> {
        let most = self.options.key_body?;
        self.stored_method(request)?;
        let wanted = match body_length(request) {
            Length::Known(length) => length > 0 && length <= most,
            Length::Unknown => true,
        };
        wanted.then_some(most)
    }

    pub(crate) fn question(&self, request: &Request<'_>) -> Ask {
        self.asked(request).map_or_else(Ask::Bypass, Ask::Look)
    }

    fn asked(&self, request: &Request<'_>) -> Result<Question, Reason> {
        let method = self.stored_method(request).ok_or(Reason::Method)?;
        self.check_body(request)?;
        if request.headers.contains_key(UPGRADE) {
            return Err(Reason::Upgrade);
        }
        if request.headers.contains_key(IF_MATCH) || request.headers.contains_key(IF_UNMODIFIED_SINCE) {
            return Err(Reason::Precondition);
        }
        // Nobody can tell which of two hosts the response is made from.
        if request.headers.get_all(HOST).iter().nth(1).is_some() {
            return Err(Reason::Host);
        }
        let key = key::primary(&self.options, request, method).ok_or(Reason::Host)?;
        let control = self.client_control(request);
        let lookup = lookup(request, &control);
        let stores = matches!(lookup, Lookup::Shared | Lookup::Anew);
        Ok(Question {
            key,
            lookup,
            drop_request_headers: if stores { CONDITIONAL } else { &[] },
            // To one who says `no-cache`, everything is too old.
            max_age: if control.no_cache { Some(0) } else { control.max_age }.map(Duration::from_secs),
            min_fresh: control.min_fresh.map(Duration::from_secs),
        })
    }

    fn client_control(&self, request: &Request<'_>) -> Control {
        if self.options.ignore_request_directives { Control::default() } else { Control::of(request.headers) }
    }

    /// A body that is no part of the key must not change the response.
    fn check_body(&self, request: &Request<'_>) -> Result<(), Reason> {
        let keyed = match (self.options.key_body, request.body) {
            (Some(most), Body::Read(body)) => body.len() as u64 <= most,
            _ => matches!(body_length(request), Length::Known(0)),
        };
        if keyed { Ok(()) } else { Err(Reason::RequestBody) }
    }
}

fn lookup(request: &Request<'_>, control: &Control) -> Lookup {
    if control.only_if_cached {
        return Lookup::OnlyCached;
    }
    let alone = if control.no_store {
        Some(Reason::RequestNoStore)
    } else if request.headers.contains_key(RANGE) {
        Some(Reason::Range)
    } else if request.method == "HEAD" {
        Some(Reason::Head)
    } else {
        None
    };
    match alone {
        Some(reason) => Lookup::Alone(reason),
        None if control.no_cache || control.max_age == Some(0) => Lookup::Anew,
        None => Lookup::Shared,
    }
}

enum Length {
    Known(u64),
    Unknown,
}

/// How long a request's body is.
fn body_length(request: &Request<'_>) -> Length {
    match request.body {
        Body::Read(body) => return Length::Known(body.len() as u64),
        Body::Follows => return Length::Unknown,
        Body::None if request.headers.contains_key(TRANSFER_ENCODING) => return Length::Unknown,
        Body::None => {}
    }
    let Some(length) = request.headers.get(CONTENT_LENGTH) else { return Length::Known(0) };
    let length = length.to_str().ok().and_then(|length| length.trim().parse().ok());
    length.map_or(Length::Unknown, Length::Known)
}
