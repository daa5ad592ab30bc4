//! `POST /invalidate`.

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use serde::Deserialize;
use serde_json::json;
use snowmelt::{Cache, InvalidateError, Invalidation};

use super::{Blob, Refusal, ask, bad, refusal, with_type};
use crate::http::{Answer, Response};

/// The longest body that is read as JSON.
const MOST: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Body {
    keys: Vec<String>,
    tags: Vec<String>,
    prefixes: Vec<String>,
    all: bool,
}

/// The local part is done when this returns. The write goes on if the client
/// goes away.
pub(super) fn invalidate<V: Blob>(cache: &Cache<V>, body: &Bytes) -> Result<Answer, Refusal> {
    if body.len() > MOST {
        let message = format!("the body is longer than {MOST} bytes: send several requests");
        return Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, "BodyTooLarge", &message));
    }
    let Body { keys, tags, prefixes, all } =
        serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    let writing = cache.invalidate(Invalidation { keys, tags, prefixes, all });
    Ok(Answer::Later(Box::pin(async move {
        match writing.await {
            Ok(position) => position_of(&position.to_string()),
            Err(error) => *refused(&error),
        }
    })))
}

fn position_of(token: &str) -> Response {
    with_type(json!({ "position": token }).to_string(), HeaderValue::from_static("application/json"))
}

/// Without serde's own words: they quote the body.
fn malformed(error: &serde_json::Error) -> Refusal {
    let message = format!(
        r#"the body is not understood at line {}, column {}: send a JSON object such as {{"keys":["users/1"],"tags":["tenant:7"],"prefixes":["orders/"],"all":false}}, each field optional"#,
        error.line(),
        error.column()
    );
    bad("InvalidBody", &message)
}

fn refused(error: &InvalidateError) -> Refusal {
    match error {
        InvalidateError::Input(error) => ask::input(error),
        InvalidateError::Write(write) => refusal(StatusCode::BAD_GATEWAY, write.code(), &error.to_string()),
        _ => refusal(StatusCode::BAD_GATEWAY, "Interrupted", &error.to_string()),
    }
}
