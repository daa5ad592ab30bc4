//! The form of a key.
//!
//! ```text
//! GET https://shop.example/items?page=2
//! GET https://shop.example/items?page=2#h:accept-language=de#c:tenant-7
//! ```
//!
//! It begins with method and URL, as they are, so that prefixes are useful. A
//! `#` ends the URL, for no request's URL has one; what else is a part of the key
//! follows it. What is long, or has bytes that would blur where a part ends, is
//! replaced by 128 bits of its hash, behind a `~`, which no such text begins
//! with. So two requests that differ in any part have different keys, and no key is
//! longer than a few times [`LONGEST`].

use std::collections::BinaryHeap;

use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName};

use crate::hash;
use crate::options::{Options, Query};
use crate::request::{Body, Request};

/// The longest path, query or host that stands in a key as it is.
pub(crate) const LONGEST: usize = 512;
const LONGEST_SCHEME: usize = 16;
/// For what else a key mostly has, so that it is allocated once.
const ROOM: usize = 80;
/// The longest header value or custom part that does.
const LONGEST_PART: usize = 64;

/// How a body is to be read.
const BODY_HEADERS: &[HeaderName] = &[CONTENT_TYPE, CONTENT_ENCODING];

/// The key of a request; `None` if its host is none that a URL can have.
pub(crate) fn primary(options: &Options, request: &Request<'_>, method: &str) -> Option<String> {
    let mut key = url(options, request, method)?;
    for name in &options.key_headers {
        header(&mut key, "#h:", name, request.headers);
    }
    if let Body::Read(body) = request.body
        && !body.is_empty()
    {
        key.push_str("#b:~");
        hash::push(&mut key, hash::of([body]));
        // What a body says depends on how it is read.
        for name in BODY_HEADERS.iter().filter(|name| request.headers.contains_key(*name)) {
            header(&mut key, "#b:", name, request.headers);
        }
    }
    if let Some(custom) = request.custom {
        key.push_str("#c:");
        part(&mut key, custom.as_bytes());
    }
    Some(key)
}

/// What a key begins with.
pub(crate) fn url(options: &Options, request: &Request<'_>, method: &str) -> Option<String> {
    let (scheme, host) = (request.scheme, request.host);
    if host.len() > LONGEST || !host.bytes().all(in_host) {
        return None;
    }
    if scheme.len() > LONGEST_SCHEME || !scheme.bytes().all(in_scheme) {
        return None;
    }
    let query = request.query.map_or(0, str::len);
    let url = request.path.len().min(LONGEST) + query.min(LONGEST);
    let mut key = String::with_capacity(method.len() + scheme.len() + host.len() + url + ROOM);
    key.push_str(method);
    key.push(' ');
    push_lower(&mut key, scheme);
    key.push_str("://");
    push_lower(&mut key, without_port(scheme, host));
    let path_blurred = path_text(&mut key, request.path);
    let query_blurred = request.query.and_then(|query| query_text(&mut key, options, query));
    for (mark, blurred) in [("#p:~", path_blurred), ("#q:~", query_blurred)] {
        if let Some(hash) = blurred {
            key.push_str(mark);
            hash::push(&mut key, hash);
        }
    }
    Some(key)
}

/// Appends the path; no path is `/` (RFC 9110, section 4.2.3). Its hash, if that is not all of it.
fn path_text(key: &mut String, path: &str) -> Option<[u8; 16]> {
    if path.starts_with('/') {
        return text(key, path, b"?");
    }
    // Otherwise a host and a path could run together to another host.
    key.push('/');
    if path.is_empty() {
        return None;
    }
    text(key, path, b"?").or_else(|| Some(hash::of([path.as_bytes()])))
}

/// Appends `?` and the query. Its hash, if that is not all of it.
fn query_text(key: &mut String, options: &Options, query: &str) -> Option<[u8; 16]> {
    // Some handlers take `;` for an `&`: one parameter here is several there.
    let plain = options.drop_query.is_empty() && options.query == Query::Ordered;
    if plain || query.contains(';') {
        key.push('?');
        return text(key, query, b"");
    }
    let mut parameters: Vec<&str> =
        query.split('&').filter(|parameter| !dropped(&options.drop_query, name_of(parameter))).collect();
    if parameters.is_empty() {
        return None;
    }
    if options.query == Query::Sorted {
        sort(&mut parameters);
    }
    key.push('?');
    text(key, &parameters.join("&"), b"")
}

/// By name; those of one name stay in order. On a heap: a stable sort of the library's is four kilobytes of code more.
fn sort(parameters: &mut Vec<&str>) {
    let placed = parameters
        .drain(..)
        .enumerate()
        .map(|(place, parameter)| (decoded(name_of(parameter)), place, parameter));
    let sorted = placed.collect::<BinaryHeap<_>>().into_sorted_vec();
    parameters.extend(sorted.into_iter().map(|(_, _, parameter)| parameter));
}

fn name_of(parameter: &str) -> &str {
    parameter.split_once('=').map_or(parameter, |(name, _)| name)
}

/// A name as handlers see it: what is one name to them is one here, so that its values stay in order.
fn decoded(name: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = name.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    while let [first, rest @ ..] = bytes {
        bytes = rest;
        decoded.push(match (first, digit(rest.first()), digit(rest.get(1))) {
            (b'%', Some(high), Some(low)) => {
                bytes = &rest[2..];
                u8::try_from(high * 16 + low).unwrap_or(b'%')
            }
            (b'+', ..) => b' ',
            _ => *first,
        });
    }
    decoded
}

fn dropped(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    })
}

/// Appends a path or a query as it is, but for what a URL cannot have there. Its
/// hash, if that changed it or it was cut.
fn text(key: &mut String, text: &str, blurs: &[u8]) -> Option<[u8; 16]> {
    let sound = |byte: u8| byte.is_ascii_graphic() && byte != b'#' && !blurs.contains(&byte);
    if text.len() <= LONGEST && text.bytes().all(sound) {
        key.push_str(text);
        return None;
    }
    let shown = text.bytes().take(LONGEST).map(|byte| if sound(byte) { char::from(byte) } else { '_' });
    key.extend(shown);
    Some(hash::of([text.as_bytes()]))
}

/// Appends `mark`, a header's name, and its value if there is one. Keys are shown and logged:
/// credentials are hashed.
pub(crate) fn header(key: &mut String, mark: &str, name: &HeaderName, headers: &HeaderMap) {
    key.push_str(mark);
    key.push_str(name.as_str());
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return };
    key.push('=');
    let secret = *name == AUTHORIZATION || *name == COOKIE;
    if values.next().is_none() && !secret {
        part(key, first.as_bytes());
    } else {
        key.push('~');
        hash::push(key, hash::of(headers.get_all(name).iter().map(http::HeaderValue::as_bytes)));
    }
}

/// Appends a text, or its hash.
fn part(key: &mut String, bytes: &[u8]) {
    let sound = |byte: &u8| byte.is_ascii_graphic() && *byte != b'#' || *byte == b' ';
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= LONGEST_PART && bytes.iter().all(sound) && !text.starts_with('~') => {
            key.push_str(text);
        }
        _ => {
            key.push('~');
            hash::push(key, hash::of([bytes]));
        }
    }
}

fn push_lower(key: &mut String, text: &str) {
    key.extend(text.chars().map(|letter| letter.to_ascii_lowercase()));
}

/// The port that a scheme has anyway is left out.
fn without_port<'a>(scheme: &str, host: &'a str) -> &'a str {
    let port = match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => ":443",
        _ if scheme.eq_ignore_ascii_case("http") => ":80",
        _ => return host,
    };
    host.strip_suffix(port).unwrap_or(host)
}

fn in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_:[]%~!$&'()*+,;=".contains(&byte)
}

fn in_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}
