//! What users may say of a cache.
//!
//! The core knows most options by name, reads them and refuses them. The few
//! that are this package's are here. There is no other list of either but the
//! signature of `Cache`, which a test holds against [`option_names`].

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyMapping, PyString, PyTuple};
use serde_json::json;
use snowmelt::Report;
use snowmelt_core::options::{NAMES, Units, unknown};
use snowmelt_core::{Config, ConfigError, StreamSpec};

use crate::convert::{described, wrong_type};
use crate::failure::raise;
use crate::given::{Given, not_unicode};

/// Options that are no settings of the core, and `ttl`, which may be a pair.
const OWN: [&str; 12] = [
    "stream",
    "region",
    "endpoint",
    "ttl",
    "size_of",
    "absent",
    "copy",
    "wait_until",
    "on_event",
    "report",
    "report_to",
    "seed",
];
/// What the core has in the place of that pair.
const TTL: [&str; 2] = ["ttl_min", "ttl_max"];

/// Every option of `Cache`.
#[pyfunction]
pub(crate) fn option_names() -> Vec<&'static str> {
    let of_core = NAMES.iter().filter(|name| !OWN.contains(name) && !TTL.contains(name));
    OWN.iter().chain(of_core).copied().collect()
}

/// What a cache is made of.
pub(crate) struct Options {
    pub(crate) config: Config,
    pub(crate) stream: String,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) copy: Option<Py<PyAny>>,
    pub(crate) size_of: Option<Py<PyAny>>,
    pub(crate) absent: Option<Py<PyAny>>,
    pub(crate) on_event: Option<Py<PyAny>>,
    pub(crate) report: Report,
}

impl Options {
    /// What `Cache(…)` was called with. `None` means the default, but for
    /// `stream`, where it is mostly a variable that was not set.
    pub(crate) fn read(unnamed: &Bound<'_, PyTuple>, given: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let py = unnamed.py();
        if let Ok(first) = unnamed.get_item(0) {
            return Err(wrong_type(&first, "the first argument", "name each option, such as `stream=…`"));
        }
        let mut options = Self {
            config: Config::default(),
            stream: String::new(),
            region: None,
            endpoint: None,
            seed: None,
            copy: None,
            size_of: None,
            absent: None,
            on_event: None,
            report: Report::Json,
        };
        let (mut is_given, mut ttl_is_pair) = (false, false);
        for (name, value) in given.into_iter().flatten() {
            let name = name.to_string();
            is_given |= name == "stream";
            ttl_is_pair |= name == "ttl" && pair(&value).is_some();
            options.set(&name, &value)?;
        }
        if !is_given {
            return Err(refuse(py, &StreamSpec::not_set("not given").of_wrong_type()));
        }
        options.config.validate().map_err(|error| refuse(py, &in_python(error, ttl_is_pair)))?;
        Ok(options)
    }

    fn set(&mut self, option: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = value.py();
        let names = option_names();
        if !names.contains(&option) {
            return Err(refuse(py, &unknown(option, &names).of_wrong_type()));
        }
        match option {
            "stream" => self.stream = stream(value)?,
            _ if value.is_none() => {}
            "region" => {
                self.region = Some(text("region", value, "give a region's name, such as \"eu-west-1\"")?);
            }
            "endpoint" => {
                self.endpoint =
                    Some(text("endpoint", value, "give a URL, such as \"http://127.0.0.1:4568\"")?);
            }
            "seed" => self.seed = Some(seed(value)?),
            "copy" => self.copy = Some(function("copy", value, "(value) -> value, such as copy.deepcopy")?),
            "size_of" => self.size_of = Some(function("size_of", value, "(value, key) -> number")?),
            "absent" => self.absent = Some(function("absent", value, "(value) -> bool")?),
            "wait_until" => drop(function("wait_until", value, "(refresh) -> None")?),
            "on_event" => self.on_event = Some(function("on_event", value, "(event) -> None")?),
            "report_to" => drop(function("report_to", value, "(line) -> None")?),
            "report" => self.report = report(value)?,
            "ttl" => self.set_ttl(value)?,
            _ => self.set_of_core(option, value)?,
        }
        Ok(())
    }

    /// One duration, or the shortest and the longest.
    fn set_ttl(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some(parts) = pair(value) else { return self.set_of_core("ttl", value) };
        let [shortest, longest] = parts.as_slice() else {
            let (value_is, remedy) =
                (format!("{} durations", parts.len()), "give one, or (shortest, longest)");
            return Err(refuse(value.py(), &ConfigError::new("ttl", value_is, remedy)));
        };
        self.set_of_core(TTL[0], shortest)?;
        self.set_of_core(TTL[1], longest)
    }

    fn set_of_core(&mut self, option: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let given = Given::read(option, value)?;
        let set = self.config.set(option, &given.setting(), Units::Seconds);
        set.map_err(|error| refuse_value(value.py(), error))
    }
}

/// The items of what may be a pair of durations.
fn pair<'py>(value: &Bound<'py, PyAny>) -> Option<Vec<Bound<'py, PyAny>>> {
    if let Ok(list) = value.cast::<PyList>() {
        return Some(list.iter().collect());
    }
    value.cast::<PyTuple>().ok().map(|tuple| tuple.iter().collect())
}

/// The stream's text; what it names, native says.
fn stream(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let Ok(text) = value.cast::<PyString>() else {
        return Err(refuse(value.py(), &StreamSpec::not_set(&described(value)).of_wrong_type()));
    };
    text.to_str().map(str::to_owned).map_err(|_| refuse(value.py(), &not_unicode("stream", value)))
}

fn text(option: &'static str, value: &Bound<'_, PyAny>, remedy: &'static str) -> PyResult<String> {
    let error = ConfigError::new(option, described(value), remedy);
    let error = match value.cast::<PyString>().map(|text| text.to_str()) {
        Ok(Ok("")) => error,
        Ok(Ok(text)) => return Ok(text.to_owned()),
        Ok(Err(_)) => not_unicode(option, value),
        Err(_) => error.of_wrong_type(),
    };
    Err(refuse(value.py(), &error))
}

fn function(option: &'static str, value: &Bound<'_, PyAny>, remedy: &str) -> PyResult<Py<PyAny>> {
    if value.is_callable() {
        return Ok(value.clone().unbind());
    }
    let error = ConfigError::new(option, described(value), format!("give a function {remedy}"));
    Err(refuse(value.py(), &error.of_wrong_type()))
}

fn seed(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let is_flag = value.is_instance_of::<PyBool>();
    if let (Ok(seed), false) = (value.extract::<u64>(), is_flag) {
        return Ok(seed);
    }
    let error = ConfigError::new("seed", described(value), "give an integer from 0 to 2**64 - 1");
    let is_number = value.is_instance_of::<PyInt>() && !is_flag;
    Err(refuse(value.py(), &if is_number { error } else { error.of_wrong_type() }))
}

fn report(value: &Bound<'_, PyAny>) -> PyResult<Report> {
    let mut error =
        ConfigError::new("report", described(value), r#"give "off", "json" or {"emf": namespace}"#);
    if let Ok(style) = value.cast::<PyString>() {
        match style.to_str() {
            Ok("off") => return Ok(Report::Off),
            Ok("json") => return Ok(Report::Json),
            _ => {}
        }
    } else if let Ok(mapping) = value.cast::<PyMapping>() {
        let namespace = mapping.get_item("emf").and_then(|namespace| namespace.extract::<String>());
        if let (Ok(namespace), 1) = (namespace, mapping.len()?)
            && !namespace.is_empty()
        {
            return Ok(Report::Emf { namespace });
        }
    } else {
        error = error.of_wrong_type();
    }
    Err(refuse(value.py(), &error))
}

/// What the core says, as Python's users know it: the parts of a lifetime, and
/// what `{…}` is called.
fn in_python(mut error: ConfigError, ttl_is_pair: bool) -> ConfigError {
    let names = if ttl_is_pair { ["ttl[0]", "ttl[1]"] } else { ["ttl", "ttl"] };
    for (part, name) in TTL.iter().zip(names) {
        if error.option == *part {
            error.option = name.into();
        }
        error.remedy = error.remedy.replace(&format!("`{part}`"), &format!("`{name}`")).into();
    }
    // (At the start these are the core's own words: what users wrote is quoted.)
    if let Some(rest) = error.value.strip_prefix("an object") {
        error.value = format!("a mapping{rest}");
    }
    if let Some(rest) = error.remedy.strip_prefix("give an object") {
        error.remedy = format!("give a mapping{rest}").into();
    }
    error
}

/// The error for a value that an option cannot have.
pub(crate) fn refuse_value(py: Python<'_>, error: ConfigError) -> PyErr {
    refuse(py, &in_python(error, true))
}

fn refuse(py: Python<'_>, error: &ConfigError) -> PyErr {
    // Without the place in it that is to blame, such as `[1].dynamodb.key`.
    let option = error.option.split(['[', '.']).next();
    let failure = json!({
        "code": error.code(), "message": error.to_string(), "option": option, "value": error.value,
        "type": error.wrong_type,
    });
    raise(py, &failure.to_string())
}
