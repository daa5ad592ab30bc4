//! Failures of the SDK, sorted.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{DispatchFailure, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::origin::OriginError;
use crate::origin::error::{Call, Refusal};

/// Sorts a failed call; `None` if it failed because there is no such thing.
pub(super) fn sort<E>(call: Call<'_>, error: &SdkError<E, HttpResponse>) -> Option<OriginError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    Some(match error {
        SdkError::ServiceError(context) => {
            let meta = context.err().meta();
            let code = meta.code().unwrap_or_default();
            let status = context.raw().status().as_u16();
            // Anything but JSON can be answered too, by a proxy for one.
            if (200..400).contains(&status) || code.is_empty() && meta.message().is_none() {
                return Some(call.unreadable(status));
            }
            if call.operation.is_nothing(code) {
                return None;
            }
            call.refused(Refusal { code, message: meta.message().unwrap_or_default(), status })
        }
        SdkError::ResponseError(context) => call.unreadable(context.raw().status().as_u16()),
        _ => not_answered(call, error),
    })
}

/// Whether the service answered, well or not.
pub(super) fn answered<E>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(_) | SdkError::ResponseError(_))
}

fn not_answered<E: Error + 'static>(call: Call<'_>, error: &SdkError<E, HttpResponse>) -> OriginError {
    if let Some(cause) = chain(error).find_map(|cause| cause.downcast_ref::<CredentialsError>()) {
        return call.no_credentials(&causes(cause));
    }
    match error {
        // The only time-out that the SDK has here is that for connecting.
        SdkError::TimeoutError(_) => call.no_connection(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => call.no_connection(),
        SdkError::DispatchFailure(failure) => call.out_of_reach(&below(failure)),
        _ => call.nonsense(&causes(error)),
    }
}

/// What lies below the SDK's own layers, whose words ("dispatch failure") help
/// nobody.
fn below(failure: &DispatchFailure) -> String {
    failure.as_connector_error().and_then(Error::source).map(causes).unwrap_or_default()
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
