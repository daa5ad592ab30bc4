//! `If-None-Match` and `If-Modified-Since` (RFC 9110, section 13).

use http::HeaderMap;
use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};

use crate::control::split_list;

/// Whether the client has a response with these header fields already.
pub(crate) fn not_modified(request: &HeaderMap, status: u16, response: &HeaderMap) -> bool {
    // Preconditions are for what would have succeeded (section 13.2.1).
    if !(200..300).contains(&status) {
        return false;
    }
    let mut conditions = request.get_all(IF_NONE_MATCH).iter().peekable();
    if conditions.peek().is_some() {
        let etag = response.get(ETAG).map(|etag| opaque(etag.as_bytes()));
        return conditions.any(|line| any_matches(line.as_bytes(), etag));
    }
    let (Some(since), Some(modified)) = (request.get(IF_MODIFIED_SINCE), response.get(LAST_MODIFIED)) else {
        return false;
    };
    since == modified && date(since).is_some()
        || matches!((date(since), date(modified)), (Some(since), Some(modified)) if modified <= since)
}

fn date(value: &http::HeaderValue) -> Option<httpdate::HttpDate> {
    value.to_str().ok()?.parse().ok()
}

fn any_matches(mut list: &[u8], etag: Option<&[u8]>) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    let Some(etag) = etag else { return false };
    while !list.is_empty() {
        let (candidate, rest) = split_list(list, false);
        if opaque(candidate.trim_ascii()) == etag {
            return true;
        }
        list = rest;
    }
    false
}

/// Without the mark of weakness: the comparison is weak (section 8.8.3.2).
fn opaque(etag: &[u8]) -> &[u8] {
    etag.strip_prefix(b"W/").unwrap_or(etag)
}
