//! What Python gives, as the core takes it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PySlice, PyString};
use serde_json::{Value as Json, json};
use snowmelt::Invalidation;
use snowmelt_core::codes::{INVALID_ARGUMENT, INVALID_NAME};
use snowmelt_core::invalidation::check_name;
use snowmelt_core::options::{self, Setting, Units};
use snowmelt_plain::Failure;

use crate::failure::{OrRaise, raise, to_python};

/// A key's text, without a copy.
#[inline]
pub(crate) fn key_text<'a>(key: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    match key.cast::<PyString>() {
        Ok(text) => text.to_str().map_err(|_| lone_surrogate("key", key)),
        Err(_) => Err(no_text("key", key)),
    }
}

/// What is checked, and is a text.
pub(crate) fn name(what: &'static str, name: &Bound<'_, PyAny>) -> PyResult<String> {
    let Ok(text) = name.cast::<PyString>() else { return Err(no_text(what, name)) };
    let text = text.to_str().map_err(|_| lone_surrogate(what, name))?;
    check_name(what, text).or_raise(name.py())?;
    Ok(text.to_owned())
}

#[cold]
fn lone_surrogate(what: &str, name: &Bound<'_, PyAny>) -> PyErr {
    let message = format!(
        "the {what} {} has a lone surrogate, so that it is no Unicode text: encode it, or leave that character out",
        shown(name)
    );
    to_python(name.py(), Failure::new(INVALID_NAME, message))
}

#[cold]
fn no_text(what: &str, name: &Bound<'_, PyAny>) -> PyErr {
    let message = format!("a {what} is {}: give a str", described(name));
    raise(name.py(), &json!({ "code": INVALID_NAME, "message": message, "type": true }).to_string())
}

/// An argument of the wrong type.
#[cold]
pub(crate) fn wrong_type(value: &Bound<'_, PyAny>, what: &str, remedy: &str) -> PyErr {
    let message = format!("{what} is {}: {remedy}", described(value));
    raise(value.py(), &json!({ "code": INVALID_ARGUMENT, "message": message, "type": true }).to_string())
}

fn shown(value: &Bound<'_, PyAny>) -> String {
    let text = match value.cast_exact::<PyString>() {
        // A long one is not gone through as a whole.
        Ok(text) if text.len().is_ok_and(|length| length > 64) => {
            value.get_item(PySlice::new(value.py(), 0, 64, 1)).and_then(|start| start.repr())
        }
        _ => value.repr(),
    };
    let text = text.map_or_else(|_| "?".into(), |text| text.to_string_lossy().into_owned());
    if text.chars().count() <= 64 { text } else { text.chars().take(61).chain("...".chars()).collect() }
}

/// What a value is, for messages.
pub(crate) fn described(value: &Bound<'_, PyAny>) -> String {
    if value.is_none() {
        return "None".into();
    }
    let kind = value.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    let plain = value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>();
    if plain { format!("the {kind} {}", shown(value)) } else { format!("a {kind}") }
}

/// Names out of a list, tuple, set or whatever can be gone through.
pub(crate) fn names(what: &'static str, list: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    let Some(list) = list.filter(|list| !list.is_none()) else { return Ok(Vec::new()) };
    if list.is_instance_of::<PyString>() {
        return Ok(vec![name(what, list)?]);
    }
    let Ok(items) = list.try_iter() else {
        let whats = if what == "prefix" { "prefixes".into() } else { format!("{what}s") };
        return Err(wrong_type(list, &format!("`{whats}`"), "give a list of str"));
    };
    items.map(|item| name(what, &item?)).collect()
}

pub(crate) fn invalidation(
    keys: Option<&Bound<'_, PyAny>>,
    tags: Option<&Bound<'_, PyAny>>,
    prefixes: Option<&Bound<'_, PyAny>>,
    all: bool,
) -> PyResult<Invalidation> {
    let mut what = Invalidation::keys(names("key", keys)?);
    (what.tags, what.prefixes, what.all) = (names("tag", tags)?, names("prefix", prefixes)?, all);
    Ok(what)
}

/// A duration: seconds, a `timedelta`, or a text with a unit.
pub(crate) fn duration(option: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>() {
        let text = text.to_str().map_err(|_| lone_surrogate(option, value))?;
        return options::duration(option, &Setting::Text(text), Units::Seconds).or_raise(py);
    }
    if !value.is_instance_of::<PyBool>() {
        if let Ok(seconds) = value.extract::<f64>() {
            return options::duration(option, &Setting::Number(seconds), Units::Seconds).or_raise(py);
        }
        if let Ok(seconds) = value.call_method0("total_seconds") {
            let seconds: f64 = seconds.extract()?;
            return options::duration(option, &Setting::Number(seconds), Units::Seconds).or_raise(py);
        }
    }
    Err(wrong_type(value, &format!("`{option}`"), "give seconds, a timedelta, or a text such as \"30s\""))
}

/// A call's own `soft_load_timeout`, in seconds: Python itself waits.
#[pyfunction]
pub(crate) fn soft_load_timeout(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    Ok(duration("soft_load_timeout", value)?.as_secs_f64())
}

/// A weight, rounded up.
pub(crate) fn weight(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    let heavy = value.extract::<f64>().ok().filter(|heavy| (0.0..4_294_967_296.0).contains(heavy));
    match heavy.filter(|_| !value.is_instance_of::<PyBool>()) {
        Some(heavy) => Ok(snowmelt_plain::words::weight(heavy)),
        None => Err(wrong_type(value, "the weight", "give a number from 0 to 4294967295")),
    }
}

/// A time: a `datetime`, or seconds since 1970.
pub(crate) fn time(value: &Bound<'_, PyAny>) -> PyResult<SystemTime> {
    let seconds = match value.extract::<f64>() {
        Ok(seconds) if !value.is_instance_of::<PyBool>() => Some(seconds),
        _ => {
            // Most naive ones are in UTC, and would be taken for local time: for another moment.
            if value.getattr("tzinfo").is_ok_and(|zone| zone.is_none()) {
                let remedy = "give it a time zone, as datetime.now(timezone.utc) has one";
                return Err(wrong_type(value, "`as_of`", remedy));
            }
            value.call_method0("timestamp").and_then(|seconds| seconds.extract::<f64>()).ok()
        }
    };
    let seconds = seconds.filter(|seconds| !seconds.is_nan());
    let since = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
    let time = since.and_then(|since| UNIX_EPOCH.checked_add(since));
    time.ok_or_else(|| wrong_type(value, "`as_of`", "give a datetime, or seconds since 1970"))
}

/// An argument that is a position token.
pub(crate) fn token(value: &Bound<'_, PyAny>) -> PyResult<snowmelt::PositionToken> {
    let Ok(text) = value.cast::<PyString>() else { return Err(no_text("position token", value)) };
    let text = text.to_str().map_err(|_| lone_surrogate("position token", value))?;
    text.parse::<snowmelt::PositionToken>().or_raise(value.py())
}

/// Plain data as Python has it.
pub(crate) fn object<'py>(py: Python<'py>, value: &Json) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Json::Null => py.None().into_bound(py),
        Json::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => PyInt::new(py, whole).into_any(),
            None => PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN)).into_any(),
        },
        Json::String(text) => PyString::new(py, text).into_any(),
        Json::Array(items) => {
            let list = PyList::empty(py);
            items.iter().try_for_each(|item| list.append(object(py, item)?))?;
            list.into_any()
        }
        Json::Object(fields) => {
            let dict = PyDict::new(py);
            fields.iter().try_for_each(|(name, value)| dict.set_item(name, object(py, value)?))?;
            dict.into_any()
        }
    })
}
