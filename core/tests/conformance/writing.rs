//! Writes and position tokens.

use serde_json::{Value, json};
use snowmelt_core::writer::{Put, PutAnswer, PutOutcome};
use snowmelt_core::{PositionToken, Time, Write, WriteError, WriteStep};

use crate::data::since_start;
use crate::observed;
use crate::stream::{call_error, number};
use crate::transcript::{self, AnswerWrite, WriteAnswer};

/// What a write wants next. Of a put only what `expected` asks for is told:
/// how many `records`, their `data`, their `hash_keys`.
pub(crate) fn polled(write: &mut Write, now: Time, expected: &Value) -> Result<Value, String> {
    Ok(match write.poll(now) {
        WriteStep::Done => json!("done"),
        WriteStep::Wait(until) => json!({ "wait": since_start(until.as_millis()) }),
        WriteStep::Put(put) => {
            partition_keys(&put)?;
            json!({ "put": told(&put, &expected["put"]) })
        }
    })
}

fn told(put: &Put, asked: &Value) -> Value {
    let mut told = json!({ "records": put.records.len() });
    if asked.get("data").is_some() {
        told["data"] = put.records.iter().map(|record| String::from_utf8_lossy(&record.data)).collect();
    }
    if asked.get("hash_keys").is_some() {
        let keys = put.records.iter().map(|record| record.explicit_hash_key);
        told["hash_keys"] = keys.map(|key| key.map(|key| key.to_string())).collect();
    }
    told
}

/// Every record needs one, and they spread over the shards.
fn partition_keys(put: &Put) -> Result<(), String> {
    let mut keys: Vec<&str> = put.records.iter().map(|record| record.partition_key.as_str()).collect();
    if keys.iter().any(|key| key.is_empty() || key.len() > 256) {
        return Err("a partition key has 1 to 256 characters".into());
    }
    keys.sort_unstable();
    keys.dedup();
    if keys.len() < put.records.len() { Err("partition keys do not spread".into()) } else { Ok(()) }
}

pub(crate) fn answer(write: &mut Write, step: &AnswerWrite, now: Time) {
    let answer = match &step.answer {
        WriteAnswer::Error(error) => Err(call_error(error)),
        WriteAnswer::Outcomes(outcomes) => {
            Ok(PutAnswer { date: None, outcomes: outcomes.iter().map(outcome).collect() })
        }
    };
    write.handle_answer(answer, now);
}

fn outcome(outcome: &transcript::PutOutcome) -> PutOutcome {
    match outcome {
        transcript::PutOutcome::Stored { shard, sequence_number } => {
            PutOutcome::Stored { shard: shard.clone(), sequence_number: number(sequence_number) }
        }
        transcript::PutOutcome::Refused { code, message } => {
            PutOutcome::Refused { code: code.clone(), message: message.clone() }
        }
    }
}

pub(crate) fn finished(result: Result<PositionToken, WriteError>) -> Value {
    match result {
        Ok(token) => json!({ "token": token.to_string() }),
        Err(error) => {
            json!({ "error": { "kind": observed::error_name(error.kind), "unwritten": error.unwritten } })
        }
    }
}
