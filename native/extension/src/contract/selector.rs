//! Which version of a parameter is asked for.

use thiserror::Error;

use crate::http::shown;
use crate::origin::ParameterAsk;

/// A parameter's name or ARN, and its version or label, if one is selected.
pub(super) struct Selected<'a> {
    pub(super) name: &'a str,
    pub(super) version: Option<i64>,
    pub(super) label: Option<String>,
}

/// A selector that begins as a version and is none.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("the version {0} is none: give a whole number from 1 on")]
pub(super) struct NoVersion(String);

impl<'a> Selected<'a> {
    /// Reads `name`, `name:version` or `name:label`, as `GetParameter` does.
    pub(super) fn of(name: &'a str) -> Result<Self, NoVersion> {
        // The first five colons of an ARN are its own.
        let own = if name.starts_with("arn:") { 5 } else { 0 };
        let Some((at, _)) = name.match_indices(':').nth(own) else {
            return Ok(Self { name, version: None, label: None });
        };
        let (name, selector) = (&name[..at], &name[at + 1..]);
        // No label begins with a digit.
        if selector.starts_with(|first: char| first.is_ascii_digit()) {
            return Ok(Self { name, version: Some(version(selector)?), label: None });
        }
        Ok(Self { name, version: None, label: Some(selector.to_owned()) })
    }

    /// Whether one version is selected.
    pub(super) fn is_one(&self) -> bool {
        self.version.is_some() || self.label.is_some()
    }

    pub(super) fn ask(self, with_decryption: bool, region: Option<String>) -> ParameterAsk {
        let Self { name, version, label } = self;
        ParameterAsk { name: name.to_owned(), version, label, with_decryption, region }
    }
}

/// A version's number.
pub(super) fn version(text: &str) -> Result<i64, NoVersion> {
    let parsed = text.parse().ok().filter(|version| *version > 0);
    parsed.ok_or_else(|| NoVersion(shown(text.as_bytes())))
}
