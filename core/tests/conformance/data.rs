//! How the transcripts write bytes, names and times.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

/// The bytes of a record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bytes {
    /// As compact JSON.
    Json(Value),
    Text(String),
    Base64(String),
    /// `before`, then `text` so many `times`, then `after`.
    Repeat(Repeat),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeat {
    #[serde(default)]
    before: String,
    text: String,
    times: usize,
    #[serde(default)]
    after: String,
}

impl Bytes {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Json(value) => value.to_string().into_bytes(),
            Self::Text(text) => text.clone().into_bytes(),
            Self::Base64(text) => STANDARD.decode(text).expect("base64 in a transcript"),
            Self::Repeat(Repeat { before, text, times, after }) => {
                [before.as_str(), &text.repeat(*times), after].concat().into_bytes()
            }
        }
    }
}

/// A key, tag or prefix; or many of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Name {
    Plain(String),
    Repeated(Repeated),
    Numbered(Numbered),
}

/// One name: `repeat` so many `times`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeated {
    repeat: String,
    times: usize,
}

/// Names: `numbered` followed by 0, 1, … up to `count` of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Numbered {
    numbered: String,
    count: usize,
}

pub(crate) fn names(names: &[Name]) -> Vec<String> {
    names.iter().flat_map(expand).collect()
}

fn expand(name: &Name) -> Vec<String> {
    match name {
        Name::Plain(text) => vec![text.clone()],
        Name::Repeated(Repeated { repeat, times }) => vec![repeat.repeat(*times)],
        Name::Numbered(Numbered { numbered, count }) => {
            (0..*count).map(|n| format!("{numbered}{n}")).collect()
        }
    }
}

/// The wall clock's reading at a transcript's start.
pub(crate) const START: u64 = 1_790_000_000_000;
/// The monotonic clock's reading at a transcript's start.
pub(crate) const MONOTONIC_START: u64 = 1_000_000_000;

/// A transcript's time in milliseconds since the Unix epoch.
pub(crate) fn wall(time: i64) -> u64 {
    START.checked_add_signed(time).expect("a time after the epoch")
}

/// Milliseconds since the Unix epoch as a transcript writes them.
pub(crate) fn since_start(millis: u64) -> i64 {
    millis.cast_signed() - START.cast_signed()
}
