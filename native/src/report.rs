//! What an invocation leaves in the log.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use snowmelt_core::Time;

use crate::invocation::InvocationReport;

/// What is reported at the end of each invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// Nothing.
    #[default]
    Off,
    /// One line of JSON on the standard output:
    /// `{"snowmelt":{"stream":…,"hits":…,"misses":…,"loads":…,"saved_ms":…,"spent_ms":…,"lag_ms":…,…}}`.
    Json,
    /// One line in `CloudWatch`'s embedded metric format, from which Lambda
    /// makes the metrics `Hits`, `Misses`, `Loads`, `TimeSaved`, `TimeSpent`
    /// and `Lag` with the dimension `Stream`. `CloudWatch` charges for each
    /// metric.
    Emf {
        /// The metrics' namespace, for example `Shop/Cache`.
        namespace: String,
    },
}

/// Where reports go.
pub(crate) type Sink = Arc<dyn Fn(&str) + Send + Sync>;

pub(crate) struct Reporter {
    pub(crate) report: Report,
    /// `None`: the standard output.
    pub(crate) sink: Option<Sink>,
}

impl Reporter {
    pub(crate) fn report(&self, stream: Option<&str>, report: &InvocationReport, now: Time) {
        let line = match &self.report {
            Report::Off => return,
            Report::Json => json_line(stream, report),
            Report::Emf { namespace } => emf_line(namespace, stream.unwrap_or("none"), report, now),
        };
        match &self.sink {
            Some(sink) => sink(&line.to_string()),
            // A closed standard output is no reason to fail an invocation.
            None => drop(writeln!(std::io::stdout().lock(), "{line}")),
        }
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)
    }
}

fn json_line(stream: Option<&str>, report: &InvocationReport) -> Value {
    json!({ "snowmelt": {
        "stream": stream,
        "took_ms": millis(report.took),
        "hits": report.hits,
        "misses": report.misses,
        "loads": report.loads,
        "saved_ms": millis(report.time_saved),
        "spent_ms": millis(report.time_spent),
        "lag_ms": report.lag.map(millis),
        "catch_ups_missed": report.catch_ups_missed,
        "gaps": report.gaps,
    }})
}

/// `CloudWatch` embedded metric format: the metrics' values are members of the
/// root, named in `_aws.CloudWatchMetrics`.
fn emf_line(namespace: &str, stream: &str, report: &InvocationReport, now: Time) -> Value {
    let metric = |name: &str, unit: &str| json!({ "Name": name, "Unit": unit });
    let mut metrics = vec![
        metric("Hits", "Count"),
        metric("Misses", "Count"),
        metric("Loads", "Count"),
        metric("TimeSaved", "Milliseconds"),
        metric("TimeSpent", "Milliseconds"),
    ];
    if report.lag.is_some() {
        metrics.push(metric("Lag", "Milliseconds"));
    }
    let directive = json!({ "Namespace": namespace, "Dimensions": [["Stream"]], "Metrics": metrics });
    let mut line = json!({
        "_aws": { "Timestamp": now.as_millis(), "CloudWatchMetrics": [directive] },
        "Stream": stream,
        "Hits": report.hits,
        "Misses": report.misses,
        "Loads": report.loads,
        "TimeSaved": millis(report.time_saved),
        "TimeSpent": millis(report.time_spent),
    });
    if let Some(lag) = report.lag {
        line["Lag"] = json!(millis(lag));
    }
    line
}

/// Milliseconds, to the microsecond.
fn millis(duration: Duration) -> f64 {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).as_secs_f64() * 1000.0
}
