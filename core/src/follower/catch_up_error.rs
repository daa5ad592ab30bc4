//! A catch-up that did not do what was asked, in words.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use super::attempt::Outcome;
use super::call::CallErrorKind;
use crate::error::{InputError, codes};

/// A catch-up that did not reach the tip. What it read was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatchUpError {
    /// The stream throttled.
    Throttled,
    /// The stream could not be read.
    Failed {
        /// What kind of failure it was.
        kind: CallErrorKind,
        /// Cause and remedy.
        message: String,
    },
    /// The budget was used up.
    OutOfBudget,
}

impl CatchUpError {
    /// What an outcome means to whoever asked for the catch-up and waited;
    /// `None` stands for a wait that ended before the catch-up did.
    ///
    /// # Errors
    ///
    /// Unless the catch-up succeeded.
    pub fn check(outcome: Option<Outcome>) -> Result<(), Self> {
        match outcome {
            Some(Outcome::Succeeded) => Ok(()),
            Some(Outcome::Throttled) => Err(Self::Throttled),
            Some(Outcome::Failed { kind, message }) => Err(Self::Failed { kind, message }),
            Some(Outcome::OutOfBudget) | None => Err(Self::OutOfBudget),
        }
    }

    /// Its code, one of [`codes`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Throttled => codes::CATCH_UP_THROTTLED,
            Self::Failed { .. } => codes::CATCH_UP_FAILED,
            Self::OutOfBudget => codes::CATCH_UP_OUT_OF_BUDGET,
        }
    }
}

impl fmt::Display for CatchUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttled => f.write_str(
                "the stream throttled: its shards give 5 reads a second to all caches together; try again a little \
                 later, raise `catch_up_every`, or use more `lanes`",
            ),
            Self::Failed { message, .. } => write!(f, "the stream could not be read: {message}"),
            Self::OutOfBudget => f.write_str(
                "the catch-up took longer than it may: call it again to go on where it stopped, or raise \
                 `catch_up_budget`",
            ),
        }
    }
}

impl core::error::Error for CatchUpError {}

/// A token whose write could not be caught up with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatchUpToError {
    /// The token cannot be read, or is of another stream.
    Input(InputError),
    /// Time was up. What can be read by now was applied.
    Deadline {
        /// How long it was tried.
        within: Duration,
        /// Why the last catch-up failed, if it did.
        last: Option<CatchUpError>,
    },
}

impl CatchUpToError {
    /// Its code, one of [`codes`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Input(error) => error.code(),
            Self::Deadline { .. } => codes::CATCH_UP_DEADLINE,
        }
    }
}

impl fmt::Display for CatchUpToError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (within, last) = match self {
            Self::Input(error) => return error.fmt(f),
            Self::Deadline { within, last } => (within, last),
        };
        write!(f, "the write that the token names was not reached within {within:?}: ")?;
        match last {
            Some(error) => error.fmt(f),
            None => f.write_str("it cannot be read from the stream yet; allow more time"),
        }
    }
}

impl core::error::Error for CatchUpToError {}

impl From<InputError> for CatchUpToError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn each_text_names_a_remedy() {
        assert!(CatchUpError::Throttled.to_string().contains("raise `catch_up_every`"));
        assert!(CatchUpError::OutOfBudget.to_string().contains("raise `catch_up_budget`"));
        let failed = CatchUpError::Failed { kind: CallErrorKind::Denied, message: "allow it".into() };
        assert_eq!(failed.to_string(), "the stream could not be read: allow it");
    }

    #[test]
    fn a_deadline_tells_why_it_passed() {
        let within = Duration::from_millis(1500);
        let deadline = |last| CatchUpToError::Deadline { within, last }.to_string();
        let start = "the write that the token names was not reached within 1.5s: ";
        assert_eq!(
            deadline(None).strip_prefix(start),
            Some("it cannot be read from the stream yet; allow more time")
        );
        let throttled = CatchUpError::Throttled.to_string();
        assert_eq!(deadline(Some(CatchUpError::Throttled)).strip_prefix(start), Some(throttled.as_str()));
        let input = CatchUpToError::from(InputError::OtherStream);
        assert_eq!(input.to_string(), InputError::OtherStream.to_string());
    }
}
