//! Options out of another language: pairs of a name and whatever was given.

use serde_json::Value;
use snowmelt_core::options::{self, Setting, Units};
use snowmelt_core::{Config, ConfigError};

/// The defaults, changed by `settings`.
pub fn config(settings: &Value, stream: Option<String>, units: Units) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    config.stream = stream;
    for pair in settings.as_array().map(Vec::as_slice).unwrap_or_default() {
        match pair[0].as_str() {
            // No option of a binding's: the vectors prove that it makes no
            // difference.
            Some("segments") => config.segments = options::count("segments", &setting(&pair[1]))?,
            Some(option) => config.set(option, &setting(&pair[1]), units)?,
            None => {}
        }
    }
    Ok(config)
}

/// A value of whatever type. An object is what it is, unless its only field is
/// `{"other": type}`: that is a value of another type, for the message.
pub fn setting(value: &Value) -> Setting<'_> {
    match value {
        Value::Null => Setting::Nothing,
        Value::Bool(flag) => Setting::Flag(*flag),
        Value::Number(number) => Setting::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Setting::Text(text),
        Value::Array(items) => Setting::List(items.iter().map(setting).collect()),
        Value::Object(fields) => match fields.get("other") {
            Some(Value::String(kind)) if fields.len() == 1 => Setting::Other(kind),
            _ => {
                let fields = fields.iter().map(|(name, value)| (name.as_str().into(), setting(value)));
                Setting::Fields(fields.collect())
            }
        },
    }
}
