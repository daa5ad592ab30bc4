//! What the policy says, to be handed back to it.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use snowmelt_http::plain;
use snowmelt_http::{Keep, Lookup, Meta, Question};

/// What a request asks of the cache.
#[pyclass(frozen, module = "snowmelt._snowmelt")]
pub(crate) struct HttpQuestion {
    pub(super) question: Question,
}

#[pymethods]
impl HttpQuestion {
    #[getter]
    fn key(&self) -> &str {
        &self.question.key
    }

    #[getter]
    const fn lookup(&self) -> &'static str {
        self.question.lookup.word()
    }

    /// Why it is looked up alone.
    #[getter]
    const fn reason(&self) -> Option<&'static str> {
        match self.question.lookup {
            Lookup::Alone(reason) => Some(reason.word()),
            _ => None,
        }
    }

    #[getter]
    fn drop_request_headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.question.drop_request_headers)
    }
}

/// A response that is stored once its body is whole.
#[pyclass(frozen, module = "snowmelt._snowmelt")]
pub(crate) struct HttpKeep {
    pub(super) keep: Keep,
}

#[pymethods]
impl HttpKeep {
    /// Seconds.
    #[getter]
    fn ttl(&self) -> f64 {
        self.keep.ttl.as_secs_f64()
    }

    /// Seconds.
    #[getter]
    fn stale_while_revalidate(&self) -> f64 {
        self.keep.stale_while_revalidate.as_secs_f64()
    }

    /// Seconds.
    #[getter]
    fn stale_if_error(&self) -> f64 {
        self.keep.stale_if_error.as_secs_f64()
    }

    #[getter]
    fn tags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, &self.keep.tags)
    }

    #[getter]
    const fn body_cap(&self) -> u64 {
        self.keep.body_cap
    }
}

/// What is stored beside a body.
#[pyclass(frozen, module = "snowmelt._snowmelt")]
pub(crate) struct HttpMeta {
    pub(super) meta: Meta,
    /// Its `Date` is sent.
    pub(super) dated: bool,
}

#[pymethods]
impl HttpMeta {
    #[getter]
    fn status(&self) -> u16 {
        self.meta.status()
    }

    /// What it and a body of that length count against `max_weight`, in bytes.
    fn weight(&self, body_len: usize) -> u64 {
        self.meta.weight(body_len)
    }

    /// All of it, as JSON.
    fn json(&self) -> String {
        serde_json::to_string(&plain::Meta::from(&self.meta)).unwrap_or_default()
    }
}
