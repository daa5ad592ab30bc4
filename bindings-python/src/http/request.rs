//! A request, as the policy sees it.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderMap;
use http::header::HOST;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};
use serde_json::json;
use snowmelt_core::codes::INVALID_ARGUMENT;
use snowmelt_http::{Body, Request};

use crate::failure::raise;
use crate::http::fields::{self, Style};

/// A request whose parts were read, for all questions about it.
#[pyclass(frozen, module = "snowmelt._snowmelt")]
pub(crate) struct HttpRequest {
    #[pyo3(get)]
    method: String,
    #[pyo3(get)]
    scheme: String,
    #[pyo3(get)]
    host: String,
    #[pyo3(get)]
    path: String,
    #[pyo3(get)]
    query: Option<String>,
    fields: HeaderMap,
    body_follows: AtomicBool,
    body: OnceLock<Py<PyBytes>>,
    custom: OnceLock<String>,
}

#[pymethods]
impl HttpRequest {
    /// Without a `host` it is the one of the fields. Bytes of `path` and `query` that
    /// are not UTF-8 are percent-encoded.
    #[new]
    fn new(
        method: String,
        scheme: String,
        host: Option<String>,
        path: &Bound<'_, PyAny>,
        query: Option<&Bound<'_, PyAny>>,
        headers: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let fields = fields::read(headers)?.map_err(|error| {
            let failure = json!({ "code": INVALID_ARGUMENT, "message": error.to_string() });
            raise(headers.py(), &failure.to_string())
        })?;
        let named = || fields.get(HOST).map(|host| fields::latin1(host).into_owned());
        Ok(Self {
            method,
            scheme,
            host: host.or_else(named).unwrap_or_default(),
            path: text(path)?,
            query: query.map(text).transpose()?,
            fields,
            body_follows: AtomicBool::new(false),
            body: OnceLock::new(),
            custom: OnceLock::new(),
        })
    }

    /// There is a body, and it was not read.
    fn body_follows(&self) {
        self.body_follows.store(true, Ordering::Relaxed);
    }

    /// All of the body, which may have been said to follow.
    fn body_read(&self, body: Py<PyBytes>) {
        let _ = self.body.set(body);
    }

    #[getter]
    fn body(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.body.get().map(|body| body.clone_ref(py))
    }

    /// What the user's `key` function said.
    fn set_custom(&self, custom: String) {
        let _ = self.custom.set(custom);
    }

    /// Header fields as text.
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields::write(py, &self.fields, Style::Text)
    }

    /// All values of a field, with commas between them.
    fn header(&self, name: &str) -> Option<String> {
        let mut values = self.fields.get_all(name).iter().map(fields::latin1);
        let first = values.next()?.into_owned();
        Some(values.fold(first, |all, value| all + ", " + &value))
    }
}

impl HttpRequest {
    pub(super) fn of<'a>(&'a self, py: Python<'a>) -> Request<'a> {
        let body = match self.body.get() {
            Some(body) => Body::Read(body.as_bytes(py)),
            None if self.body_follows.load(Ordering::Relaxed) => Body::Follows,
            None => Body::None,
        };
        Request {
            method: &self.method,
            scheme: &self.scheme,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.fields,
            body,
            custom: self.custom.get().map(String::as_str),
        }
    }
}

fn text(part: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(bytes) = part.cast::<PyBytes>() {
        return Ok(encoded(bytes.as_bytes()));
    }
    let text = part.cast::<PyString>()?;
    Ok(text.to_str().map_or_else(|_| encoded(text.to_string_lossy().as_bytes()), str::to_owned))
}

/// What is sent as bytes that are no text, in the form that stands for them.
fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
