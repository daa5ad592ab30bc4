//! What is answered, byte for byte.

use std::io;

use aws_smithy_types::DateTime;
use aws_smithy_types::base64;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::item::{self, ItemError};
use crate::origin::{Fetched, Parameter, Secret};

use super::stored::Stored;
use super::wanted::Form;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The body of what was fetched, in a form.
///
/// # Errors
///
/// If that is no form of it, or an item cannot be written.
pub(super) fn of(fetched: &Fetched, form: Form) -> Result<Stored, String> {
    let (body, content_type): (Bytes, _) = match (form, fetched) {
        (Form::Plain, Fetched::Parameter(parameter)) => (parameter.value.clone().into(), TEXT),
        (Form::Plain, Fetched::Secret(secret)) => match (&secret.string, &secret.binary) {
            (Some(text), _) => (text.clone().into(), TEXT),
            (None, binary) => (binary.clone().unwrap_or_default().into(), BINARY),
        },
        (Form::Aws, Fetched::Parameter(parameter)) => (go_json(&ParameterAnswer::of(parameter)), JSON),
        (Form::Aws, Fetched::Secret(secret)) => (go_json(&SecretAnswer::of(secret)), JSON),
        (Form::Item, Fetched::Item(item)) => (item_json(item::plain(item))?, JSON),
        (Form::TypedItem, Fetched::Item(item)) => (item_json(item::typed(item))?, JSON),
        _ => return Err("the origin answered something else than was asked for".into()),
    };
    Ok(Stored::new(body, content_type))
}

fn item_json(written: Result<Vec<u8>, ItemError>) -> Result<Bytes, String> {
    written.map(Bytes::from).map_err(|error| error.to_string())
}

/// `GetParameterOutput` of the AWS SDK for Go, version 2, as `encoding/json`
/// prints it: what AWS's extension answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterAnswer<'a> {
    parameter: ParameterFields<'a>,
    result_metadata: Empty,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterFields<'a> {
    #[serde(rename = "ARN")]
    arn: &'a str,
    data_type: Option<&'a str>,
    last_modified_date: Option<String>,
    name: &'a str,
    selector: Option<&'a str>,
    source_result: Option<&'a str>,
    r#type: &'a str,
    value: &'a str,
    version: i64,
}

/// `GetSecretValueOutput`, likewise.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SecretAnswer<'a> {
    #[serde(rename = "ARN")]
    arn: &'a str,
    created_date: Option<String>,
    name: &'a str,
    secret_binary: Option<String>,
    secret_string: Option<&'a str>,
    version_id: Option<&'a str>,
    version_stages: Option<&'a [String]>,
    result_metadata: Empty,
}

#[derive(Serialize)]
struct Empty {}

impl<'a> ParameterAnswer<'a> {
    fn of(parameter: &'a Parameter) -> Self {
        let parameter = ParameterFields {
            arn: &parameter.arn,
            data_type: parameter.data_type.as_deref(),
            last_modified_date: date(parameter.last_modified),
            name: &parameter.name,
            selector: parameter.selector.as_deref(),
            source_result: parameter.source_result.as_deref(),
            r#type: &parameter.kind,
            value: &parameter.value,
            version: parameter.version,
        };
        Self { parameter, result_metadata: Empty {} }
    }
}

impl<'a> SecretAnswer<'a> {
    fn of(secret: &'a Secret) -> Self {
        Self {
            arn: &secret.arn,
            created_date: date(secret.created),
            name: &secret.name,
            secret_binary: secret.binary.as_deref().map(base64::encode),
            secret_string: secret.string.as_deref(),
            version_id: secret.version_id.as_deref(),
            version_stages: Some(&*secret.stages).filter(|stages| !stages.is_empty()),
            result_metadata: Empty {},
        }
    }
}

/// As Go prints a `time.Time`: to the millisecond that the service gave,
/// without zeros at the end.
fn date(seconds: Option<f64>) -> Option<String> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is no date then")]
    let millis = (seconds? * 1000.0).round() as i64;
    DateTime::from_millis(millis).fmt(Format::DateTime).ok()
}

fn go_json(answer: &impl Serialize) -> Bytes {
    let mut body = Vec::with_capacity(512);
    // Writing texts to a vector cannot fail.
    let _ = answer.serialize(&mut Serializer::with_formatter(&mut body, GoFormatter));
    body.into()
}

/// Go escapes what could end a script in a page.
struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (before, special) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut chars = special.chars();
            if let Some(special) = chars.next() {
                write!(writer, "\\u{:04x}", u32::from(special))?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests;
