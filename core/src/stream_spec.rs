//! Which stream is meant.

use alloc::format;
use alloc::string::String;
use core::str::FromStr;

use crate::error::ConfigError;

/// Which stream a cache follows, as the text of the option `stream` says.
///
/// ```
/// use snowmelt_core::StreamSpec;
///
/// assert_eq!("none".parse(), Ok(StreamSpec::None));
/// assert_eq!("memory:shop".parse(), Ok(StreamSpec::Memory("shop".into())));
/// assert_eq!("memory:".parse(), Ok(StreamSpec::Memory("".into())));
/// assert_eq!("orders".parse(), Ok(StreamSpec::Kinesis("orders".into())));
/// let error = "undefined".parse::<StreamSpec>().unwrap_err();
/// assert!(error.to_string().contains("environment variable"));
/// ```
///
/// Exhaustive, so that a host which cannot open a new kind does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamSpec {
    /// `none`: lifetimes and shared loads only.
    None,
    /// `memory:NAME`: the stream of that name within this process. The name
    /// may be empty: that is one stream too.
    Memory(String),
    /// A Kinesis data stream, by its name or its ARN; which of them is not
    /// decided here.
    Kinesis(String),
}

/// What a variable that is not set turns into in one language or another.
const NOTHING: [&str; 7] = ["undefined", "null", "None", "nil", "<nil>", "NaN", "[object Object]"];

impl StreamSpec {
    /// The error for a stream that was not given at all; `given` says what was
    /// found in its place, in the words of the host's language (`undefined`,
    /// `None`, `not given`).
    pub fn not_set(given: &str) -> ConfigError {
        ConfigError::new(
            "stream",
            given,
            "the usual cause is an environment variable that is not set; give a stream's name or ARN, `memory:NAME` \
             for a stream within this process, or `none` to cache without one",
        )
    }
}

impl FromStr for StreamSpec {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let trimmed = text.trim();
        if trimmed == "none" {
            return Ok(Self::None);
        }
        let memory = trimmed.strip_prefix("memory:").map(str::trim);
        if trimmed.is_empty() || NOTHING.contains(&memory.unwrap_or(trimmed)) {
            return Err(Self::not_set(&format!("{text:?}")));
        }
        Ok(match memory {
            Some(name) => Self::Memory(name.into()),
            None => Self::Kinesis(trimmed.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_text_names_a_stream() {
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders";
        for (text, spec) in [
            ("none", StreamSpec::None),
            (" none\n", StreamSpec::None),
            ("memory:", StreamSpec::Memory(String::new())),
            ("memory: ", StreamSpec::Memory(String::new())),
            ("memory:shop", StreamSpec::Memory("shop".into())),
            ("memory:none", StreamSpec::Memory("none".into())),
            (" orders ", StreamSpec::Kinesis("orders".into())),
            (arn, StreamSpec::Kinesis(arn.into())),
        ] {
            assert_eq!(text.parse(), Ok(spec), "{text:?}");
        }
    }

    #[test]
    fn what_stands_for_nothing_is_refused_with_its_usual_cause() {
        let named = NOTHING.map(|word| format!("memory:{word}"));
        let texts =
            NOTHING.into_iter().chain(named.iter().map(String::as_str)).chain(["", " ", "memory: null"]);
        for text in texts {
            let error = text.parse::<StreamSpec>().unwrap_err();
            assert_eq!(
                (error.option.as_ref(), error.value.as_str()),
                ("stream", format!("{text:?}").as_str())
            );
            assert!(error.to_string().contains("environment variable that is not set"), "{error}");
        }
        let error = StreamSpec::not_set("undefined").to_string();
        assert!(error.starts_with("option `stream` is undefined: "), "{error}");
    }
}
