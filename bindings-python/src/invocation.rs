//! Invocations, from event to answer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use snowmelt::{InvocationReport, Report};
use snowmelt_core::Time;
use snowmelt_plain::words;

use crate::convert;
use crate::runtime::generation;
use crate::value::Value;

/// An invocation under way.
#[pyclass]
pub(crate) struct Invocation {
    pub(crate) held: Option<snowmelt::Invocation<Value>>,
    pub(crate) stream: Option<String>,
    pub(crate) report: Report,
    pub(crate) made: u32,
}

/// What an invocation did, in a dict, with the style of reports and a line of
/// that, if any.
type Finished<'py> = (Bound<'py, PyAny>, &'static str, Option<String>);

#[pymethods]
impl Invocation {
    /// Ends it; once.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Finished<'py>>> {
        let Some(held) = self.take() else { return Ok(None) };
        let report = held.finish();
        let (style, line) = self.line(&report);
        Ok(Some((convert::object(py, &words::report(&report))?, style, line)))
    }
}

impl Invocation {
    fn take(&mut self) -> Option<snowmelt::Invocation<Value>> {
        let held = self.held.take()?;
        if self.made == generation() {
            return Some(held);
        }
        // A parent's.
        std::mem::forget(held);
        None
    }

    fn line(&self, report: &InvocationReport) -> (&'static str, Option<String>) {
        let stream = self.stream.as_deref();
        match &self.report {
            Report::Json => ("json", Some(report.json_line(stream))),
            Report::Emf { namespace } => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
                let now = Time::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
                ("emf", Some(report.emf_line(namespace, stream.unwrap_or("none"), now)))
            }
            _ => ("off", None),
        }
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        drop(self.take());
    }
}
