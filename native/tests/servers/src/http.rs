//! Just enough HTTP/1.1 to speak the JSON protocol of AWS.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// An answer of the service that was not a success, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The HTTP status; 0 if there was no answer.
    pub status: u16,
    /// `__type`, without its namespace.
    pub code: String,
    /// What the service says of it.
    pub message: String,
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)
    }
}

impl std::error::Error for ServiceError {}

/// A service that speaks JSON.
#[derive(Clone, Copy)]
pub(crate) struct Api {
    /// What `X-Amz-Target` has before the operation.
    pub(crate) target: &'static str,
    /// The service's name in a signature.
    pub(crate) signing: &'static str,
    /// The version of the protocol.
    pub(crate) json: &'static str,
}

pub(crate) struct Answer {
    pub(crate) date: String,
    pub(crate) body: Value,
}

pub(crate) fn call(
    address: &str,
    api: Api,
    region: &str,
    operation: &str,
    input: &Value,
) -> Result<Answer, ServiceError> {
    let head = head(address, api, region, operation);
    let answer = exchange(address, &head, &input.to_string()).map_err(|error| ServiceError {
        status: 0,
        code: "NoAnswer".into(),
        message: error.to_string(),
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body: Value = serde_json::from_str(body.trim()).unwrap_or(Value::Null);
    if status == 200 {
        return Ok(Answer { date: header(head, "date"), body });
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let code = text("__type").rsplit('#').next().unwrap_or_default().to_owned();
    Err(ServiceError { status, code, message: text("message") + &text("Message") })
}

/// Signatures are not checked; their shape is, and a region is read off them.
fn head(address: &str, api: Api, region: &str, operation: &str) -> String {
    let Api { target, signing, json } = api;
    format!(
        "POST / HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/x-amz-json-{json}\r\n\
         X-Amz-Target: {target}.{operation}\r\nX-Amz-Date: 20260101T000000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{signing}/aws4_request, \
         SignedHeaders=host, Signature=0\r\nConnection: close\r\n"
    )
}

fn exchange(address: &str, head: &str, body: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(30)))?;
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    connection.write_all(request.as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

fn header(head: &str, name: &str) -> String {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}
