//! What Python is told in the place of a value, or of what became of one.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use snowmelt::FillOutcome;

/// What stands for no value where any object may be one.
fn sentinel<'py>(py: Python<'py>, cell: &'static PyOnceLock<Py<PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    let make = || py.import("builtins")?.getattr("object")?.call0().map(Bound::unbind);
    Ok(cell.get_or_try_init(py, make)?.bind(py).clone())
}

pub(crate) fn miss(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static MISS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    sentinel(py, &MISS)
}

pub(crate) fn due(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static DUE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    sentinel(py, &DUE)
}

pub(crate) fn outcome_text(py: Python<'_>, outcome: FillOutcome) -> Bound<'_, PyString> {
    match outcome {
        FillOutcome::Stored => intern!(py, "stored"),
        FillOutcome::TooHeavy => intern!(py, "too_heavy"),
        FillOutcome::NotKept => intern!(py, "not_kept"),
        FillOutcome::Fenced => intern!(py, "fenced"),
    }
    .clone()
}
