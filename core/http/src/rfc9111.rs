//! How long a response is fresh (RFC 9111, section 4.2), by
//! `http-cache-semantics`.
//!
//! What the library reads is written for it here: it takes directives in lower case only, dates in
//! one of the three formats, and any number. So a `No-Store` is not missed, and no
//! header of any length or content reaches it.

use std::time::{Duration, SystemTime};

use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use http_cache_semantics::{CacheOptions, CachePolicy, RequestLike, ResponseLike};

use crate::control::{Control, FOREVER};
use crate::judge::ResponseHead;

/// The time to live from now on; zero if it may not be stored or is stale.
pub(crate) fn time_to_live(head: &ResponseHead<'_>, control: &Control, now_ms: u64) -> Duration {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms.min(LAST_MS));
    let options = CacheOptions {
        shared: true,
        cache_heuristic: 0.0,
        immutable_min_time_to_live: Duration::ZERO,
        ignore_cargo_cult: false,
    };
    let said = Said::of(head.headers, control);
    let policy = CachePolicy::new_options(&Asked::default(), &said, now, options);
    if policy.is_storable() { policy.time_to_live(now) } else { Duration::ZERO }
}

/// The end of the year 9999: the last that an HTTP date can say.
pub(crate) const LAST_MS: u64 = 253_402_300_799_000;

/// A request that says nothing: method, host and what it asks of the cache are judged already.
#[derive(Default)]
struct Asked {
    headers: HeaderMap,
}

impl RequestLike for Asked {
    fn uri(&self) -> Uri {
        Uri::default()
    }

    fn is_same_uri(&self, _other: &Uri) -> bool {
        true
    }

    fn method(&self) -> &Method {
        &Method::GET
    }

    fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

/// What of a response. Its status is judged already.
struct Said {
    headers: HeaderMap,
}

impl Said {
    fn of(headers: &HeaderMap, control: &Control) -> Self {
        let mut said = HeaderMap::with_capacity(4);
        let mut directives = String::new();
        for (name, seconds) in [("s-maxage=", control.s_maxage), ("max-age=", control.max_age)] {
            if let Some(seconds) = seconds {
                directives.push_str(if directives.is_empty() { "" } else { ", " });
                directives.push_str(name);
                directives.push_str(&seconds.to_string());
            }
        }
        if let Ok(directives) = HeaderValue::try_from(directives) {
            said.insert(CACHE_CONTROL, directives);
        }
        for name in [DATE, EXPIRES] {
            if headers.contains_key(&name) {
                let value = date(headers, &name);
                said.insert(name, value);
            }
        }
        if let Some(age) = age(headers) {
            said.insert(AGE, HeaderValue::from(age));
        }
        Self { headers: said }
    }
}

/// A date as the library reads it; "0", in the past, if it is none.
fn date(headers: &HeaderMap, name: &HeaderName) -> HeaderValue {
    let mut dates =
        headers.get_all(name).iter().map(|value| value.to_str().ok()?.parse::<httpdate::HttpDate>().ok());
    let date = match (dates.next().flatten(), dates.next()) {
        (Some(date), None) => HeaderValue::try_from(date.to_string()).ok(),
        _ => None,
    };
    date.unwrap_or(HeaderValue::from_static("0"))
}

/// The age that a response came with, in seconds.
pub(crate) fn age(headers: &HeaderMap) -> Option<u32> {
    let age: u64 = headers.get(AGE)?.to_str().ok()?.trim().parse().ok()?;
    u32::try_from(age.min(FOREVER)).ok()
}

impl ResponseLike for Said {
    fn status(&self) -> StatusCode {
        StatusCode::OK
    }

    fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}
