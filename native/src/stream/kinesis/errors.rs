//! Failures of the SDK, sorted for the core and explained for a person.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kinesis::config::http::HttpResponse;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::result::DispatchFailure;
use snowmelt_core::follower::CallError;
use snowmelt_core::protocol::{self, Operation, Place, Refusal};

/// Where calls go, and how long they may take.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) place: Place,
    pub(super) connect_timeout: Duration,
    pub(super) call_timeout: Duration,
}

/// Sorts a failed call.
pub(super) fn sort<E>(
    operation: Operation,
    way: &Way,
    date: Option<u64>,
    error: &SdkError<E, HttpResponse>,
) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Way { place, connect_timeout, call_timeout } = way;
    let sorted = match error {
        SdkError::ServiceError(context) => {
            let meta = context.err().meta();
            let refusal = Refusal {
                code: meta.code().unwrap_or_default(),
                message: meta.message().unwrap_or_default(),
                status: Some(context.raw().status().as_u16()),
            };
            protocol::refused(operation, place, &refusal, date)
        }
        SdkError::ResponseError(context) => {
            protocol::unreadable(operation, context.raw().status().as_u16(), &causes(error), date)
        }
        SdkError::TimeoutError(_) => protocol::timed_out(operation, place, *call_timeout),
        // The SDK's only time-out below the whole call's is that for connecting.
        SdkError::DispatchFailure(failure) if failure.is_timeout() && credentials_error(error).is_none() => {
            protocol::no_connection(operation, place, *connect_timeout, &below(failure))
        }
        _ => not_sent(operation, place, error),
    };
    CallError { date, ..sorted }
}

/// A call that never left, or whose answer never came whole.
fn not_sent<E>(operation: Operation, place: &Place, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: Error + 'static,
{
    if let Some(cause) = credentials_error(error) {
        return protocol::no_credentials(operation, &causes(cause));
    }
    match error {
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            protocol::out_of_reach(operation, place, &below(failure))
        }
        SdkError::DispatchFailure(failure) => protocol::broken_off(operation, place, &below(failure)),
        _ => protocol::not_sent(operation, &causes(error)),
    }
}

/// What lies below the SDK's own layers, whose words ("dispatch failure") help
/// nobody.
fn below(failure: &DispatchFailure) -> String {
    failure.as_connector_error().and_then(Error::source).map(causes).unwrap_or_default()
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
