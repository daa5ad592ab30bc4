//! Header fields: pairs of a name and a value, of bytes as ASGI has them or of
//! text as Lambda has it (Latin-1).

use http::{HeaderMap, HeaderName, HeaderValue};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use snowmelt_http::plain::BadField;

use crate::convert::{described, wrong_type};

/// How Python has names and values.
#[derive(Clone, Copy)]
pub(super) enum Style {
    Bytes,
    Text,
}

/// Header fields that Python gave: those of HTTP, or the first that is none.
pub(super) type Read = Result<HeaderMap, BadField>;

/// Anything that pairs come out of.
pub(super) fn read(fields: &Bound<'_, PyAny>) -> PyResult<Read> {
    let mut map = HeaderMap::with_capacity(fields.len().unwrap_or_default().min(256));
    for field in fields.try_iter()? {
        let field = field?;
        let (name, value) = pair(&field)?;
        if !add(&mut map, &name, &value)? {
            return Ok(Err(BadField { name: shown(&name)? }));
        }
    }
    Ok(Ok(map))
}

fn pair<'py>(field: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    if let Ok(tuple) = field.cast_exact::<PyTuple>()
        && tuple.len() == 2
    {
        return Ok((tuple.get_item(0)?, tuple.get_item(1)?));
    }
    // (ASGI says that it may be any iterable.)
    let parts: Vec<_> = field.try_iter()?.collect::<PyResult<_>>()?;
    match <[_; 2]>::try_from(parts) {
        Ok([name, value]) => Ok((name, value)),
        Err(_) => Err(wrong_type(field, "a header field", "give a pair of a name and a value")),
    }
}

/// Whether HTTP knows such a field.
fn add(map: &mut HeaderMap, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let name = with_bytes(name, |name| HeaderName::from_bytes(name).ok())?.flatten();
    let value = with_bytes(value, |value| HeaderValue::from_bytes(value).ok())?.flatten();
    let (Some(name), Some(value)) = (name, value) else { return Ok(false) };
    Ok(map.try_append(name, value).is_ok())
}

/// `None` for a text that is not Latin-1.
fn with_bytes<T>(part: &Bound<'_, PyAny>, take: impl FnOnce(&[u8]) -> T) -> PyResult<Option<T>> {
    if let Ok(bytes) = part.cast::<PyBytes>() {
        return Ok(Some(take(bytes.as_bytes())));
    }
    if let Ok(text) = part.cast::<PyString>() {
        let Ok(text) = text.to_str() else { return Ok(None) };
        if text.is_ascii() {
            return Ok(Some(take(text.as_bytes())));
        }
        let bytes: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(letter).ok()).collect();
        return Ok(bytes.map(|bytes| take(&bytes)));
    }
    // (`bytearray` and `memoryview`, which servers take as well.)
    match part.extract::<Vec<u8>>() {
        Ok(bytes) => Ok(Some(take(&bytes))),
        Err(_) => Err(wrong_type(part, "a part of a header field", "give bytes or a str")),
    }
}

fn shown(name: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = with_bytes(name, |name| String::from_utf8_lossy(name).into_owned())?;
    Ok(text.unwrap_or_else(|| described(name)).chars().take(64).collect())
}

/// A list of pairs.
pub(super) fn write<'py>(py: Python<'py>, map: &HeaderMap, style: Style) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for (name, value) in map {
        let field = match style {
            Style::Bytes => {
                let parts = [PyBytes::new(py, name.as_str().as_bytes()), PyBytes::new(py, value.as_bytes())];
                PyTuple::new(py, parts)?
            }
            Style::Text => {
                PyTuple::new(py, [PyString::new(py, name.as_str()), PyString::new(py, &latin1(value))])?
            }
        };
        list.append(field)?;
    }
    Ok(list)
}

/// What is mostly ASCII.
pub(super) fn latin1(value: &HeaderValue) -> std::borrow::Cow<'_, str> {
    match value.to_str() {
        Ok(text) => text.into(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect::<String>().into(),
    }
}
