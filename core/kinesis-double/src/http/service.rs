//! One call from its JSON to its answer: the model, the faults and the log
//! behind one lock. Nothing here waits or touches a socket.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

use super::faults::{Effect, Faults};
use super::fields::{ApiError, stream_name};
use super::operations::execute;
use crate::model::{Kinesis, code};

/// A call that the double was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The operation, such as `GetRecords`.
    pub operation: String,
    /// The stream, where the call names one (an iterator does).
    pub stream: Option<String>,
    /// The shard, likewise.
    pub shard: Option<String>,
    /// The error code of the answer; `None` when it was carried out and told so.
    pub error: Option<String>,
    /// The double's clock at the call.
    pub at: u64,
}

/// Load tests call for minutes; the log keeps what a test can want to read.
const LONGEST_LOG: usize = 100_000;

#[derive(Debug)]
pub(super) struct State {
    pub(super) kinesis: Kinesis,
    pub(super) faults: Faults,
    pub(super) calls: VecDeque<Call>,
    /// The double's clock minus the real one, in ms.
    pub(super) ahead: u64,
}

#[derive(Debug)]
pub(super) struct Service {
    state: Mutex<State>,
}

/// An answer, and how it is to be sent.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Bytes,
    pub(super) delay: Duration,
    /// Send half of it and reset the connection.
    pub(super) reset: bool,
    /// What the `Date` header says, in ms since the epoch.
    pub(super) date: u64,
}

impl State {
    pub(super) fn now(&self) -> u64 {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(real.as_millis()).unwrap_or(u64::MAX).saturating_add(self.ahead)
    }
}

impl Service {
    pub(super) fn new(kinesis: Kinesis) -> Self {
        let (faults, calls) = (Faults::default(), VecDeque::new());
        Self { state: Mutex::new(State { kinesis, faults, calls, ahead: 0 }) }
    }

    /// A test that panics inside the lock has failed already; the others go on.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one call.
    pub(super) fn call(&self, operation: &str, body: &[u8]) -> Reply {
        let body: Result<Value, _> = serde_json::from_slice(body);
        let mut guard = self.state();
        let state = &mut *guard;
        let now = state.now();
        let effects = state.faults.meet(operation);
        let (answer, call) = match body {
            Ok(body) => {
                let call = log_entry(&state.kinesis, now, operation, &body);
                (carry_out(&mut state.kinesis, now, operation, &body, &effects), call)
            }
            Err(error) => {
                let error = ApiError::new("SerializationException", error.to_string());
                (Err(Failure::Api(error)), log_entry(&state.kinesis, now, operation, &Value::Null))
            }
        };
        let error = answer.as_ref().err().map(|failure| failure.code().to_owned());
        if state.calls.len() >= LONGEST_LOG {
            state.calls.pop_front();
        }
        state.calls.push_back(Call { error, ..call });
        drop(guard);
        reply(now, answer, &effects)
    }
}

enum Failure {
    Api(ApiError),
    Status(u16),
}

impl Failure {
    fn code(&self) -> &str {
        match self {
            Self::Api(error) => &error.code,
            Self::Status(503) => "ServiceUnavailable",
            Self::Status(_) => "InternalFailure",
        }
    }
}

fn log_entry(kinesis: &Kinesis, at: u64, operation: &str, body: &Value) -> Call {
    let text = |field: &str| body[field].as_str().map(str::to_owned);
    let (stream, shard) = match body["ShardIterator"].as_str() {
        Some(iterator) => kinesis.iterator_shard(iterator).unzip(),
        None => (stream_name(body).ok().map(str::to_owned), text("ShardId")),
    };
    let shard = shard.or_else(|| text("ShardToSplit")).or_else(|| text("ShardToMerge"));
    Call { operation: operation.to_owned(), stream, shard, error: None, at }
}

fn carry_out(
    kinesis: &mut Kinesis,
    now: u64,
    operation: &str,
    body: &Value,
    effects: &[Effect],
) -> Result<Value, Failure> {
    let mut refuse_every = None;
    for effect in effects {
        match effect {
            Effect::Status(status) => return Err(Failure::Status(*status)),
            Effect::Throttle => {
                let code = if operation == "ListShards" { code::LIMIT } else { code::THROUGHPUT };
                return Err(Failure::Api(ApiError::new(code, "Throttled by the test.")));
            }
            Effect::AccessDenied => {
                let error = ApiError::new("AccessDeniedException", "Denied by the test.");
                return Err(Failure::Api(error));
            }
            Effect::Error(code) => {
                return Err(Failure::Api(ApiError::new(code, "Refused by the test.")));
            }
            Effect::RefuseRecords(n) => refuse_every = Some(*n),
            _ => {}
        }
    }
    let mut answer = execute(kinesis, now, operation, body, refuse_every).map_err(Failure::Api)?;
    if operation == "GetRecords" {
        for effect in effects {
            alter(&mut answer, effect);
        }
    }
    Ok(answer)
}

/// What a fault does to an answer of `GetRecords`.
fn alter(answer: &mut Value, effect: &Effect) {
    match effect {
        Effect::MillisBehind(ms) => answer["MillisBehindLatest"] = json!(ms),
        Effect::Duplicates => {
            if let Some(records) = answer["Records"].as_array_mut() {
                *records = records.iter().flat_map(|r| [r.clone(), r.clone()]).collect();
            }
        }
        _ => {}
    }
}

fn reply(now: u64, answer: Result<Value, Failure>, effects: &[Effect]) -> Reply {
    let (status, mut body) = match answer {
        Ok(answer) => (200, answer.to_string()),
        Err(Failure::Api(error)) => {
            (400, json!({ "__type": error.code, "message": error.message }).to_string())
        }
        Err(failure @ Failure::Status(status)) => {
            (status, json!({ "__type": failure.code(), "message": "Fault by the test." }).to_string())
        }
    };
    let (mut delay, mut reset, mut date) = (Duration::ZERO, false, now);
    for effect in effects {
        match effect {
            Effect::Delay(time) => delay += *time,
            Effect::Reset => reset = true,
            Effect::DateSkew(ms) => date = date.saturating_add_signed(*ms),
            Effect::Garbage => "<html>no JSON at all".clone_into(&mut body),
            _ => {}
        }
    }
    Reply { status, body: Bytes::from(body), delay, reset, date }
}
