//! The policy's vocabulary as plain data (texts, numbers, lists and objects, as any language
//! has them), for the bindings and for the vectors.
//!
//! Header fields are lists of pairs of a name and a value. A value's bytes are characters of
//! Latin-1, both ways, as in Node and in WSGI: nothing is lost, and nothing is refused for its
//! bytes. Durations are milliseconds. Bodies are not part of it: they are bytes in every language.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::{Body, How, Lookup, Reason};

/// Header fields.
pub type Fields = Vec<(String, String)>;

/// A header field that HTTP does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadField {
    /// Its name.
    pub name: String,
}

impl fmt::Display for BadField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the header field {:?} cannot be sent: a name is of letters, digits and hyphens, and a value has \
             no line break and no character beyond U+00FF",
            self.name
        )
    }
}

impl std::error::Error for BadField {}

/// Header fields as the policy takes them.
///
/// # Errors
///
/// Names the first field that is none.
pub fn header_map<N: AsRef<str>, V: AsRef<str>>(
    fields: impl IntoIterator<Item = (N, V)>,
) -> Result<HeaderMap, BadField> {
    let fields = fields.into_iter();
    let mut map = HeaderMap::with_capacity(fields.size_hint().0.min(256));
    for (name, value) in fields {
        append(&mut map, name.as_ref(), value.as_ref())?;
    }
    Ok(map)
}

fn append(map: &mut HeaderMap, name: &str, value: &str) -> Result<(), BadField> {
    let field = name.parse::<HeaderName>().ok().zip(latin1_value(value));
    let added = field.map(|(name, value)| map.try_append(name, value).is_ok());
    if added == Some(true) { Ok(()) } else { Err(BadField { name: name.chars().take(64).collect() }) }
}

fn latin1_value(text: &str) -> Option<HeaderValue> {
    if text.is_ascii() {
        return HeaderValue::from_str(text).ok();
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(letter).ok()).collect();
    HeaderValue::from_maybe_shared(bytes?).ok()
}

/// Header fields as other languages take them.
pub fn fields(map: &HeaderMap) -> Fields {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), latin1_text(value))).collect()
}

fn latin1_text(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}

/// [`Request`](crate::Request), owned; its body is beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// As it was sent.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The `Host`.
    pub host: String,
    /// As it was sent.
    pub path: String,
    /// `None` without a `?`.
    #[serde(default)]
    pub query: Option<String>,
    /// All of them.
    #[serde(default)]
    pub headers: Fields,
    /// What the host's `key` function said.
    #[serde(default)]
    pub custom: Option<String>,
}

impl Request {
    /// The same for the policy; `headers` is [`header_map`] of its fields.
    pub fn with<'a>(&'a self, headers: &'a HeaderMap, body: Body<'a>) -> crate::Request<'a> {
        crate::Request {
            method: &self.method,
            scheme: &self.scheme,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            headers,
            body,
            custom: self.custom.as_deref(),
        }
    }
}

/// [`Ask`](crate::Ask): `{"bypass": "method"}` or `{"look": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// With the reason's word.
    Bypass(String),
    /// With the question.
    Look(Question),
}

/// [`Question`](crate::Question).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What to look up.
    pub key: String,
    /// `shared`, `alone`, `only-cached` or `anew`.
    pub lookup: String,
    /// Why `alone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the handler must not see.
    pub drop_request_headers: Vec<String>,
}

impl From<&crate::Ask> for Ask {
    fn from(ask: &crate::Ask) -> Self {
        match ask {
            crate::Ask::Bypass(reason) => Self::Bypass(reason.word().into()),
            crate::Ask::Look(question) => Self::Look(question.into()),
        }
    }
}

impl From<&crate::Question> for Question {
    fn from(question: &crate::Question) -> Self {
        let reason = match question.lookup {
            Lookup::Alone(reason) => Some(reason.word().into()),
            Lookup::Shared | Lookup::OnlyCached | Lookup::Anew => None,
        };
        Self {
            key: question.key.clone(),
            lookup: question.lookup.word().into(),
            reason,
            drop_request_headers: question.drop_request_headers.iter().map(|name| (*name).into()).collect(),
        }
    }
}

/// [`Verdict`](crate::Verdict): `{"pass": "private"}` or `{"keep": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// With the reason's word.
    Pass(String),
    /// With what the host needs to know. The [`Keep`](crate::Keep) itself stays in Rust,
    /// for `seal`.
    Keep(Keep),
}

impl Verdict {
    /// [`Reason::is_failure`].
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Pass(word) => reason(word).is_some_and(Reason::is_failure),
            Self::Keep(_) => false,
        }
    }
}

/// [`Keep`](crate::Keep).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// Milliseconds.
    pub ttl: u64,
    /// Milliseconds.
    pub stale_while_revalidate: u64,
    /// Milliseconds.
    pub stale_if_error: u64,
    /// To store it with.
    pub tags: Vec<String>,
    /// The longest body.
    pub body_cap: u64,
    /// For the client whose request ran the handler.
    pub own: Fields,
}

impl From<&crate::Verdict> for Verdict {
    fn from(verdict: &crate::Verdict) -> Self {
        match verdict {
            crate::Verdict::Pass(reason) => Self::Pass(reason.word().into()),
            crate::Verdict::Keep(keep) => Self::Keep(keep.into()),
        }
    }
}

impl From<&crate::Keep> for Keep {
    fn from(keep: &crate::Keep) -> Self {
        Self {
            ttl: millis(keep.ttl),
            stale_while_revalidate: millis(keep.stale_while_revalidate),
            stale_if_error: millis(keep.stale_if_error),
            tags: keep.tags.clone(),
            body_cap: keep.body_cap,
            own: fields(&keep.own),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// [`Meta`](crate::Meta), whole: it can be stored anywhere and read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// The status code.
    pub status: u16,
    /// What is stored.
    pub headers: Fields,
    /// Milliseconds since the Unix epoch.
    pub born_ms: u64,
    /// The age that it came with, in seconds.
    pub age: u32,
    /// Milliseconds.
    pub ttl: u64,
    /// What it varies with.
    #[serde(default)]
    pub vary: Option<Vary>,
    /// Whether it is for requests without credentials only.
    #[serde(default)]
    pub anonymous: bool,
}

/// [`Vary`](crate::Vary).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vary {
    /// Request headers.
    pub names: Vec<String>,
    /// What the variant's key has in addition.
    pub key: String,
}

impl From<&crate::Meta> for Meta {
    fn from(meta: &crate::Meta) -> Self {
        let vary = meta
            .vary
            .as_ref()
            .map(|vary| Vary { names: vary.names().map(Into::into).collect(), key: vary.key.to_string() });
        Self {
            status: meta.status,
            headers: fields(&meta.headers),
            born_ms: meta.born_ms,
            age: meta.age,
            ttl: millis(meta.ttl),
            vary,
            anonymous: meta.anonymous,
        }
    }
}

impl TryFrom<&Meta> for crate::Meta {
    type Error = BadField;

    fn try_from(meta: &Meta) -> Result<Self, BadField> {
        let vary = meta.vary.as_ref().map(vary).transpose()?;
        Ok(Self {
            status: meta.status,
            headers: header_map(meta.headers.iter().map(|(name, value)| (name, value)))?,
            born_ms: meta.born_ms,
            age: meta.age,
            ttl: Duration::from_millis(meta.ttl),
            vary,
            anonymous: meta.anonymous,
        })
    }
}

fn vary(vary: &Vary) -> Result<crate::Vary, BadField> {
    let name = |name: &String| name.parse().map_err(|_| BadField { name: name.clone() });
    Ok(crate::Vary {
        names: vary.names.iter().map(name).collect::<Result<_, _>>()?,
        key: vary.key.as_str().into(),
    })
}

/// [`Match`](crate::Match): `"yes"`, `"too_old"` or `{"other": key}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// Serve it.
    Yes,
    /// Look up this key, once.
    Other(String),
    /// Run the handler.
    TooOld,
}

impl From<crate::Match> for Match {
    fn from(found: crate::Match) -> Self {
        match found {
            crate::Match::Yes => Self::Yes,
            crate::Match::Other(key) => Self::Other(key),
            crate::Match::TooOld => Self::TooOld,
        }
    }
}

/// [`Answer`](crate::Answer).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// All of them.
    pub headers: Fields,
    /// Whether the stored body follows.
    pub with_body: bool,
}

impl From<&crate::Answer> for Answer {
    fn from(answer: &crate::Answer) -> Self {
        Self { status: answer.status, headers: fields(&answer.headers), with_body: answer.with_body }
    }
}

/// The way of [`How::word`].
pub fn how(word: &str) -> Option<How> {
    [How::Hit, How::Miss, How::Stale, How::Coalesced, How::Bypass].into_iter().find(|how| how.word() == word)
}

/// The reason of [`Reason::word`].
pub fn reason(word: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.word() == word)
}
