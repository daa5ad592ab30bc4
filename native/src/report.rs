//! What an invocation leaves in the log.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use snowmelt_core::{InvocationReport, Time};

/// What is reported at the end of each invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// Nothing.
    #[default]
    Off,
    /// One line of JSON on the standard output:
    /// `{"snowmelt":{"stream":…,"hits":…,"misses":…,"loads":…,"saved_ms":…,"spent_ms":…,"lag_ms":…,…}}`;
    /// `stale`, `rescued` and `refreshes` only where they are not 0.
    Json,
    /// One line in `CloudWatch`'s embedded metric format, from which Lambda
    /// makes the metrics `Hits`, `Misses`, `Loads`, `TimeSaved`, `TimeSpent`
    /// and `Lag` with the dimension `Stream`; `Stale` and `Rescued` only where
    /// something was served past its lifetime. `CloudWatch` charges for each
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
            Report::Json => report.json_line(stream),
            Report::Emf { namespace } => report.emf_line(namespace, stream.unwrap_or("none"), now),
        };
        match &self.sink {
            Some(sink) => sink(&line),
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
