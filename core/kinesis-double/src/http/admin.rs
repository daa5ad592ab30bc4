//! `POST /_double`: what a test in another language switches by JSON. The
//! README lists the actions.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::faults::{Effect, FaultRule};
use super::fields::{ApiError, number, text};
use super::service::{Call, Reply, Service, State};
use crate::model::{OperationCount, Settings};

/// Carries out one action; 400 tells what was wrong with it.
pub(super) fn handle(service: &Service, body: &[u8]) -> Reply {
    let mut state = service.state();
    let outcome = match serde_json::from_slice(body) {
        Ok(body) => act(&mut state, &body),
        Err(error) => Err(ApiError::new("SerializationException", error.to_string())),
    };
    let (status, answer) = match outcome {
        Ok(answer) => (200, answer),
        Err(error) => (400, json!({ "error": error.message })),
    };
    let (body, date) = (Bytes::from(answer.to_string()), state.now());
    Reply { status, body, delay: Duration::ZERO, reset: false, date }
}

fn act(state: &mut State, body: &Value) -> Result<Value, ApiError> {
    match text(body, "action")? {
        "fault" => {
            state.faults.add(rule(body)?);
            Ok(json!({ "faults": state.faults.len() }))
        }
        "clear_faults" => {
            state.faults.clear();
            Ok(json!({}))
        }
        "expire_iterators" => {
            state.kinesis.expire_iterators();
            Ok(json!({}))
        }
        "advance" => {
            let ms = body["ms"].as_u64().ok_or_else(|| ApiError::missing("ms"))?;
            state.ahead = state.ahead.saturating_add(ms);
            Ok(json!({ "now": state.now() }))
        }
        "now" => Ok(json!({ "now": state.now() })),
        "calls" => {
            let calls: Vec<Value> = state.calls.iter().map(call).collect();
            if body["clear"] == json!(true) {
                state.calls.clear();
            }
            Ok(json!({ "calls": calls }))
        }
        "counters" => Ok(counters(state)),
        "settings" => {
            let mut settings = state.kinesis.settings().clone();
            apply(&mut settings, body)?;
            *state.kinesis.settings_mut() = settings;
            Ok(json!({}))
        }
        other => Err(ApiError::new("", format!("unknown action {other}"))),
    }
}

fn call(call: &Call) -> Value {
    json!({
        "operation": call.operation,
        "stream": call.stream,
        "shard": call.shard,
        "error": call.error,
        "at": call.at,
    })
}

fn counters(state: &State) -> Value {
    let counters = state.kinesis.counters();
    let count = |count: OperationCount| json!({ "calls": count.calls, "throttled": count.throttled, "refused": count.refused });
    json!({
        "GetRecords": count(counters.get_records),
        "GetShardIterator": count(counters.get_shard_iterator),
        "ListShards": count(counters.list_shards),
        "PutRecords": count(counters.put_records),
        "records_read": counters.records_read,
        "records_written": counters.records_written,
        "records_refused": counters.records_refused,
    })
}

fn rule(body: &Value) -> Result<FaultRule, ApiError> {
    let operation = match &body["operation"] {
        Value::Null => None,
        _ => Some(text(body, "operation")?.to_owned()),
    };
    Ok(FaultRule {
        operation,
        skip: number(body, "skip")?.unwrap_or(0),
        count: number(body, "count")?,
        effect: effect(body)?,
    })
}

fn effect(body: &Value) -> Result<Effect, ApiError> {
    let value = || body["value"].as_u64().ok_or_else(|| ApiError::missing("value"));
    Ok(match text(body, "effect")? {
        "status" => {
            let status = u16::try_from(value()?).ok().filter(|s| (400..600).contains(s));
            Effect::Status(status.ok_or_else(|| ApiError::missing("value"))?)
        }
        "reset" => Effect::Reset,
        "delay" => Effect::Delay(Duration::from_millis(value()?)),
        "throttle" => Effect::Throttle,
        "access_denied" => Effect::AccessDenied,
        "error" => Effect::Error(text(body, "value")?.to_owned()),
        "refuse_records" => {
            let every = usize::try_from(value()?).unwrap_or(usize::MAX);
            Effect::RefuseRecords(every)
        }
        "date_skew" => {
            let skew = body["value"].as_i64().ok_or_else(|| ApiError::missing("value"))?;
            Effect::DateSkew(skew)
        }
        "millis_behind" => Effect::MillisBehind(value()?),
        "duplicates" => Effect::Duplicates,
        "garbage" => Effect::Garbage,
        other => return Err(ApiError::new("", format!("unknown effect {other}"))),
    })
}

/// Changes the settings that the body names, and refuses those that are none.
fn apply(settings: &mut Settings, body: &Value) -> Result<(), ApiError> {
    let fields = body.as_object().ok_or_else(|| ApiError::missing("settings"))?;
    for (name, value) in fields.iter().filter(|(name, _)| *name != "action") {
        let wrong = || ApiError::missing(name);
        if name == "enforce_quotas" {
            settings.enforce_quotas = value.as_bool().ok_or_else(wrong)?;
            continue;
        }
        if name == "put_to_get_ms" {
            let (low, high) = (value[0].as_u64(), value[1].as_u64());
            settings.put_to_get_ms = low.zip(high).ok_or_else(wrong)?;
            continue;
        }
        let value = value.as_u64().ok_or_else(wrong)?;
        set_number(settings, name, value).ok_or_else(wrong)?;
    }
    Ok(())
}

fn set_number(settings: &mut Settings, name: &str, value: u64) -> Option<()> {
    let per_mille = match name {
        "duplicate_per_mille" => &mut settings.duplicate_per_mille,
        "overlap_per_mille" => &mut settings.overlap_per_mille,
        "empty_page_per_mille" => &mut settings.empty_page_per_mille,
        "closing_page_per_mille" => &mut settings.closing_page_per_mille,
        "page_limit_bytes" => {
            settings.page_limit_bytes = usize::try_from(value).ok()?;
            return Some(());
        }
        _ => {
            *milliseconds(settings, name)? = value;
            return Some(());
        }
    };
    *per_mille = u32::try_from(value).ok()?;
    Some(())
}

fn milliseconds<'a>(settings: &'a mut Settings, name: &str) -> Option<&'a mut u64> {
    Some(match name {
        "retention_ms" => &mut settings.retention_ms,
        "iterator_lifetime_ms" => &mut settings.iterator_lifetime_ms,
        "token_lifetime_ms" => &mut settings.token_lifetime_ms,
        "arrival_jitter_ms" => &mut settings.arrival_jitter_ms,
        "sequence_scan_ms" => &mut settings.sequence_scan_ms,
        "time_scan_ms" => &mut settings.time_scan_ms,
        _ => return None,
    })
}
