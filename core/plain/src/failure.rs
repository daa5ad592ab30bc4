//! Failures as plain data: the message of the error that a binding raises is
//! one of these as JSON, and its other side makes an exception of the language
//! of it.

use serde::Serialize;
use snowmelt_core::codes::CLOSED;
use snowmelt_core::{ConfigError, InputError, WriteError};

use crate::words::kind_name;

/// What went wrong.
#[derive(Clone, Debug)]
pub struct Failure(Box<Details>);

/// What does not apply is left out.
#[derive(Clone, Debug, Default, Serialize)]
struct Details {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unwritten: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// The type is to blame, whatever the value.
    #[serde(rename = "type", skip_serializing_if = "std::ops::Not::not")]
    wrong_type: bool,
}

impl Failure {
    /// A failure with one of the core's codes.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Details { code, message: message.into(), ..Details::default() }.into()
    }

    /// The cache was closed.
    pub fn closed() -> Self {
        Self::new(CLOSED, "the cache was closed: make a new one")
    }

    /// Its code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// Cause and remedy.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The error's message: an object with `code`, `message` and what applies of
    /// `option`, `value`, `what`, `bytes`, `most`, `unwritten`, `kind` and
    /// `type` (true where the type is to blame).
    pub fn json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_else(|_| self.0.message.clone())
    }
}

impl From<Details> for Failure {
    fn from(details: Details) -> Self {
        Self(Box::new(details))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        let (option, value, wrong_type) = (Some(error.option.into()), Some(error.value), error.wrong_type);
        Details { code, message, option, value, wrong_type, ..Details::default() }.into()
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        let details = Details { code, message, ..Details::default() };
        let details = match error {
            InputError::Empty { what } => Details { kind: Some("empty"), what: Some(what), ..details },
            InputError::TooLong { what, bytes, most } => {
                let (bytes, most) = (Some(bytes), Some(most));
                Details { kind: Some("too_long"), what: Some(what), bytes, most, ..details }
            }
            InputError::NothingToInvalidate => Details { kind: Some("nothing_to_invalidate"), ..details },
            InputError::NotInFormat { what } => {
                Details { kind: Some("not_in_format"), what: Some(what), ..details }
            }
            InputError::BadToken { .. } => Details { kind: Some("bad_token"), ..details },
            InputError::OtherStream => Details { kind: Some("other_stream"), ..details },
            _ => details,
        };
        details.into()
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        let (unwritten, kind) = (Some(error.unwritten), Some(kind_name(error.kind)));
        Details { code, message, unwritten, kind, ..Details::default() }.into()
    }
}
