//! Answers that say what went wrong.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;

/// `{"error":{"code":…,"message":…}}`. The message names the thing and the
/// remedy, and must hold no secret.
pub fn problem(status: StatusCode, code: &str, message: &str) -> super::Response {
    let body = json!({ "error": { "code": code, "message": message } });
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A value of a client's as a message shows it: its beginning, escaped.
pub(crate) fn shown(value: &[u8]) -> String {
    const MOST: usize = 80;
    let text = value.get(..MOST).unwrap_or(value).escape_ascii();
    if value.len() > MOST { format!("\"{text}…\"") } else { format!("\"{text}\"") }
}
