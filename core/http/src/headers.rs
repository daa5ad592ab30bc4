//! Which header fields of a response are stored.

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};

use crate::control::names;
use crate::options::Options;

/// More fields than this, or more bytes, are not stored.
pub(crate) const MOST_FIELDS: usize = 256;
/// Names and values together.
pub(crate) const MOST_BYTES: usize = 64 * 1024;

/// For one connection only (RFC 9110, section 7.6.1; RFC 9111, section 3.1).
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Said anew with each answer, by this cache.
const OWN: &[&str] = &["age", "cache-status", "content-length", "x-cache"];

/// For one client only.
const FOR_ONE: &[&str] =
    &["authentication-info", "clear-site-data", "retry-after", "set-cookie", "set-cookie2"];
/// What such names begin with: CORS is for one origin, a rate limit for one caller.
const FOR_ONE_PREFIXES: &[&str] =
    &["access-control-", "ratelimit", "rate-limit", "x-ratelimit", "x-rate-limit"];

/// What becomes of a field.
enum Fate {
    Stored,
    /// For the client whose request ran the handler.
    OwnClient,
    Nobody,
}

/// Header fields that are stored, and those for the own client only; `None` if they are too many or too long.
pub(crate) fn split(options: &Options, headers: &HeaderMap) -> Option<(HeaderMap, HeaderMap)> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST_FIELDS || bytes > MOST_BYTES {
        return None;
    }
    let mut stored = HeaderMap::with_capacity(headers.len() + ADDED);
    let mut own = HeaderMap::new();
    for (name, value) in headers {
        match fate(options, headers, name) {
            Fate::Stored => stored.append(name.clone(), copy(value)),
            Fate::OwnClient => own.append(name.clone(), value.clone()),
            Fate::Nobody => false,
        };
    }
    Some((stored, own))
}

/// `age`, `cache-status`, `content-length`, `date`, `etag`, `x-cache`.
const ADDED: usize = 6;

/// In memory of its own: what a server read may lie in a buffer much larger.
fn copy(value: &HeaderValue) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone())
}

fn fate(options: &Options, headers: &HeaderMap, name: &HeaderName) -> Fate {
    let text = name.as_str();
    let tags = !options.send_tags && options.tag_headers.contains(name);
    if HOP_BY_HOP.contains(&text)
        || OWN.contains(&text)
        || tags
        || names(headers, &CONNECTION, text.as_bytes())
    {
        Fate::Nobody
    } else if FOR_ONE.contains(&text)
        || FOR_ONE_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        || options.drop_headers.contains(name)
    {
        Fate::OwnClient
    } else {
        Fate::Stored
    }
}
