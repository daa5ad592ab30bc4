//! The policy itself.

use std::time::Duration;

use http::header::DATE;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyList, PyString};
use snowmelt_core::options::{self, Units, unknown};
use snowmelt_http::options::NAMES;
use snowmelt_http::{Ask, Match, Options, Policy, Reason, ResponseHead, Verdict, plain};

use crate::cache::Core;
use crate::convert::{duration, wrong_type};
use crate::given::Given;
use crate::http::fields::{self, Style};
use crate::http::parts::{HttpKeep, HttpMeta, HttpQuestion};
use crate::http::request::HttpRequest;
use crate::options::refuse_value;

/// A response's head, and whether its body follows.
type Head<'py> = (u16, Bound<'py, PyList>, bool);

/// A response's status, its header fields, and what the user's function says of its time to live.
type ResponseParts<'py> = (u16, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

/// Options that are this package's: functions, and what Python itself waits for.
const OWN: [&str; 4] = ["key", "skip", "wait_until", "body_timeout"];
/// How long a response's body may take after its head.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// Every option.
#[pyfunction]
pub(crate) fn http_option_names() -> Vec<&'static str> {
    OWN.iter().chain(NAMES).copied().collect()
}

/// What a cache says in the place of two of them, in seconds: `stale_while_revalidate` and `stale_if_error`.
#[pyfunction]
pub(crate) fn http_windows(cache: &Bound<'_, Core>) -> PyResult<[f64; 2]> {
    let windows = cache.get().open(cache.py())?.stale_windows();
    Ok(windows.map(|window| window.as_secs_f64()))
}

/// Whether a reason is a failure of the handler, so that an old response may stand in for its own.
#[pyfunction]
pub(crate) fn http_failed(reason: &Bound<'_, PyString>) -> PyResult<bool> {
    word(reason, "a reason", plain::reason).map(Reason::is_failure)
}

/// All decisions about requests and responses. Times are milliseconds since 1970.
#[pyclass(frozen, module = "snowmelt._snowmelt")]
pub(crate) struct HttpPolicy {
    policy: Policy,
    style: Style,
    body_timeout: Duration,
}

#[pymethods]
impl HttpPolicy {
    /// `None` means the default. With `text` header fields are given as `str`, else as bytes.
    #[new]
    #[pyo3(signature = (text, given, /))]
    fn new(text: bool, given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = given.py();
        let (mut read, mut body_timeout) = (Options::default(), BODY_TIMEOUT);
        let names = http_option_names();
        for (name, value) in given {
            let name = name.to_string();
            if !names.contains(&name.as_str()) {
                return Err(refuse_value(py, unknown(&name, &names).of_wrong_type()));
            }
            if value.is_none() {
                continue;
            }
            let setting = Given::read(&name, &value)?;
            match name.as_str() {
                "body_timeout" => {
                    let timeout = options::duration("body_timeout", &setting.setting(), Units::Seconds);
                    body_timeout = timeout.map_err(|error| refuse_value(py, error))?;
                }
                name if OWN.contains(&name) => {}
                name => {
                    let set = read.set(name, &setting.setting(), Units::Seconds);
                    set.map_err(|error| refuse_value(py, error))?;
                }
            }
        }
        let policy = Policy::new(read).map_err(|error| refuse_value(py, error))?;
        Ok(Self { policy, style: if text { Style::Text } else { Style::Bytes }, body_timeout })
    }

    /// Seconds.
    #[getter]
    fn body_timeout(&self) -> f64 {
        self.body_timeout.as_secs_f64()
    }

    fn wants_body(&self, py: Python<'_>, request: &HttpRequest) -> Option<u64> {
        self.policy.wants_body(&request.of(py))
    }

    /// A question, or why there is none.
    fn ask<'py>(&self, py: Python<'py>, request: &HttpRequest) -> PyResult<Bound<'py, PyAny>> {
        match self.policy.ask(&request.of(py)) {
            Ask::Bypass(reason) => reason.word().into_bound_py_any(py),
            Ask::Look(question) => HttpQuestion { question }.into_bound_py_any(py),
        }
    }

    /// What is to be kept, or why nothing is. A head that HTTP does not know is for its own client.
    fn judge<'py>(
        &self,
        py: Python<'py>,
        request: &HttpRequest,
        question: &HttpQuestion,
        response: ResponseParts<'py>,
        now_ms: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (status, headers, ttl) = response;
        let Ok(headers) = fields::read(&headers)? else {
            return Reason::HeadTooLarge.word().into_bound_py_any(py);
        };
        let ttl = ttl.map(|ttl| duration("ttl", &ttl)).transpose()?;
        let head = ResponseHead { status, headers: &headers, ttl };
        match self.policy.judge(&request.of(py), &question.question, &head, now_ms) {
            Verdict::Pass(reason) => reason.word().into_bound_py_any(py),
            Verdict::Keep(keep) => HttpKeep { keep }.into_bound_py_any(py),
        }
    }

    /// What to store beside the body, or why it is not stored. Not `dated`: answers have no `Date` that the
    /// policy made, since the server will say one.
    fn seal<'py>(
        &self,
        py: Python<'py>,
        keep: &HttpKeep,
        body: &Bound<'py, PyBytes>,
        dated: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (keep, body) = (keep.keep.clone(), body.as_bytes());
        match py.detach(|| self.policy.seal(keep, body)) {
            Ok(meta) => HttpMeta { meta, dated }.into_bound_py_any(py),
            Err(reason) => reason.word().into_bound_py_any(py),
        }
    }

    /// True; False if it is too old for the client; or the key of another variant.
    fn matches<'py>(
        &self,
        py: Python<'py>,
        request: &HttpRequest,
        question: &HttpQuestion,
        meta: &HttpMeta,
        now_ms: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.policy.matches(&request.of(py), &question.question, &meta.meta, now_ms) {
            Match::Yes => PyBool::new(py, true).into_bound_py_any(py),
            Match::TooOld => PyBool::new(py, false).into_bound_py_any(py),
            Match::Other(key) => key.into_bound_py_any(py),
        }
    }

    /// Whether one who waited in vain asks again, once.
    fn asks_again(
        &self,
        py: Python<'_>,
        request: &HttpRequest,
        reason: &Bound<'_, PyString>,
    ) -> PyResult<bool> {
        let reason = word(reason, "a reason", plain::reason)?;
        Ok(self.policy.asks_again(&request.of(py), reason))
    }

    /// What the client gets of what was stored.
    fn answer<'py>(
        &self,
        py: Python<'py>,
        request: &HttpRequest,
        question: &HttpQuestion,
        meta: &HttpMeta,
        how: &Bound<'py, PyString>,
        now_ms: u64,
    ) -> PyResult<Head<'py>> {
        let how = word(how, "how", plain::how)?;
        let answer = self.policy.answer(&request.of(py), &question.question, &meta.meta, how, now_ms);
        let mut headers = answer.headers;
        if !meta.dated {
            headers.remove(DATE);
        }
        Ok((answer.status, fields::write(py, &headers, self.style)?, answer.with_body))
    }

    /// Header fields for the client whose request ran the handler, beside those of the answer.
    fn own<'py>(&self, py: Python<'py>, keep: &HttpKeep) -> PyResult<Bound<'py, PyList>> {
        fields::write(py, &keep.keep.own, self.style)
    }

    /// What the client gets that takes a stored response only, if there is none.
    fn unsatisfied<'py>(&self, py: Python<'py>) -> PyResult<Head<'py>> {
        let answer = self.policy.unsatisfied();
        Ok((answer.status, fields::write(py, &answer.headers, self.style)?, answer.with_body))
    }

    /// What the client gets of a response that is not stored. A head that HTTP does not know stays as it is.
    fn pass_on<'py>(
        &self,
        py: Python<'py>,
        request: &HttpRequest,
        question: Option<&HttpQuestion>,
        reason: &Bound<'py, PyString>,
        status: u16,
        headers: &Bound<'py, PyAny>,
    ) -> PyResult<Head<'py>> {
        let reason = word(reason, "a reason", plain::reason)?;
        // (It may be an iterator, which can be gone through once.)
        let headers = PyList::new(py, headers.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
        let Ok(mut map) = fields::read(&headers)? else { return Ok((status, headers, true)) };
        let question = question.map(|question| &question.question);
        let passed = self.policy.pass(&request.of(py), question, reason, status, &mut map);
        Ok((passed.status, fields::write(py, &map, self.style)?, passed.with_body))
    }

    /// The keys and the prefixes to invalidate once a request that bypassed was answered.
    fn invalidates(
        &self,
        py: Python<'_>,
        request: &HttpRequest,
        status: u16,
    ) -> Option<(Vec<String>, Vec<String>)> {
        let what = self.policy.invalidates(&request.of(py), status)?;
        Some((what.keys, what.prefixes))
    }
}

/// One of the policy's words, which only this package says.
fn word<T>(given: &Bound<'_, PyString>, what: &str, find: fn(&str) -> Option<T>) -> PyResult<T> {
    let found = given.to_str().ok().and_then(find);
    found.ok_or_else(|| wrong_type(given, what, "give one of the policy's words"))
}
