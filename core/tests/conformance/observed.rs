//! What was observed, in the words of the transcripts.

use serde_json::{Map, Value, json};
use snowmelt_core::follower::{CallErrorKind, GapReason, Outcome};
use snowmelt_core::{ConfigError, FillOutcome, InputError, Invalidation, Lookup, Rescued, Stats};

/// Whether what was observed is what was expected. An expectation
/// `{"at_least": a, "at_most": b}` takes a range of numbers.
pub(crate) fn same(expected: &Value, observed: &Value) -> bool {
    match (expected, observed) {
        (Value::Object(bounds), Value::Number(number)) if is_range(bounds) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            let bound = |name: &str, or: f64| bounds.get(name).and_then(Value::as_f64).unwrap_or(or);
            bound("at_least", f64::MIN) <= number && number <= bound("at_most", f64::MAX)
        }
        (Value::Object(expected), Value::Object(observed)) => {
            expected.len() == observed.len()
                && expected
                    .iter()
                    .all(|(name, value)| observed.get(name).is_some_and(|observed| same(value, observed)))
        }
        (Value::Array(expected), Value::Array(observed)) => {
            expected.len() == observed.len() && expected.iter().zip(observed).all(|(a, b)| same(a, b))
        }
        _ => expected == observed,
    }
}

fn is_range(object: &Map<String, Value>) -> bool {
    !object.is_empty() && object.keys().all(|name| name == "at_least" || name == "at_most")
}

/// Compares, and says what differs.
pub(crate) fn expect(expected: &Value, observed: &Value) -> Result<(), String> {
    if same(expected, observed) {
        return Ok(());
    }
    Err(format!("expected {expected}, observed {observed}"))
}

pub(crate) fn hit(value: Option<String>) -> Value {
    value.map_or_else(|| json!("miss"), |value| json!({ "hit": value }))
}

pub(crate) fn lookup(lookup: Lookup<String>) -> Value {
    match lookup {
        Lookup::Hit(value) => json!({ "hit": value }),
        Lookup::Ahead(value) => json!({ "ahead": value }),
        Lookup::Due => json!("due"),
        Lookup::Miss => json!("miss"),
    }
}

pub(crate) fn rescued(rescued: Option<Rescued<String>>) -> Value {
    match rescued {
        None => Value::Null,
        Some(Rescued::Fresh(value)) => json!({ "fresh": value }),
        Some(Rescued::Stale(value)) => json!({ "stale": value }),
        Some(Rescued::OnError(value)) => json!({ "on_error": value }),
    }
}

pub(crate) fn fill(outcome: FillOutcome) -> Value {
    json!(match outcome {
        FillOutcome::Stored => "stored",
        FillOutcome::Fenced => "fenced",
        FillOutcome::TooHeavy => "too_heavy",
        FillOutcome::NotKept => "not_kept",
    })
}

/// Only what it names.
pub(crate) fn invalidation(invalidation: &Invalidation) -> Value {
    let Invalidation { keys, tags, prefixes, all } = invalidation;
    let mut names = Map::new();
    for (kind, list) in [("keys", keys), ("tags", tags), ("prefixes", prefixes)] {
        if !list.is_empty() {
            names.insert(kind.into(), json!(list));
        }
    }
    if *all {
        names.insert("all".into(), json!(true));
    }
    Value::Object(names)
}

pub(crate) fn config_error(error: &ConfigError) -> Value {
    assert!(!error.remedy.is_empty() && error.to_string().contains(&error.value), "no remedy: {error}");
    json!({ "error": { "option": error.option, "value": error.value } })
}

pub(crate) fn input_error(error: &InputError) -> Value {
    assert!(!error.to_string().is_empty(), "no message: {error:?}");
    json!({ "error": match error {
        InputError::Empty { what } => json!({ "kind": "empty", "what": what }),
        InputError::TooLong { what, bytes, most } => {
            json!({ "kind": "too_long", "what": what, "bytes": bytes, "most": most })
        }
        InputError::NothingToInvalidate => json!({ "kind": "nothing_to_invalidate" }),
        InputError::NotInFormat { what } => json!({ "kind": "not_in_format", "what": what }),
        InputError::BadToken { .. } => json!({ "kind": "bad_token" }),
        InputError::OtherStream => json!({ "kind": "other_stream" }),
        other => json!({ "kind": format!("{other:?}") }),
    } })
}

pub(crate) fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Succeeded => json!("succeeded"),
        Outcome::Throttled => json!("throttled"),
        Outcome::Failed { .. } => json!("failed"),
        Outcome::OutOfBudget => json!("out_of_budget"),
        other => json!(format!("{other:?}")),
    }
}

pub(crate) fn gap(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Retention => "retention",
        GapReason::PositionRefused => "position_refused",
        GapReason::ShardVanished => "shard_vanished",
        GapReason::UnknownLineage => "unknown_lineage",
        GapReason::StreamRecreated => "stream_recreated",
        GapReason::ClockSkew => "clock_skew",
        GapReason::Backlog => "backlog",
        _ => "another reason",
    }
}

pub(crate) const ERROR_KINDS: [(&str, CallErrorKind); 7] = [
    ("throttled", CallErrorKind::Throttled),
    ("expired", CallErrorKind::Expired),
    ("refused", CallErrorKind::Refused),
    ("not_found", CallErrorKind::NotFound),
    ("denied", CallErrorKind::Denied),
    ("timed_out", CallErrorKind::TimedOut),
    ("failed", CallErrorKind::Failed),
];

pub(crate) fn error_kind(name: &str) -> CallErrorKind {
    let found = ERROR_KINDS.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no kind of error is called {name:?}")).1
}

pub(crate) fn error_name(kind: CallErrorKind) -> &'static str {
    ERROR_KINDS.iter().find(|(_, known)| *known == kind).map_or("another kind", |(name, _)| name)
}

/// Every counter; durations in milliseconds.
pub(crate) fn stats(stats: &Stats) -> Value {
    let millis =
        |duration: std::time::Duration| json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    json!({
        "hits": stats.hits,
        "misses": stats.misses,
        "stale": stats.stale,
        "rescued": stats.rescued,
        "refreshes": stats.refreshes,
        "loads": stats.loads,
        "load_failures": stats.load_failures,
        "coalesced": stats.coalesced,
        "fills": stats.fills,
        "fenced": stats.fenced,
        "too_heavy": stats.too_heavy,
        "evictions": stats.evictions,
        "expirations": stats.expirations,
        "invalidated_by_key": stats.invalidated_by_key,
        "invalidated_by_tag": stats.invalidated_by_tag,
        "invalidated_by_prefix": stats.invalidated_by_prefix,
        "invalidated_by_all": stats.invalidated_by_all,
        "records": stats.records,
        "undecodable": stats.undecodable,
        "catch_ups_succeeded": stats.catch_ups_succeeded,
        "catch_ups_failed": stats.catch_ups_failed,
        "catch_ups_throttled": stats.catch_ups_throttled,
        "gaps": stats.gaps,
        "lag": stats.lag.map(millis),
        "time_saved": millis(stats.time_saved),
        "time_spent": millis(stats.time_spent),
        "list_shards_calls": stats.list_shards_calls,
        "shard_iterator_calls": stats.shard_iterator_calls,
        "get_records_calls": stats.get_records_calls,
        "put_records_calls": stats.put_records_calls,
        "calls": stats.calls(),
        "entries": stats.entries,
        "weight": stats.weight,
        "leases": stats.leases,
    })
}
