//! What a request says: its key, its query, its headers.

use std::borrow::Cow;
use std::mem::replace;
use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderMap, Uri};
use percent_encoding::percent_decode_str;
use snowmelt_core::config::MAX_TAGS;
use snowmelt_core::invalidation::check_name;
use snowmelt_core::options::duration;
use snowmelt_core::{InputError, Setting, Units};

use super::{Refusal, bad};
use crate::http::shown;

/// Names a lease.
pub(super) const LEASE: HeaderName = HeaderName::from_static("snowmelt-lease");
/// A position token to catch up with first.
pub(super) const AFTER: HeaderName = HeaderName::from_static("snowmelt-after");
const TTL: HeaderName = HeaderName::from_static("snowmelt-ttl");
const TAGS: HeaderName = HeaderName::from_static("snowmelt-tags");

/// As `ttl_max`.
const LONGEST_TTL: Duration = Duration::from_secs(49 * 86_400);

/// The key of `/cache/{key}`, percent-decoded; slashes are part of it.
pub(super) fn key(uri: &Uri) -> Result<Cow<'_, str>, Refusal> {
    let encoded = uri.path().strip_prefix("/cache/").unwrap_or_default();
    let key = percent_decode_str(encoded).decode_utf8().map_err(|_| {
        let message = format!(
            "the key {} is no UTF-8 once percent-decoded: encode its UTF-8 bytes",
            shown(encoded.as_bytes())
        );
        bad("InvalidKey", &message)
    })?;
    check_name("key", &key).map_err(|error| input(&error))?;
    // Entries of the other contracts have one, so that nobody can read or
    // replace them here.
    if key.contains('\0') {
        return Err(bad("InvalidKey", "the key holds a NUL: use another character"));
    }
    Ok(key)
}

/// What the core says of a name or a token.
pub(super) fn input(error: &InputError) -> Refusal {
    bad(error.code(), &error.to_string())
}

/// Whether a read waits for a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wait {
    /// No.
    #[default]
    No,
    /// `wait`.
    Patiently,
    /// `wait=2s`.
    For(Duration),
}

/// The query of a read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query<'a> {
    pub(super) wait: Wait,
    /// `after`.
    pub(super) after: Option<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    pub(super) fn of(uri: &'a Uri) -> Result<Self, Refusal> {
        let mut query = Self::default();
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            let twice = match name {
                "wait" if value.is_empty() => replace(&mut query.wait, Wait::Patiently) != Wait::No,
                "wait" => replace(&mut query.wait, Wait::For(span("wait", &value)?)) != Wait::No,
                "after" => query.after.replace(value).is_some(),
                _ => return Err(unknown(name)),
            };
            if twice {
                return Err(bad("InvalidQuery", &format!("`{name}` is given twice: give it once")));
            }
        }
        Ok(query)
    }
}

/// What stores or drops has no query: a lifetime there would go unnoticed.
pub(super) fn no_query(uri: &Uri) -> Result<(), Refusal> {
    let Some(query) = uri.query().filter(|query| !query.is_empty()) else { return Ok(()) };
    let message = format!(
        "the query is {}: leave it out; the headers Snowmelt-TTL, Snowmelt-Tags and Snowmelt-Lease say how",
        shown(query.as_bytes())
    );
    Err(bad("InvalidQuery", &message))
}

fn unknown(name: &str) -> Refusal {
    let message = format!("the query has {}: there are `wait` and `after`", shown(name.as_bytes()));
    bad("InvalidQuery", &message)
}

/// A duration as the core reads one; a bare number is seconds.
fn span(what: &'static str, text: &str) -> Result<Duration, Refusal> {
    let text = text.trim();
    let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = if bare { text.parse().ok() } else { None };
    let setting = number.map_or(Setting::Text(text), Setting::Number);
    duration(what, &setting, Units::Seconds).map_err(|error| {
        let message = format!("`{what}` is {}: {}", shown(text.as_bytes()), error.remedy);
        bad("InvalidDuration", &message)
    })
}

/// `Snowmelt-TTL`.
pub(super) fn ttl(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    let Some(text) = text(headers, &TTL)? else { return Ok(None) };
    let ttl = span("Snowmelt-TTL", text)?;
    if ttl.is_zero() || ttl > LONGEST_TTL {
        let message =
            format!("`Snowmelt-TTL` is {}: give more than 0 and at most 49d", shown(text.as_bytes()));
        return Err(bad("InvalidDuration", &message));
    }
    Ok(Some(ttl))
}

/// `Snowmelt-Tags`: separated by commas, percent-encoded; the header may come
/// several times.
pub(super) fn tags(headers: &HeaderMap) -> Result<Vec<String>, Refusal> {
    let mut tags = Vec::new();
    for value in headers.get_all(&TAGS) {
        let listed = value.to_str().map_err(|_| {
            let message =
                format!("`Snowmelt-Tags` is {}: percent-encode what is not ASCII", shown(value.as_bytes()));
            bad("InvalidTags", &message)
        })?;
        for tag in listed.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            tags.push(one_tag(tag)?);
        }
    }
    if tags.len() > MAX_TAGS {
        let message = format!("`Snowmelt-Tags` has {} tags: an entry can have {MAX_TAGS}", tags.len());
        return Err(bad("InvalidTags", &message));
    }
    Ok(tags)
}

fn one_tag(encoded: &str) -> Result<String, Refusal> {
    let tag = percent_decode_str(encoded).decode_utf8().map_err(|_| {
        let message = format!(
            "`Snowmelt-Tags` has {}, which is no UTF-8 once percent-decoded: encode its UTF-8 bytes",
            shown(encoded.as_bytes())
        );
        bad("InvalidTags", &message)
    })?;
    check_name("tag", &tag).map_err(|error| input(&error))?;
    Ok(tag.into_owned())
}

/// A header that comes at most once, in ASCII.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(bad("InvalidHeader", &format!("the header `{name}` is given twice: give it once")));
    }
    value.to_str().map(Some).map_err(|_| {
        let message = format!("the header `{name}` is {}: give it in ASCII", shown(value.as_bytes()));
        bad("InvalidHeader", &message)
    })
}
