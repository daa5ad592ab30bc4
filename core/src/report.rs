//! What an invocation did, and how it is said in a log.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::Serialize;

use crate::stats::Stats;
use crate::time::Time;

/// What a cache did during an invocation.
///
/// Taken from the cache's counters: where invocations overlap, each report
/// holds what all of them did in its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvocationReport {
    /// How long the invocation took.
    pub took: Duration,
    /// The load times that hits avoided.
    pub time_saved: Duration,
    /// The time spent catching up.
    pub time_spent: Duration,
    /// Reads that were served from memory.
    pub hits: u64,
    /// Reads that were not.
    pub misses: u64,
    /// Reads that were served past the lifetime, within
    /// `stale_while_revalidate`.
    pub stale: u64,
    /// Reads that were served within `stale_if_error`, because the load failed
    /// or took long.
    pub rescued: u64,
    /// Loads that began.
    pub loads: u64,
    /// Loads among them that began while the old value could still be served.
    pub refreshes: u64,
    /// Catch-ups that did not reach the tip: failed, throttled, out of budget.
    pub catch_ups_missed: u64,
    /// Times that everything was dropped because continuity was in doubt.
    pub gaps: u64,
    /// How far behind the stream the cache is at the end; `None` while it
    /// follows nothing.
    pub lag: Option<Duration>,
}

impl InvocationReport {
    /// What happened between two readings of a cache's counters, the first
    /// taken when the invocation began, the other at its end.
    pub fn between(before: &Stats, after: &Stats, took: Duration) -> Self {
        let missed = |stats: &Stats| stats.catch_ups_failed + stats.catch_ups_throttled;
        Self {
            took,
            time_saved: after.time_saved.saturating_sub(before.time_saved),
            time_spent: after.time_spent.saturating_sub(before.time_spent),
            hits: after.hits.saturating_sub(before.hits),
            misses: after.misses.saturating_sub(before.misses),
            stale: after.stale.saturating_sub(before.stale),
            rescued: after.rescued.saturating_sub(before.rescued),
            loads: after.loads.saturating_sub(before.loads),
            refreshes: after.refreshes.saturating_sub(before.refreshes),
            catch_ups_missed: missed(after).saturating_sub(missed(before)),
            gaps: after.gaps.saturating_sub(before.gaps),
            lag: after.lag,
        }
    }

    /// A line of JSON: an object with the member `snowmelt`. Times are in
    /// milliseconds, to the microsecond. `stale`, `rescued` and `refreshes` are
    /// members where they are not 0: without windows the line is as it was
    /// before there were any.
    pub fn json_line(&self, stream: Option<&str>) -> String {
        line(&Line {
            snowmelt: Fields {
                catch_ups_missed: self.catch_ups_missed,
                gaps: self.gaps,
                hits: self.hits,
                lag_ms: self.lag.map(millis),
                loads: self.loads,
                misses: self.misses,
                refreshes: self.refreshes,
                rescued: self.rescued,
                saved_ms: millis(self.time_saved),
                spent_ms: millis(self.time_spent),
                stale: self.stale,
                stream,
                took_ms: millis(self.took),
            },
        })
    }

    /// A line in `CloudWatch`'s embedded metric format ("Specification:
    /// Embedded metric format" in its user guide): the metrics' values are
    /// members of the root, named in `_aws.CloudWatchMetrics`.
    ///
    /// The metrics are `Hits`, `Misses`, `Loads`, `TimeSaved`, `TimeSpent` and
    /// (while something is followed) `Lag`, with the dimension `Stream`; where
    /// they are not 0 also `Stale` and `Rescued`: `CloudWatch` charges for each
    /// metric that it has seen. `now` becomes their time.
    pub fn emf_line(&self, namespace: &str, stream: &str, now: Time) -> String {
        let told = [
            (HITS, true),
            (MISSES, true),
            (LOADS, true),
            (TIME_SAVED, true),
            (TIME_SPENT, true),
            (LAG, self.lag.is_some()),
            (STALE, self.stale > 0),
            (RESCUED, self.rescued > 0),
        ];
        let metrics = told.into_iter().filter_map(|(metric, told)| told.then_some(metric)).collect();
        line(&EmfLine {
            hits: self.hits,
            lag: self.lag.map(millis),
            loads: self.loads,
            misses: self.misses,
            rescued: self.rescued,
            stale: self.stale,
            stream,
            time_saved: millis(self.time_saved),
            time_spent: millis(self.time_spent),
            aws: Aws {
                directives: [Directive { dimensions: [["Stream"]], metrics, namespace }],
                timestamp: now.as_millis(),
            },
        })
    }
}

/// The members' order is a promise (logs are compared and cut by tools that
/// are not JSON parsers), so that it is written down in types and not left to
/// a map. It is the alphabet's.
#[derive(Serialize)]
struct Line<'a> {
    snowmelt: Fields<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
    catch_ups_missed: u64,
    gaps: u64,
    hits: u64,
    lag_ms: Option<f64>,
    loads: u64,
    misses: u64,
    #[serde(skip_serializing_if = "is_zero")]
    refreshes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    rescued: u64,
    saved_ms: f64,
    spent_ms: f64,
    #[serde(skip_serializing_if = "is_zero")]
    stale: u64,
    stream: Option<&'a str>,
    took_ms: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EmfLine<'a> {
    hits: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<f64>,
    loads: u64,
    misses: u64,
    #[serde(skip_serializing_if = "is_zero")]
    rescued: u64,
    #[serde(skip_serializing_if = "is_zero")]
    stale: u64,
    stream: &'a str,
    time_saved: f64,
    time_spent: f64,
    #[serde(rename = "_aws")]
    aws: Aws<'a>,
}

#[derive(Serialize)]
struct Aws<'a> {
    #[serde(rename = "CloudWatchMetrics")]
    directives: [Directive<'a>; 1],
    #[serde(rename = "Timestamp")]
    timestamp: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    dimensions: [[&'static str; 1]; 1],
    metrics: Vec<Metric>,
    namespace: &'a str,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

const HITS: Metric = Metric { name: "Hits", unit: "Count" };
const MISSES: Metric = Metric { name: "Misses", unit: "Count" };
const LOADS: Metric = Metric { name: "Loads", unit: "Count" };
const TIME_SAVED: Metric = Metric { name: "TimeSaved", unit: "Milliseconds" };
const TIME_SPENT: Metric = Metric { name: "TimeSpent", unit: "Milliseconds" };
const LAG: Metric = Metric { name: "Lag", unit: "Milliseconds" };
const STALE: Metric = Metric { name: "Stale", unit: "Count" };
const RESCUED: Metric = Metric { name: "Rescued", unit: "Count" };

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn line(value: &impl Serialize) -> String {
    // Cannot fail: there are only texts and numbers under texts.
    serde_json::to_string(value).unwrap_or_default()
}

/// Milliseconds, to the microsecond.
fn millis(duration: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
    let micros = duration.as_micros() as f64;
    micros / 1000.0
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn report() -> InvocationReport {
        let before = Stats { hits: 10, misses: 3, catch_ups_failed: 1, ..Stats::default() };
        let after = Stats {
            hits: 25,
            misses: 4,
            loads: 1,
            catch_ups_failed: 2,
            catch_ups_throttled: 1,
            gaps: 1,
            time_saved: Duration::from_micros(1_234_567),
            time_spent: Duration::from_millis(12),
            lag: Some(Duration::from_millis(40)),
            ..Stats::default()
        };
        InvocationReport::between(&before, &after, Duration::from_millis(90))
    }

    #[test]
    fn a_report_is_the_difference_of_two_readings() {
        let report = report();
        assert_eq!((report.hits, report.misses, report.loads, report.gaps), (15, 1, 1, 1));
        assert_eq!(report.catch_ups_missed, 2);
        assert_eq!(report.lag, Some(Duration::from_millis(40)));
        // Counters that were read out of order are no reason to panic.
        let after = Stats::default();
        let before = Stats { hits: 1, time_saved: Duration::from_secs(1), ..after };
        assert_eq!(InvocationReport::between(&before, &after, Duration::ZERO), InvocationReport::default());
    }

    #[test]
    fn a_line_of_json_has_its_members_in_order() {
        assert_eq!(
            report().json_line(Some("orders")),
            r#"{"snowmelt":{"catch_ups_missed":2,"gaps":1,"hits":15,"lag_ms":40.0,"loads":1,"misses":1,"saved_ms":1234.567,"spent_ms":12.0,"stream":"orders","took_ms":90.0}}"#
        );
        let nothing: Value = serde_json::from_str(&InvocationReport::default().json_line(None)).unwrap();
        assert_eq!(
            (&nothing["snowmelt"]["stream"], &nothing["snowmelt"]["lag_ms"]),
            (&Value::Null, &Value::Null)
        );
    }

    #[test]
    fn a_line_for_cloudwatch_names_what_it_holds() {
        let text = report().emf_line("Shop/Cache", "orders", Time::from_millis(1_790_000_000_000));
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["_aws"]["Timestamp"], json!(1_790_000_000_000_u64));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (&directive["Namespace"], &directive["Dimensions"]),
            (&json!("Shop/Cache"), &json!([["Stream"]]))
        );
        let metrics = directive["Metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), 6);
        for metric in metrics {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        assert_eq!((&line["Stream"], &line["TimeSaved"]), (&json!("orders"), &json!(1234.567)));
        assert!(
            text.starts_with(r#"{"Hits":15,"Lag":40.0,"Loads":1,"Misses":1,"Stream":"orders","#),
            "{text}"
        );
    }

    #[test]
    fn what_was_served_past_its_lifetime_is_told_where_there_was_any() {
        let report = InvocationReport { stale: 3, rescued: 2, refreshes: 1, ..report() };
        assert_eq!(
            report.json_line(Some("orders")),
            r#"{"snowmelt":{"catch_ups_missed":2,"gaps":1,"hits":15,"lag_ms":40.0,"loads":1,"misses":1,"refreshes":1,"rescued":2,"saved_ms":1234.567,"spent_ms":12.0,"stale":3,"stream":"orders","took_ms":90.0}}"#
        );
        let line: Value = serde_json::from_str(&report.emf_line("Shop", "orders", Time::ZERO)).unwrap();
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        let names: Vec<_> = metrics.iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Hits", "Misses", "Loads", "TimeSaved", "TimeSpent", "Lag", "Stale", "Rescued"]);
        assert_eq!((&line["Stale"], &line["Rescued"]), (&json!(3), &json!(2)));
    }

    #[test]
    fn without_a_lag_there_is_no_metric_for_it() {
        let text = InvocationReport::default().emf_line("Shop", "none", Time::ZERO);
        assert!(!text.contains("Lag") && text.contains("TimeSpent"), "{text}");
    }
}
