//! What needs no cache: names, keys, records, tokens. Plain data goes in and
//! out as JSON; the tests replay the core's vectors through these.

use pyo3::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use snowmelt::Invalidation;
use snowmelt_core::codes::INVALID_ARGUMENT;
use snowmelt_core::options::Units;
use snowmelt_plain::{Failure, codecs};

use crate::failure::{OrRaise, to_python};

/// Reads an argument; one that is no such JSON is a mistake in this package.
pub(crate) fn read<T: DeserializeOwned>(py: Python<'_>, json: &str) -> PyResult<T> {
    serde_json::from_str(json)
        .map_err(|error| to_python(py, Failure::new(INVALID_ARGUMENT, error.to_string())))
}

#[pyfunction]
pub(crate) fn check_config(py: Python<'_>, settings: &str) -> PyResult<()> {
    codecs::check_config(&read::<Json>(py, settings)?, Units::Seconds).or_raise(py)
}

#[pyfunction]
pub(crate) fn check_name(py: Python<'_>, what: &str, name: &str) -> PyResult<()> {
    codecs::check_name(what, name).or_raise(py)
}

#[pyfunction]
pub(crate) fn print_data_id(source: String, id: String) -> String {
    codecs::print_data_id(source, id)
}

/// `(source, id)`.
#[pyfunction]
pub(crate) fn parse_data_id(py: Python<'_>, text: &str) -> PyResult<(String, String)> {
    let parsed = codecs::parse_data_id(text).or_raise(py)?;
    let field = |name: &str| parsed[name].as_str().unwrap_or_default().to_owned();
    Ok((field("source"), field("id")))
}

#[pyfunction]
pub(crate) fn decode(py: Python<'_>, base64: &str, namespace: &str, source: &str) -> PyResult<String> {
    Ok(codecs::decode(base64, namespace, &read(py, source)?).or_raise(py)?.to_string())
}

#[pyfunction]
pub(crate) fn encode(
    py: Python<'_>,
    what: &str,
    format: &str,
    namespace: &str,
    written: f64,
) -> PyResult<Vec<String>> {
    codecs::encode(&read::<Invalidation>(py, what)?, format, namespace, written).or_raise(py)
}

#[pyfunction]
pub(crate) fn parse_token(py: Python<'_>, text: &str) -> PyResult<String> {
    Ok(codecs::parse_token(text).or_raise(py)?.to_string())
}

#[pyfunction]
pub(crate) fn lane_hash_key(py: Python<'_>, lane: f64, lanes: f64) -> PyResult<String> {
    codecs::lane_hash(lane, lanes).or_raise(py)
}
