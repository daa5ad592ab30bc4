//! `GET /stats` and `GET /metrics`.

use std::fmt::Write;

use http::header::HeaderValue;
use snowmelt::Stats;

use super::with_type;
use crate::http::Response;

/// Every counter by the core's name; durations in milliseconds.
pub(super) fn stats(stats: &Stats) -> Response {
    let mut body = snowmelt_plain::words::stats(stats);
    snowmelt_plain::words::integers(&mut body);
    with_type(body.to_string(), HeaderValue::from_static("application/json"))
}

/// Name, what it counts, where it is.
type Row = (&'static str, &'static str, fn(&Stats) -> f64);

macro_rules! counters {
    ($($name:ident $help:literal,)*) => {
        [$((concat!("snowmelt_", stringify!($name), "_total"), $help, |stats| whole(stats.$name)),)*]
    };
}

/// What only grows.
const COUNTERS: [Row; 27] = counters! {
    hits "Reads that were served from memory.",
    misses "Reads that were not served from memory.",
    stale "Reads that were served past the lifetime, within stale_while_revalidate.",
    rescued "Reads that were served within stale_if_error.",
    refreshes "Loads that began while the old value could still be served.",
    loads "Leases given out: loads that began.",
    load_failures "Loads that ended without a value.",
    coalesced "Reads that waited for a load another read had begun.",
    fills "Values that were stored.",
    fenced "Values that were not stored because they may have been stale.",
    too_heavy "Values that were not stored because they alone are over the bound.",
    evictions "Entries that left to make room.",
    expirations "Entries that were found past their lifetime.",
    invalidated_by_key "Entries dropped because their key was invalidated.",
    invalidated_by_tag "Entries dropped because a tag of theirs was invalidated.",
    invalidated_by_prefix "Entries dropped because a prefix of their key was invalidated.",
    invalidated_by_all "Entries dropped because everything was invalidated, or by a gap.",
    records "Records read from the stream.",
    undecodable "Records that no codec could read.",
    catch_ups_succeeded "Catch-ups that reached the tip of every followed shard.",
    catch_ups_failed "Catch-ups that failed or ran out of their budget.",
    catch_ups_throttled "Catch-ups that the stream throttled.",
    gaps "Times that continuity could not be proven and everything was dropped.",
    list_shards_calls "ListShards calls.",
    shard_iterator_calls "GetShardIterator calls.",
    get_records_calls "GetRecords calls.",
    put_records_calls "PutRecords calls.",
};

/// The same in seconds.
const TIMES: [Row; 2] = [
    ("snowmelt_time_saved_seconds_total", "The load times that hits avoided.", |stats| {
        stats.time_saved.as_secs_f64()
    }),
    ("snowmelt_time_spent_seconds_total", "The time spent catching up.", |stats| {
        stats.time_spent.as_secs_f64()
    }),
];

/// What is so now.
const GAUGES: [Row; 3] = [
    ("snowmelt_entries", "Entries now.", |stats| whole(stats.entries as u64)),
    ("snowmelt_weight_bytes", "The weight of all entries.", |stats| whole(stats.weight)),
    ("snowmelt_leases", "Loads under way.", |stats| whole(stats.leases as u64)),
];

#[expect(clippy::cast_precision_loss, reason = "Prometheus has floats only")]
fn whole(count: u64) -> f64 {
    count as f64
}

/// Prometheus' text format, version 0.0.4: no labels, so that no key and no
/// value can be in one.
pub(super) fn metrics(stats: &Stats) -> Response {
    let mut text = String::with_capacity(8 << 10);
    for (name, help, read) in COUNTERS.iter().chain(&TIMES) {
        line(&mut text, name, help, "counter", read(stats));
    }
    for (name, help, read) in &GAUGES {
        line(&mut text, name, help, "gauge", read(stats));
    }
    if let Some(lag) = stats.lag {
        let help = "How far behind the stream the cache is; absent while it follows nothing.";
        line(&mut text, "snowmelt_lag_seconds", help, "gauge", lag.as_secs_f64());
    }
    with_type(text, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"))
}

fn line(text: &mut String, name: &str, help: &str, kind: &str, value: f64) {
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
}
