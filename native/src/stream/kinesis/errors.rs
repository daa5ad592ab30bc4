//! Failures of the SDK, sorted for the core and explained for a person.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kinesis::config::http::HttpResponse;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use snowmelt_core::follower::{CallError, CallErrorKind};

/// The operations a transport uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    ListShards,
    GetShardIterator,
    GetRecords,
    PutRecords,
}

impl Operation {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ListShards => "ListShards",
            Self::GetShardIterator => "GetShardIterator",
            Self::GetRecords => "GetRecords",
            Self::PutRecords => "PutRecords",
        }
    }

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
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) stream: String,
    pub(super) region: String,
    /// The endpoint, if it is not the region's own.
    pub(super) endpoint: Option<String>,
    pub(super) connect_timeout: Duration,
    pub(super) call_timeout: Duration,
}

impl Place {
    fn url(&self) -> String {
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

/// Sorts a failed call.
pub(super) fn sort<E>(
    operation: Operation,
    place: &Place,
    date: Option<u64>,
    error: &SdkError<E, HttpResponse>,
) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (kind, message) = match error {
        SdkError::ServiceError(context) => {
            let meta = context.err().meta();
            let refusal = Refusal {
                code: meta.code().unwrap_or_default(),
                message: meta.message().unwrap_or_default(),
                status: context.raw().status().as_u16(),
            };
            refused(operation, place, &refusal)
        }
        SdkError::ResponseError(context) => {
            let status = context.raw().status().as_u16();
            let text = format!("{} was answered with HTTP {status}: {}", operation.name(), causes(error));
            (status_kind(status), text)
        }
        SdkError::TimeoutError(_) => (CallErrorKind::TimedOut, no_answer(operation, place)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() && credentials_error(error).is_none() => {
            (CallErrorKind::TimedOut, no_connection(operation, place, failure.as_connector_error()))
        }
        _ => not_sent(operation, place, error),
    };
    CallError { kind, message, date }
}

/// An answer that makes no sense.
pub(super) fn nonsense(operation: Operation, date: Option<u64>, what: &str) -> CallError {
    let message = format!("the answer to {} makes no sense: {what}", operation.name());
    CallError { kind: CallErrorKind::Failed, message, date }
}

/// What the service said when it refused.
struct Refusal<'a> {
    code: &'a str,
    message: &'a str,
    status: u16,
}

impl Refusal<'_> {
    /// "Code: message", or the HTTP status where there is neither.
    fn said(&self) -> String {
        match (self.code, self.message) {
            ("", "") => format!("HTTP {}", self.status),
            (code, "") => format!("{code} (HTTP {})", self.status),
            ("", message) => format!("HTTP {}: {message}", self.status),
            (code, message) => format!("{code}: {message}"),
        }
    }
}

fn refused(operation: Operation, place: &Place, refusal: &Refusal<'_>) -> (CallErrorKind, String) {
    let kind = code_kind(refusal.code).unwrap_or_else(|| status_kind(refusal.status));
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
    (kind, message)
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
    match refusal.code {
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

fn no_answer(operation: Operation, place: &Place) -> String {
    let Place { call_timeout, stream, .. } = place;
    let url = place.url();
    format!("{} on stream {stream} had no answer from {url} within {call_timeout:?}", operation.name())
}

/// The SDK's only time-out below the whole call's is that for connecting.
fn no_connection(operation: Operation, place: &Place, cause: Option<&(impl Error + 'static)>) -> String {
    let name = operation.name();
    let (url, remedy) = (place.url(), place.remedy());
    let within = place.connect_timeout;
    let cause = cause.and_then(Error::source).map(causes).unwrap_or_default();
    format!("{name} could not connect to {url} within {within:?} ({cause}); {remedy}")
}

/// A call that never left, or whose answer never came whole.
fn not_sent<E>(
    operation: Operation,
    place: &Place,
    error: &SdkError<E, HttpResponse>,
) -> (CallErrorKind, String)
where
    E: Error + 'static,
{
    let name = operation.name();
    if let Some(cause) = credentials_error(error) {
        let message = format!(
            "{name} has no AWS credentials: {}; give the function a role, or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
            causes(cause)
        );
        return (CallErrorKind::Denied, message);
    }
    let message = match error {
        SdkError::DispatchFailure(failure) => {
            // Below the SDK's own layers, whose words ("dispatch failure") help nobody.
            let cause = failure.as_connector_error().and_then(Error::source).map(causes).unwrap_or_default();
            if failure.is_io() {
                format!("{name} could not reach {} ({cause}); {}", place.url(), place.remedy())
            } else {
                format!("{name} to {} broke off: {cause}", place.url())
            }
        }
        _ => format!("{name} could not be sent: {}", causes(error)),
    };
    (CallErrorKind::Failed, message)
}

fn credentials_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// The texts of an error and its sources, from the outside in, each once.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in chain(error) {
        let part = cause.to_string();
        if text.contains(&part) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&part);
    }
    text
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests;
