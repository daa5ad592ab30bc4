//! Failed calls, sorted for the core and explained for a person.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use serde_json::Value;

use super::Operation;
use crate::follower::{CallError, CallErrorKind};

impl Operation {
    /// What a role must allow. All that reading needs at once, so that nobody
    /// is told of three missing actions one after the other.
    const fn actions(self) -> &'static str {
        match self {
            Self::PutRecords => "kinesis:PutRecords",
            _ => "kinesis:ListShards, kinesis:GetShardIterator and kinesis:GetRecords",
        }
    }

    /// What a role must allow on the key of an encrypted stream.
    const fn kms_action(self) -> &'static str {
        match self {
            Self::PutRecords => "kms:GenerateDataKey",
            _ => "kms:Decrypt",
        }
    }
}

/// What messages say about where a call went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The stream's name.
    pub stream: String,
    /// The region.
    pub region: String,
    /// The endpoint's URL, if it is not the region's own.
    pub endpoint: Option<String>,
}

impl Place {
    /// The endpoint's URL.
    pub fn url(&self) -> String {
        let suffix = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let regional = || format!("https://kinesis.{}.{suffix}", self.region);
        self.endpoint.clone().unwrap_or_else(regional)
    }

    /// How a call could not get through, most of the time.
    fn remedy(&self) -> String {
        match &self.endpoint {
            Some(url) => format!("check that something listens at {url} and can be reached from here"),
            None => format!(
                "in a VPC, add an interface endpoint for com.amazonaws.{}.kinesis-streams whose security group admits \
                 port 443, or a NAT gateway",
                self.region
            ),
        }
    }
}

/// What the service said when it refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// The exception's name. A namespace before it (`com.amazonaws.kinesis#`)
    /// and an address after it (`:http://`) are left out.
    pub code: &'a str,
    /// What it says.
    pub message: &'a str,
    /// The HTTP status, where the host knows it.
    pub status: Option<u16>,
}

impl<'a> Refusal<'a> {
    /// A refusal from what an HTTP client has: the status, the header
    /// `x-amzn-ErrorType` if there is one, and the body (JSON null if it
    /// is no JSON). The header comes first, as in the SDKs.
    pub fn read(status: u16, error_type: Option<&'a str>, body: &'a Value) -> Self {
        let member = |name| body.get(name).and_then(Value::as_str);
        let code = error_type.filter(|code| !code.is_empty()).or_else(|| member("__type"));
        let message = member("message").or_else(|| member("Message"));
        Self {
            code: code.or_else(|| member("code")).unwrap_or_default(),
            message: message.unwrap_or_default(),
            status: Some(status),
        }
    }

    /// The exception's name alone.
    fn name(&self) -> &'a str {
        let name = self.code.split(':').next().unwrap_or_default();
        name.rsplit('#').next().unwrap_or_default().trim()
    }

    /// "Code: message", or the HTTP status where there is neither.
    fn said(&self) -> String {
        let http = self.status.map(|status| format!("HTTP {status}"));
        match (self.name(), self.message, http) {
            ("", "", None) => "no reason was given".into(),
            ("", "", Some(http)) => http,
            (code, "", None) => code.into(),
            (code, "", Some(http)) => format!("{code} ({http})"),
            ("", message, None) => message.into(),
            ("", message, Some(http)) => format!("{http}: {message}"),
            (code, message, _) => format!("{code}: {message}"),
        }
    }
}

/// The service refused a call.
pub fn refused(operation: Operation, place: &Place, refusal: &Refusal<'_>, date: Option<u64>) -> CallError {
    let kind = code_kind(refusal.name())
        .unwrap_or_else(|| refusal.status.map_or(CallErrorKind::Failed, status_kind));
    let Place { stream, region, .. } = place;
    let name = operation.name();
    let said = refusal.said();
    let message = match kind {
        CallErrorKind::Denied => {
            format!("{name} on stream {stream} was denied: {said}; {}", grant(operation, place, refusal))
        }
        CallErrorKind::NotFound => {
            format!("{name} found no stream {stream} in {region}: {said}; check the name and the region")
        }
        CallErrorKind::Throttled => format!("{name} on stream {stream} was throttled: {said}"),
        _ => format!("{name} on stream {stream} in {region} failed: {said}"),
    };
    CallError { kind, message, date }
}

/// An answer that makes no sense.
pub fn nonsense(operation: Operation, date: Option<u64>, what: &str) -> CallError {
    let message = format!("the answer to {} makes no sense: {what}", operation.name());
    CallError { kind: CallErrorKind::Failed, message, date }
}

/// An answer that could not be read, and what the reader says of it; sorted by
/// its HTTP status.
pub fn unreadable(operation: Operation, status: u16, cause: &str, date: Option<u64>) -> CallError {
    let message = format!("{} was answered with HTTP {status}: {cause}", operation.name());
    CallError { kind: status_kind(status), message, date }
}

/// No answer came in time.
pub fn timed_out(operation: Operation, place: &Place, after: Duration) -> CallError {
    let Place { stream, .. } = place;
    let url = place.url();
    let message =
        format!("{} on stream {stream} had no answer from {url} within {after:?}", operation.name());
    CallError { kind: CallErrorKind::TimedOut, message, date: None }
}

/// No connection could be made in time; `cause` is what the HTTP client says.
pub fn no_connection(operation: Operation, place: &Place, after: Duration, cause: &str) -> CallError {
    let name = operation.name();
    let (url, remedy) = (place.url(), place.remedy());
    let message = format!("{name} could not connect to {url} within {after:?} ({cause}); {remedy}");
    CallError { kind: CallErrorKind::TimedOut, message, date: None }
}

/// The endpoint could not be reached: no such host, connection refused, no
/// route. Also for a host whose HTTP client does not tell how a call failed.
pub fn out_of_reach(operation: Operation, place: &Place, cause: &str) -> CallError {
    let name = operation.name();
    failed(format!("{name} could not reach {} ({cause}); {}", place.url(), place.remedy()))
}

/// The connection was lost before the answer had come whole.
pub fn broken_off(operation: Operation, place: &Place, cause: &str) -> CallError {
    failed(format!("{} to {} broke off: {cause}", operation.name(), place.url()))
}

/// The call could not be made, for a reason on this side.
pub fn not_sent(operation: Operation, cause: &str) -> CallError {
    failed(format!("{} could not be sent: {cause}", operation.name()))
}

/// There was nothing to sign the call with.
pub fn no_credentials(operation: Operation, cause: &str) -> CallError {
    let name = operation.name();
    let message = format!(
        "{name} has no AWS credentials: {cause}; give the function a role, or set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY"
    );
    CallError { kind: CallErrorKind::Denied, message, date: None }
}

fn failed(message: String) -> CallError {
    CallError { kind: CallErrorKind::Failed, message, date: None }
}

/// Exception names as the Kinesis API reference has them under each operation
/// and under "Common Errors", without the suffixes that differ by protocol.
fn code_kind(code: &str) -> Option<CallErrorKind> {
    Some(match code {
        "ProvisionedThroughputExceededException"
        | "LimitExceededException"
        | "KMSThrottlingException"
        | "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestLimitExceeded"
        | "TooManyRequestsException" => CallErrorKind::Throttled,
        "ExpiredIteratorException" | "ExpiredNextTokenException" => CallErrorKind::Expired,
        "InvalidArgumentException" | "ValidationException" | "ValidationError" => CallErrorKind::Refused,
        "ResourceNotFoundException" => CallErrorKind::NotFound,
        "AccessDeniedException"
        | "AccessDenied"
        | "NotAuthorized"
        | "OptInRequired"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "KMSAccessDeniedException"
        | "KMSDisabledException"
        | "KMSInvalidStateException"
        | "KMSNotFoundException"
        | "KMSOptInRequired" => CallErrorKind::Denied,
        _ => return None,
    })
}

fn status_kind(status: u16) -> CallErrorKind {
    match status {
        429 => CallErrorKind::Throttled,
        401 | 403 => CallErrorKind::Denied,
        _ => CallErrorKind::Failed,
    }
}

/// How to be let in.
fn grant(operation: Operation, place: &Place, refusal: &Refusal<'_>) -> String {
    let Place { stream, region, .. } = place;
    match refusal.name() {
        "KMSDisabledException" | "KMSInvalidStateException" | "KMSNotFoundException" | "KMSOptInRequired" => {
            "the stream is encrypted, and its KMS key must exist and be enabled".into()
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            "the credentials have expired; renew them, and check this machine's clock".into()
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => format!(
            "the credentials are not valid in region {region}: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
             AWS_SESSION_TOKEN, the region, and this machine's clock"
        ),
        code if code.starts_with("KMS") || refusal.message.contains("kms:") => {
            format!(
                "the stream is encrypted: allow {} on its KMS key in the role's policy",
                operation.kms_action()
            )
        }
        _ => format!(
            "allow {} on arn:aws:kinesis:{region}:ACCOUNT:stream/{stream} in the role's policy",
            operation.actions()
        ),
    }
}
