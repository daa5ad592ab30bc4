//! Failures as Python's exceptions.

use pyo3::prelude::*;
use serde_json::json;
use snowmelt::{BuildError, CatchUpError, CatchUpToError, InvalidateError};
use snowmelt_core::codes::{INVALID_OPTION, LOAD_INTERRUPTED};
use snowmelt_plain::{Failure, words};

use crate::runtime::CallingOut;

/// The exception that `snowmelt._errors` makes of a failure as JSON.
pub(crate) fn raise(py: Python<'_>, json: &str) -> PyErr {
    // Python's code runs here: no thread may be in it when Python ends.
    let _calling_out = CallingOut::begin(py);
    let made = py.import("snowmelt._errors").and_then(|errors| errors.call_method1("from_core", (json,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

pub(crate) fn to_python(py: Python<'_>, failure: impl Into<Failure>) -> PyErr {
    raise(py, &failure.into().json())
}

/// The same for what a method returns.
pub(crate) trait OrRaise<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T, E: Into<Failure>> OrRaise<T> for Result<T, E> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| to_python(py, error))
    }
}

pub(crate) fn building(py: Python<'_>, error: BuildError) -> PyErr {
    match error {
        BuildError::Option(error) => to_python(py, error),
        other => {
            let message = other.to_string();
            // The option that the remedy is about.
            let option =
                ["region", "endpoint"].into_iter().find(|name| message.contains(name)).unwrap_or("stream");
            let failure = json!({ "code": INVALID_OPTION, "message": message, "option": option });
            raise(py, &failure.to_string())
        }
    }
}

pub(crate) fn writing(py: Python<'_>, error: InvalidateError) -> PyErr {
    let message = error.to_string();
    match error {
        InvalidateError::Input(error) => to_python(py, error),
        InvalidateError::Write(error) => {
            let kind = words::kind_name(error.kind);
            let failure = json!({
                "code": error.code(), "message": message, "kind": kind, "unwritten": error.unwritten,
            });
            raise(py, &failure.to_string())
        }
        _ => to_python(py, Failure::new(LOAD_INTERRUPTED, message)),
    }
}

pub(crate) fn catching_up(py: Python<'_>, error: &CatchUpError) -> PyErr {
    let mut failure = json!({ "code": error.code(), "message": error.to_string() });
    if let CatchUpError::Failed { kind, .. } = error {
        failure["kind"] = json!(words::kind_name(*kind));
    }
    raise(py, &failure.to_string())
}

pub(crate) fn catching_up_to(py: Python<'_>, error: &CatchUpToError) -> PyErr {
    raise(py, &json!({ "code": error.code(), "message": error.to_string() }).to_string())
}
