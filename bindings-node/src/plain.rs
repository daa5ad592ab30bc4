//! The core's vocabulary as plain data, with the names of `js/binding.ts`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use snowmelt_core::InvocationReport;
use snowmelt_core::follower::{CallErrorKind, CatchUpError, GapReason, Outcome};
use snowmelt_core::{CatchUp, Event, FillOutcome, Stats};

/// What a fill says beside the value.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Extras {
    pub(crate) weight: Option<f64>,
    pub(crate) tags: Vec<String>,
    pub(crate) ttl: Option<f64>,
    pub(crate) took: Option<f64>,
}

/// Milliseconds as a duration; what is no number or negative counts as 0.
pub(crate) fn duration(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(if millis > 0.0 {
        Duration::MAX
    } else {
        Duration::ZERO
    })
}

/// A weight, at most what the core can count for one entry.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is meant")]
pub(crate) fn weight(weight: f64) -> u32 {
    weight.ceil() as u32
}

/// A whole number out of JavaScript; saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is meant")]
pub(crate) fn whole(number: f64) -> u64 {
    number as u64
}

/// Milliseconds, with fractions.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A count as JavaScript has it: exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "2^53 is enough for milliseconds and counts")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

pub(crate) const fn fill_name(outcome: FillOutcome) -> &'static str {
    match outcome {
        FillOutcome::Stored => "stored",
        FillOutcome::Fenced => "fenced",
        FillOutcome::TooHeavy => "too_heavy",
    }
}

pub(crate) const fn kind_name(kind: CallErrorKind) -> &'static str {
    match kind {
        CallErrorKind::Throttled => "throttled",
        CallErrorKind::Expired => "expired",
        CallErrorKind::Refused => "refused",
        CallErrorKind::NotFound => "not_found",
        CallErrorKind::Denied => "denied",
        CallErrorKind::TimedOut => "timed_out",
        _ => "failed",
    }
}

const fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Throttled => "throttled",
        Outcome::OutOfBudget => "out_of_budget",
        _ => "failed",
    }
}

/// With what it says to whoever waited for it, unless it succeeded.
pub(crate) fn outcome(outcome: &Outcome) -> Value {
    let mut told = json!({ "outcome": outcome_name(outcome) });
    if let Outcome::Failed { kind, .. } = outcome {
        told["kind"] = json!(kind_name(*kind));
    }
    if let Err(error) = CatchUpError::check(Some(outcome.clone())) {
        told["code"] = json!(error.code());
        told["message"] = json!(error.to_string());
    }
    told
}

pub(crate) fn catch_up(step: CatchUp) -> Value {
    match step {
        CatchUp::UpToDate => json!({ "state": "up_to_date" }),
        CatchUp::NotDue => json!({ "state": "not_due" }),
        CatchUp::Running(id) => json!({ "state": "running", "id": number(id.number()) }),
        CatchUp::Earlier(id) => json!({ "state": "earlier", "id": number(id.number()) }),
    }
}

const fn gap_name(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Retention => "retention",
        GapReason::PositionRefused => "position_refused",
        GapReason::ShardVanished => "shard_vanished",
        GapReason::UnknownLineage => "unknown_lineage",
        GapReason::StreamRecreated => "stream_recreated",
        GapReason::ClockSkew => "clock_skew",
        GapReason::Backlog => "backlog",
        _ => "other",
    }
}

pub(crate) fn event(event: &Event) -> Value {
    match event {
        Event::Gap(reason) => json!({ "type": "gap", "reason": gap_name(*reason) }),
        Event::Undecodable { sequence_number, why } => {
            json!({ "type": "undecodable", "sequenceNumber": sequence_number, "why": why })
        }
        Event::Flushed { sequence_number } => json!({ "type": "flushed", "sequenceNumber": sequence_number }),
        Event::CatchUpEnded(id, ended) => {
            let mut told = outcome(ended);
            told["type"] = json!("catchUpEnded");
            told["id"] = json!(number(id.number()));
            told
        }
        _ => json!({ "type": "other" }),
    }
}

pub(crate) fn stats(stats: &Stats) -> Value {
    json!({
        "hits": number(stats.hits),
        "misses": number(stats.misses),
        "loads": number(stats.loads),
        "loadFailures": number(stats.load_failures),
        "coalesced": number(stats.coalesced),
        "fills": number(stats.fills),
        "fenced": number(stats.fenced),
        "tooHeavy": number(stats.too_heavy),
        "evictions": number(stats.evictions),
        "expirations": number(stats.expirations),
        "invalidatedByKey": number(stats.invalidated_by_key),
        "invalidatedByTag": number(stats.invalidated_by_tag),
        "invalidatedByPrefix": number(stats.invalidated_by_prefix),
        "invalidatedByAll": number(stats.invalidated_by_all),
        "records": number(stats.records),
        "undecodable": number(stats.undecodable),
        "catchUpsSucceeded": number(stats.catch_ups_succeeded),
        "catchUpsFailed": number(stats.catch_ups_failed),
        "catchUpsThrottled": number(stats.catch_ups_throttled),
        "gaps": number(stats.gaps),
        "lag": stats.lag.map(millis),
        "timeSaved": millis(stats.time_saved),
        "timeSpent": millis(stats.time_spent),
        "listShardsCalls": number(stats.list_shards_calls),
        "shardIteratorCalls": number(stats.shard_iterator_calls),
        "getRecordsCalls": number(stats.get_records_calls),
        "putRecordsCalls": number(stats.put_records_calls),
        "calls": number(stats.calls()),
        "entries": stats.entries,
        "weight": number(stats.weight),
        "leases": stats.leases,
    })
}

pub(crate) fn report(report: &InvocationReport) -> Value {
    json!({
        "took": millis(report.took),
        "timeSaved": millis(report.time_saved),
        "timeSpent": millis(report.time_spent),
        "hits": number(report.hits),
        "misses": number(report.misses),
        "loads": number(report.loads),
        "catchUpsMissed": number(report.catch_ups_missed),
        "gaps": number(report.gaps),
        "lag": report.lag.map(millis),
    })
}

/// Whole numbers as such: JavaScript has no others, and hosts hand over large
/// ones as fractions.
pub(crate) fn integers(value: &mut Value) {
    match value {
        Value::Number(held) => {
            if let Some(float) = held.as_f64()
                && float.trunc().to_bits() == float.to_bits()
                && float.abs() <= 9_007_199_254_740_992.0
            {
                #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
                let whole = float as i64;
                *held = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(integers),
        Value::Object(fields) => fields.values_mut().for_each(integers),
        _ => {}
    }
}
