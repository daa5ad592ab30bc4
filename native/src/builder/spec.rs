//! Which stream is meant.

use std::str::FromStr;

use crate::error::BuildError;

/// Which stream a cache follows, as the text given to
/// [`Builder::stream`](crate::Builder::stream) says.
///
/// ```
/// use snowmelt::StreamSpec;
///
/// assert_eq!("none".parse(), Ok(StreamSpec::None));
/// assert_eq!("memory:shop".parse(), Ok(StreamSpec::Memory("shop".into())));
/// assert_eq!("orders".parse(), Ok(StreamSpec::Kinesis("orders".into())));
/// let error = "undefined".parse::<StreamSpec>().unwrap_err();
/// assert!(error.to_string().contains("environment variable"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamSpec {
    /// `none`: lifetimes and shared loads only.
    None,
    /// `memory:NAME`: the stream of that name within this process.
    Memory(String),
    /// A Kinesis data stream, by its name or its ARN.
    Kinesis(String),
}

/// What a variable that is not set turns into in one language or another.
const NOTHING: [&str; 7] = ["", "undefined", "null", "None", "nil", "<nil>", "memory:"];

impl FromStr for StreamSpec {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        let trimmed = text.trim();
        if trimmed == "none" {
            return Ok(Self::None);
        }
        if NOTHING.contains(&trimmed) {
            return Err(BuildError::NoStream { given: text.into() });
        }
        Ok(match trimmed.strip_prefix("memory:") {
            Some(name) => Self::Memory(name.into()),
            None => Self::Kinesis(trimmed.into()),
        })
    }
}
