//! The core's words for what happens, and numbers as other languages have them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use snowmelt_core::InvocationReport;
use snowmelt_core::follower::{CallErrorKind, CatchUpError, GapReason, Outcome};
use snowmelt_core::{CatchUp, Event, FillOutcome, Loaded, Refresh, Rescued, Share, Stats};

/// What a fill says beside the value.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Extras {
    /// How heavy it is.
    pub weight: Option<f64>,
    /// Its tags.
    pub tags: Vec<String>,
    /// A lifetime of its own, in milliseconds.
    pub ttl: Option<f64>,
    /// How long the load took, in milliseconds.
    pub took: Option<f64>,
    /// Its windows, in milliseconds; else the cache's.
    #[serde(alias = "staleWhileRevalidate")]
    pub stale_while_revalidate: Option<f64>,
    /// See above.
    #[serde(alias = "staleIfError")]
    pub stale_if_error: Option<f64>,
    /// The share of its lifetime from which it is refreshed ahead; else the
    /// cache's. What is no share (0, say) switches it off.
    #[serde(alias = "refreshAhead")]
    pub refresh_ahead: Option<f64>,
    /// Whether the value says that there is nothing.
    pub absent: bool,
}

impl Extras {
    /// How the value is refreshed.
    pub fn refresh(&self) -> Refresh {
        Refresh {
            stale_while_revalidate: self.stale_while_revalidate.map(duration),
            stale_if_error: self.stale_if_error.map(duration),
            refresh_ahead: self.refresh_ahead.map(|share| Share::new(share).unwrap_or(Share::OFF)),
        }
    }

    /// The value with all of it. The tags are handed over apart: they have to
    /// be borrowed as the core wants them.
    pub fn loaded<'a, V>(&self, value: V, tags: &'a [&'a str]) -> Loaded<'a, V> {
        Loaded {
            weight: self.weight.map_or(1, weight),
            tags,
            ttl: self.ttl.map(duration),
            refresh: self.refresh(),
            absent: self.absent,
            took: self.took.map_or(Duration::ZERO, duration),
            ..Loaded::new(value)
        }
    }
}

/// Milliseconds as a duration; what is no number or negative counts as 0.
pub fn duration(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(if millis > 0.0 {
        Duration::MAX
    } else {
        Duration::ZERO
    })
}

/// A weight, at most what the core can count for one entry.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is meant")]
pub fn weight(weight: f64) -> u32 {
    weight.ceil() as u32
}

/// A whole number out of JavaScript; saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is meant")]
pub fn whole(number: f64) -> u64 {
    number as u64
}

/// Milliseconds, to the microsecond.
pub fn millis(duration: Duration) -> f64 {
    number(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)) / 1000.0
}

/// A count as JavaScript has it: exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "2^53 is enough for milliseconds and counts")]
pub const fn number(count: u64) -> f64 {
    count as f64
}

/// What became of a value.
pub const fn fill_name(outcome: FillOutcome) -> &'static str {
    match outcome {
        FillOutcome::Stored => "stored",
        FillOutcome::Fenced => "fenced",
        FillOutcome::TooHeavy => "too_heavy",
        FillOutcome::NotKept => "not_kept",
    }
}

/// What a reader was given whose load failed or took long, and which of the
/// three it is.
pub fn rescued<V>(rescued: Rescued<V>) -> (V, &'static str) {
    match rescued {
        Rescued::Fresh(value) => (value, "fresh"),
        Rescued::Stale(value) => (value, "stale"),
        Rescued::OnError(value) => (value, "on_error"),
    }
}

/// Why a call failed.
pub const fn kind_name(kind: CallErrorKind) -> &'static str {
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
pub fn outcome(outcome: &Outcome) -> Value {
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

/// Whether a catch-up runs, and which.
pub fn catch_up(step: CatchUp) -> Value {
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

/// What happened, with its `type`.
pub fn event(event: &Event) -> Value {
    match event {
        Event::Gap(reason) => json!({ "type": "gap", "reason": gap_name(*reason) }),
        Event::Undecodable { sequence_number, why } => {
            json!({ "type": "undecodable", "sequence_number": sequence_number, "why": why })
        }
        Event::Flushed { sequence_number, .. } => {
            json!({ "type": "flushed", "sequence_number": sequence_number })
        }
        Event::CatchUpEnded(id, ended) => {
            let mut told = outcome(ended);
            told["type"] = json!("catch_up_ended");
            told["id"] = json!(number(id.number()));
            told
        }
        _ => json!({ "type": "other" }),
    }
}

/// Every counter; durations in milliseconds.
pub fn stats(stats: &Stats) -> Value {
    json!({
        "hits": number(stats.hits),
        "misses": number(stats.misses),
        "stale": number(stats.stale),
        "rescued": number(stats.rescued),
        "refreshes": number(stats.refreshes),
        "loads": number(stats.loads),
        "load_failures": number(stats.load_failures),
        "coalesced": number(stats.coalesced),
        "fills": number(stats.fills),
        "fenced": number(stats.fenced),
        "too_heavy": number(stats.too_heavy),
        "evictions": number(stats.evictions),
        "expirations": number(stats.expirations),
        "invalidated_by_key": number(stats.invalidated_by_key),
        "invalidated_by_tag": number(stats.invalidated_by_tag),
        "invalidated_by_prefix": number(stats.invalidated_by_prefix),
        "invalidated_by_all": number(stats.invalidated_by_all),
        "records": number(stats.records),
        "undecodable": number(stats.undecodable),
        "catch_ups_succeeded": number(stats.catch_ups_succeeded),
        "catch_ups_failed": number(stats.catch_ups_failed),
        "catch_ups_throttled": number(stats.catch_ups_throttled),
        "gaps": number(stats.gaps),
        "lag": stats.lag.map(millis),
        "time_saved": millis(stats.time_saved),
        "time_spent": millis(stats.time_spent),
        "list_shards_calls": number(stats.list_shards_calls),
        "shard_iterator_calls": number(stats.shard_iterator_calls),
        "get_records_calls": number(stats.get_records_calls),
        "put_records_calls": number(stats.put_records_calls),
        "calls": number(stats.calls()),
        "entries": stats.entries,
        "weight": number(stats.weight),
        "leases": stats.leases,
    })
}

/// What an invocation did; durations in milliseconds.
pub fn report(report: &InvocationReport) -> Value {
    json!({
        "took": millis(report.took),
        "time_saved": millis(report.time_saved),
        "time_spent": millis(report.time_spent),
        "hits": number(report.hits),
        "misses": number(report.misses),
        "stale": number(report.stale),
        "rescued": number(report.rescued),
        "loads": number(report.loads),
        "refreshes": number(report.refreshes),
        "catch_ups_missed": number(report.catch_ups_missed),
        "gaps": number(report.gaps),
        "lag": report.lag.map(millis),
    })
}

/// Whole numbers as such: JavaScript has no others, and hosts hand over large
/// ones as fractions.
pub fn integers(value: &mut Value) {
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

/// The same with the names of fields in camel case, as in JavaScript.
pub fn camel(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (camel_name(&name), camel(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(camel).collect(),
        other => other,
    }
}

fn camel_name(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extras(value: Value) -> Extras {
        serde_json::from_value(value).expect("what a host hands over")
    }

    #[test]
    fn what_a_fill_says_reaches_the_core_in_either_case() {
        let python = json!({
            "ttl": 5.5, "stale_while_revalidate": 10, "stale_if_error": 20, "refresh_ahead": 0.5, "absent": true
        });
        for told in [python.clone(), camel(python)] {
            let loaded = extras(told).loaded("value", &[]);
            let refresh = Refresh {
                stale_while_revalidate: Some(Duration::from_millis(10)),
                stale_if_error: Some(Duration::from_millis(20)),
                refresh_ahead: Share::new(0.5),
            };
            assert_eq!((loaded.refresh, loaded.absent, loaded.weight), (refresh, true, 1));
            assert_eq!(loaded.ttl, Some(Duration::from_micros(5_500)));
        }
    }

    #[test]
    fn what_is_left_out_is_the_caches_and_no_share_is_off() {
        assert_eq!(extras(json!({})).refresh(), Refresh::default());
        for share in [0.0, 1.0, -1.0, 7.0] {
            assert_eq!(extras(json!({ "refresh_ahead": share })).refresh().refresh_ahead, Some(Share::OFF));
        }
    }

    #[test]
    fn counters_of_old_values_are_told() {
        let (stats, report) = (stats(&Stats::default()), report(&InvocationReport::default()));
        for name in ["stale", "rescued", "refreshes"] {
            assert!(stats[name].is_number() && report[name].is_number(), "{name}");
        }
    }
}
