//! Options from loosely typed values, for hosts in other languages.
//!
//! Such a host has a bag of options: texts, numbers, flags, nothing. What they
//! mean is decided here, once, so that an option is read the same way in every
//! language and refused in the same words. Messages name options between
//! backticks, in the core's case; a host prints them in its own.
//!
//! ```
//! use std::time::Duration;
//! use snowmelt_core::{Config, Setting, Units};
//!
//! let mut config = Config::default();
//! config.set("max_lag", &Setting::Text("1m30s"), Units::Milliseconds)?;
//! config.set("give_up_bytes", &Setting::Text("16mb"), Units::Milliseconds)?;
//! assert_eq!((config.max_lag, config.give_up_bytes), (Duration::from_secs(90), 16 << 20));
//!
//! // 30 what? A host whose language counts milliseconds would wait 30 of them.
//! let error = config.set("max_lag", &Setting::Number(30.0), Units::Milliseconds).unwrap_err();
//! assert!(error.to_string().contains(r#"write "30ms" or "30s""#));
//! # Ok::<(), snowmelt_core::ConfigError>(())
//! ```

mod names;
mod sources;
mod values;

pub use names::{NAMES, unknown};
pub use values::{count, duration, flag, one_of, refused, share, size, text};

use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::config::{Config, OnUndecodable};
use crate::error::ConfigError;
use crate::invalidation::RecordFormat;

/// A value as a host in another language gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// `null`, `undefined`, `None`: refused, since it is mostly a variable that
    /// was not set. A host that has options which are there without a value
    /// (`{ maxLag: undefined }`) leaves them out.
    Nothing,
    /// A list or array of values.
    List(Vec<Setting<'a>>),
    /// An object, dict or map: its fields with the names that they have in the
    /// host's language, in order. Where a name of the core's is asked for,
    /// `parameter_store` and `parameterStore` are the same.
    Fields(Vec<(Cow<'a, str>, Setting<'a>)>),
    /// Anything else: the name of its type in that language, for the message.
    /// A list or an object that lies deeper than [`MAX_DEPTH`] is given so too.
    Other(&'a str),
}

/// How many lists and objects may lie within each other; none of the options
/// has more. A host stops here, because what it is given may contain itself.
pub const MAX_DEPTH: usize = 4;

/// What a bare number means where a duration is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// Milliseconds, as in JavaScript. A number above 0 and below 1000 is
    /// refused: most of them were meant as seconds.
    Milliseconds,
    /// Seconds, as in Python.
    Seconds,
}

impl Config {
    /// Sets the option of that name, one of [`NAMES`]. Whether it fits with
    /// the others is for [`Config::validate`] to say, once all are set.
    ///
    /// Most names are those of the fields; `ttl` sets `ttl_min` and `ttl_max`
    /// to one duration. Durations are texts with a unit (`"250ms"`, `"1h30m"`)
    /// or bare numbers in `units`; sizes are texts with a unit, in which a `kb`
    /// is 1024 bytes, or whole numbers; counts are whole numbers. `source` is an
    /// object or a list of them, each with one field that says where changes
    /// come from:
    ///
    /// ```text
    /// { dynamodb: { table: "users", key: "users/{pk}" } }
    /// { parameter_store: { key: "config/{name}" } }
    /// { secrets_manager: { key: "secrets/{id}", tag: ["secret:{id}"] } }
    /// ```
    ///
    /// `key`, `tag` and `prefix` are a template or a list of them; see
    /// [`Source`](crate::Source). It replaces what was there.
    ///
    /// The stream is no option here: a host opens it. Nor is `segments`.
    ///
    /// # Errors
    ///
    /// If there is no such option or it cannot have this value; then nothing
    /// was changed.
    pub fn set(&mut self, option: &str, setting: &Setting<'_>, units: Units) -> Result<(), ConfigError> {
        let Some(&option) = NAMES.iter().find(|name| **name == option) else {
            return Err(unknown(option, NAMES));
        };
        if self.set_duration(option, setting, units)? || self.set_number(option, setting)? {
            return Ok(());
        }
        self.set_word(option, setting)
    }

    /// Whether the option is a duration.
    fn set_duration(
        &mut self,
        option: &'static str,
        setting: &Setting<'_>,
        units: Units,
    ) -> Result<bool, ConfigError> {
        let read = || duration(option, setting, units);
        let field = match option {
            "ttl" => {
                let ttl = read()?;
                (self.ttl_min, self.ttl_max) = (ttl, ttl);
                return Ok(true);
            }
            "soft_load_timeout" => {
                return read().map(|read| self.soft_load_timeout = Some(read)).map(|()| true);
            }
            "negative_ttl" => return read().map(|read| self.negative_ttl = Some(read)).map(|()| true),
            "ttl_min" => &mut self.ttl_min,
            "ttl_max" => &mut self.ttl_max,
            "catch_up_every" => &mut self.catch_up_every,
            "max_lag" => &mut self.max_lag,
            "margin" => &mut self.margin,
            "settle" => &mut self.settle,
            "retention" => &mut self.retention,
            "catch_up_budget" => &mut self.catch_up_budget,
            "call_timeout" => &mut self.call_timeout,
            "load_timeout" => &mut self.load_timeout,
            "stale_while_revalidate" => &mut self.stale_while_revalidate,
            "stale_if_error" => &mut self.stale_if_error,
            _ => return Ok(false),
        };
        *field = read()?;
        Ok(true)
    }

    /// Whether the option is a size or a count.
    fn set_number(&mut self, option: &'static str, setting: &Setting<'_>) -> Result<bool, ConfigError> {
        match option {
            "max_weight" => self.max_weight = size(option, setting)?,
            "give_up_bytes" => self.give_up_bytes = size(option, setting)?,
            "max_entries" => self.max_entries = count(option, setting)?,
            "max_leases" => self.max_leases = count(option, setting)?,
            "max_fences" => self.max_fences = count(option, setting)?,
            "give_up_records" => self.give_up_records = count(option, setting)?,
            "page_records" => self.page_records = count(option, setting)?,
            "refresh_ahead" => self.refresh_ahead = share(option, setting)?,
            "lanes" => self.lanes = Some(count(option, setting)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The options that are left: texts, choices, and what has parts.
    fn set_word(&mut self, option: &'static str, setting: &Setting<'_>) -> Result<(), ConfigError> {
        match option {
            "namespace" => self.namespace = text(option, setting)?.to_string(),
            "on_undecodable" => {
                let choices = [("skip", OnUndecodable::Skip), ("flush", OnUndecodable::Flush)];
                self.on_undecodable = one_of(option, setting, &choices)?;
            }
            "record_format" => {
                let choices = [("snowmelt", RecordFormat::Snowmelt), ("scache", RecordFormat::Scache)];
                self.record_format = one_of(option, setting, &choices)?;
            }
            "keys_as_tags" => self.keys_as_tags = flag(option, setting)?,
            "source" => self.sources = sources::read(setting)?,
            _ => return Err(unknown(option, NAMES)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
