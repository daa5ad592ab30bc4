//! Reading the fields of a request and writing those of an answer.

use serde_json::{Value, json};

use crate::model::HashRange;

/// An error answer: its code and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) code: String,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    pub(super) fn missing(field: &str) -> Self {
        Self::new("ValidationException", format!("{field} is missing or of the wrong type"))
    }
}

impl From<crate::model::Fault> for ApiError {
    fn from(fault: crate::model::Fault) -> Self {
        Self::new(fault.code, fault.message)
    }
}

pub(super) fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, ApiError> {
    body[field].as_str().ok_or_else(|| ApiError::missing(field))
}

/// An absent or null field is `None`; another type is refused.
pub(super) fn number(body: &Value, field: &str) -> Result<Option<u32>, ApiError> {
    match &body[field] {
        Value::Null => Ok(None),
        value => match value.as_u64().and_then(|n| u32::try_from(n).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(ApiError::missing(field)),
        },
    }
}

pub(super) fn hash_key(body: &Value, field: &str) -> Result<u128, ApiError> {
    text(body, field)?.parse().map_err(|_| ApiError::missing(field))
}

/// Timestamps are seconds since the epoch, with a fraction (AWS JSON 1.1).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to u64")]
pub(super) fn timestamp(body: &Value, field: &str) -> Result<u64, ApiError> {
    let seconds = body[field].as_f64().ok_or_else(|| ApiError::missing(field))?;
    Ok((seconds * 1000.0).round().max(0.0) as u64)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit in 52 bits")]
pub(super) fn seconds(ms: u64) -> Value {
    json!(ms as f64 / 1000.0)
}

/// The stream's name, from `StreamName` or the end of `StreamARN`.
pub(super) fn stream_name(body: &Value) -> Result<&str, ApiError> {
    if let Some(name) = body["StreamName"].as_str() {
        return Ok(name);
    }
    let arn = body["StreamARN"].as_str().and_then(|arn| arn.split_once("stream/"));
    arn.map(|(_, name)| name).ok_or_else(|| ApiError::missing("StreamName"))
}

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:kinesis:us-east-1:000000000000:stream/{name}")
}

pub(super) fn hash_range(range: HashRange) -> Value {
    json!({
        "StartingHashKey": range.start.to_string(),
        "EndingHashKey": range.end.to_string(),
    })
}

/// Sets a field only if there is a value: absent is not null to every client.
pub(super) fn set(object: &mut Value, field: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[field] = value.into();
    }
}
