//! What an option was given, as the core reads options.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyInt, PyMapping, PyMemoryView, PySequence, PyString};
use snowmelt_core::ConfigError;
use snowmelt_core::options::{MAX_DEPTH, Setting};

use crate::convert::described;
use crate::options::refuse_value;

/// A value out of Python. It owns what a [`Setting`] only refers to: the parts
/// of a list or a mapping may be gone as soon as the next one is asked for.
pub(crate) enum Given {
    Text(String),
    Number(f64),
    Flag(bool),
    Nothing,
    List(Vec<Self>),
    Fields(Vec<(String, Self)>),
    /// The name of its type.
    Other(String),
}

impl Given {
    /// What `option` was given. What the value's own methods raise is passed on,
    /// where it is a mapping or a sequence; otherwise it is of another type.
    pub(crate) fn read(option: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::within(option, value, MAX_DEPTH)
    }

    /// `path` says where the value lies, in the core's words:
    /// `source[1].dynamodb.key`. Lists and mappings may lie `depth` deep in it.
    fn within(path: &str, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self::Nothing);
        }
        if value.is_instance_of::<PyString>() {
            return text(path, value).map(Self::Text);
        }
        if let Ok(flag) = value.cast::<PyBool>() {
            return Ok(Self::Flag(flag.is_true()));
        }
        if let Some(number) = number(value) {
            return Ok(Self::Number(number));
        }
        match depth.checked_sub(1) {
            Some(rest) if value.cast::<PyMapping>().is_ok() => Self::fields(path, value.cast()?, rest),
            Some(rest) if is_list(value) => Self::list(path, value, rest),
            _ => {
                Ok(Self::Other(value.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string())))
            }
        }
    }

    fn fields(path: &str, mapping: &Bound<'_, PyMapping>, depth: usize) -> PyResult<Self> {
        let mut fields = Vec::new();
        for item in mapping.items()? {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            if !key.is_instance_of::<PyString>() {
                let value_is = format!("a mapping with {} as a name", described(&key));
                let error = ConfigError::new(path.to_owned(), value_is, "give names as str");
                return Err(refuse_value(key.py(), error.of_wrong_type()));
            }
            let name = text(path, &key)?;
            let value = Self::within(&format!("{path}.{name}"), &value, depth)?;
            fields.push((name, value));
        }
        Ok(Self::Fields(fields))
    }

    fn list(path: &str, list: &Bound<'_, PyAny>, depth: usize) -> PyResult<Self> {
        let items: Vec<_> = list.try_iter()?.collect::<PyResult<_>>()?;
        // The core numbers them where there are several.
        let numbered = |index| if items.len() > 1 { format!("{path}[{index}]") } else { path.to_owned() };
        let each = items.iter().enumerate();
        let read = each.map(|(index, item)| Self::within(&numbered(index), item, depth));
        read.collect::<PyResult<_>>().map(Self::List)
    }

    pub(crate) fn setting(&self) -> Setting<'_> {
        match self {
            Self::Text(text) => Setting::Text(text),
            Self::Number(number) => Setting::Number(*number),
            Self::Flag(flag) => Setting::Flag(*flag),
            Self::Nothing => Setting::Nothing,
            Self::List(items) => Setting::List(items.iter().map(Self::setting).collect()),
            Self::Fields(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.as_str().into(), value.setting()));
                Setting::Fields(fields.collect())
            }
            Self::Other(kind) => Setting::Other(kind),
        }
    }
}

fn text(path: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = value.cast::<PyString>()?.to_str();
    text.map(str::to_owned).map_err(|_| refuse_value(value.py(), not_unicode(path.to_owned(), value)))
}

pub(crate) fn not_unicode(
    option: impl Into<std::borrow::Cow<'static, str>>,
    value: &Bound<'_, PyAny>,
) -> ConfigError {
    ConfigError::new(option, described(value), "it has a lone surrogate: leave that character out")
}

fn number(value: &Bound<'_, PyAny>) -> Option<f64> {
    if let Ok(number) = value.extract::<f64>() {
        return Some(number);
    }
    if value.is_instance_of::<PyInt>() {
        return Some(f64::INFINITY);
    }
    // A `timedelta`.
    value.call_method0("total_seconds").and_then(|seconds| seconds.extract::<f64>()).ok()
}

/// Lists, tuples and what else is a sequence; of bytes nobody means each one.
fn is_list(value: &Bound<'_, PyAny>) -> bool {
    let is_bytes = value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyMemoryView>();
    !is_bytes && value.cast::<PySequence>().is_ok()
}
