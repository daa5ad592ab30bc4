//! A configuration as the transcripts write it.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use snowmelt_core::{Config, ConfigError, OnUndecodable, RecordFormat, Setting, Share, Source, Units};

/// The defaults, changed by `options`. Durations are in milliseconds.
pub(crate) fn config(options: &Map<String, Value>) -> Result<Config, String> {
    let mut config = Config::default();
    for (option, value) in options {
        set(&mut config, option, value)?;
    }
    Ok(config)
}

fn set(config: &mut Config, option: &str, value: &Value) -> Result<(), String> {
    match option {
        "stream" => config.stream = read(option, value)?,
        "ttl_min" => config.ttl_min = duration(option, value)?,
        "ttl_max" => config.ttl_max = duration(option, value)?,
        "catch_up_every" => config.catch_up_every = duration(option, value)?,
        "max_lag" => config.max_lag = duration(option, value)?,
        "margin" => config.margin = duration(option, value)?,
        "settle" => config.settle = duration(option, value)?,
        "retention" => config.retention = duration(option, value)?,
        "catch_up_budget" => config.catch_up_budget = duration(option, value)?,
        "call_timeout" => config.call_timeout = duration(option, value)?,
        "load_timeout" => config.load_timeout = duration(option, value)?,
        "max_entries" => config.max_entries = read(option, value)?,
        "max_weight" => config.max_weight = read(option, value)?,
        "max_leases" => config.max_leases = read(option, value)?,
        "max_fences" => config.max_fences = read(option, value)?,
        "segments" => config.segments = read(option, value)?,
        "lanes" => config.lanes = read(option, value)?,
        "namespace" => config.namespace = read(option, value)?,
        "on_undecodable" => {
            config.on_undecodable = match value.as_str() {
                Some("skip") => OnUndecodable::Skip,
                Some("flush") => OnUndecodable::Flush,
                _ => return Err(format!("`on_undecodable` cannot be {value}")),
            }
        }
        "record_format" => config.record_format = format(value.as_str().unwrap_or_default())?,
        "source" => config.sources = sources(value).map_err(|error| error.to_string())?,
        "keys_as_tags" => config.keys_as_tags = read(option, value)?,
        "give_up_records" => config.give_up_records = read(option, value)?,
        "give_up_bytes" => config.give_up_bytes = read(option, value)?,
        "page_records" => config.page_records = read(option, value)?,
        _ => return set_refresh(config, option, value),
    }
    Ok(())
}

fn set_refresh(config: &mut Config, option: &str, value: &Value) -> Result<(), String> {
    match option {
        "soft_load_timeout" => config.soft_load_timeout = Some(duration(option, value)?),
        "stale_while_revalidate" => config.stale_while_revalidate = duration(option, value)?,
        "stale_if_error" => config.stale_if_error = duration(option, value)?,
        "refresh_ahead" => {
            let share = Share::new(read(option, value)?);
            config.refresh_ahead = share.ok_or_else(|| format!("`{option}` cannot be {value}"))?;
        }
        "negative_ttl" => config.negative_ttl = Some(duration(option, value)?),
        _ => return Err(format!("no option is called `{option}`")),
    }
    Ok(())
}

/// What the option `source` says; null says nothing.
pub(crate) fn sources(value: &Value) -> Result<Vec<Source>, ConfigError> {
    let mut config = Config::default();
    if !value.is_null() {
        config.set("source", &setting(value), Units::Milliseconds)?;
    }
    Ok(config.sources)
}

fn setting(value: &Value) -> Setting<'_> {
    match value {
        Value::Null => Setting::Nothing,
        Value::Bool(flag) => Setting::Flag(*flag),
        Value::Number(number) => Setting::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Setting::Text(text),
        Value::Array(items) => Setting::List(items.iter().map(setting).collect()),
        Value::Object(fields) => Setting::Fields(
            fields.iter().map(|(name, value)| (name.as_str().into(), setting(value))).collect(),
        ),
    }
}

pub(crate) fn format(name: &str) -> Result<RecordFormat, String> {
    match name {
        "snowmelt" => Ok(RecordFormat::Snowmelt),
        "scache" => Ok(RecordFormat::Scache),
        _ => Err(format!("no record format is called {name:?}")),
    }
}

fn read<T: DeserializeOwned>(option: &str, value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| format!("`{option}`: {error}"))
}

fn duration(option: &str, value: &Value) -> Result<Duration, String> {
    read(option, value).map(Duration::from_millis)
}
