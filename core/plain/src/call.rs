//! Calls to the stream, and their failures, for transports in other languages.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use snowmelt_core::codes::INVALID_ARGUMENT;
use snowmelt_core::follower::{Call, CallError, CallId};
use snowmelt_core::protocol::{self, Address, Operation, Place, Refusal};
use snowmelt_core::{ConfigError, StreamAddress};

use crate::Outcome;
use crate::failure::Failure;
use crate::words;

/// Where calls go, for requests and messages.
#[derive(Clone, Debug)]
pub struct StreamPlace {
    place: Place,
    arn: Option<String>,
}

impl StreamPlace {
    /// An object with `stream` (a name or an ARN) and perhaps `region` and
    /// `endpoint`; or only a stream's identity; or null.
    pub fn read(stream: &Value) -> Result<Self, ConfigError> {
        let text = |name: &str| stream.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(given) = text("stream") else {
            let stream = stream.as_str().unwrap_or_default().to_owned();
            return Ok(Self { place: Place { stream, region: String::new(), endpoint: None }, arn: None });
        };
        let address: StreamAddress = given.parse()?;
        let region = text("region").or_else(|| address.region().map(str::to_owned));
        let region = region.unwrap_or_else(|| "the transport's region".into());
        let place = Place { stream: address.name, region, endpoint: text("endpoint") };
        Ok(Self { place, arn: address.arn.map(|arn| arn.text) })
    }

    /// The stream's identity; none for a cache without one.
    pub fn identity(&self) -> Option<String> {
        Some(self.place.stream.clone()).filter(|stream| !stream.is_empty())
    }

    /// For messages.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// For requests.
    pub fn address(&self) -> Address<'_> {
        Address { name: &self.place.stream, arn: self.arn.as_deref() }
    }
}

/// Why a call brought no answer, as a transport in another language tells it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refused {
    /// The service's exception, or nothing.
    code: String,
    message: String,
    /// The HTTP status; 0 if there was no answer at all.
    status: u16,
    /// There was no answer in time.
    #[serde(alias = "timedOut")]
    timed_out: bool,
}

impl Refused {
    /// The same for the core.
    pub fn error(
        &self,
        operation: Operation,
        place: &StreamPlace,
        date: Option<f64>,
        call_timeout: Duration,
    ) -> CallError {
        let Self { code, message, status, timed_out } = self;
        let (place, date) = (place.place(), date.map(words::whole));
        if *timed_out {
            return protocol::timed_out(operation, place, call_timeout);
        }
        if code.is_empty() && *status == 0 {
            return protocol::out_of_reach(operation, place, message);
        }
        let status = Some(*status).filter(|status| *status != 0);
        protocol::refused(operation, place, &Refusal { code, message, status }, date)
    }
}

/// A call with its `id`, its `operation`, and the operation's `input` as the
/// Kinesis API's JSON has it.
pub fn call(call: &Call, place: &StreamPlace) -> Value {
    let (operation, input) = protocol::request(&call.request, place.address());
    json!({ "id": call.id.to_string(), "operation": operation.name(), "input": input })
}

/// The operation of that name.
pub fn operation(name: &str) -> Outcome<Operation> {
    Operation::from_name(name)
        .ok_or_else(|| Failure::new(INVALID_ARGUMENT, format!("there is no operation {name:?}")))
}

/// A call's id, as [`call`] wrote it.
pub fn call_id(id: &str) -> Outcome<CallId> {
    id.parse().map_err(|_| Failure::new(INVALID_ARGUMENT, format!("{id:?} is the id of no call")))
}
