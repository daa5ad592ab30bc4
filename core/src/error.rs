//! What a caller can get wrong, named with its remedy.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// An option that cannot be used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The option's name in the core; hosts print it in their own case.
    pub option: Cow<'static, str>,
    /// What it was.
    pub value: String,
    /// What it may be, and what to do.
    pub remedy: Cow<'static, str>,
    /// No value of this type would do: for hosts whose languages have an
    /// exception of its own for that.
    pub wrong_type: bool,
}

impl ConfigError {
    /// An option's name as the core has it, what it was, and what it may be.
    pub fn new(
        option: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { option: option.into(), value: value.into(), remedy: remedy.into(), wrong_type: false }
    }

    /// The same with [`wrong_type`](Self::wrong_type) set.
    #[must_use]
    pub fn of_wrong_type(mut self) -> Self {
        self.wrong_type = true;
        self
    }

    /// [`codes::INVALID_OPTION`].
    pub const fn code(&self) -> &'static str {
        codes::INVALID_OPTION
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "option `{}` is {}: {}", self.option, self.value, self.remedy)
    }
}

impl core::error::Error for ConfigError {}

/// A key, tag or prefix that cannot be used, or a position token that cannot
/// be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// It was empty. For a prefix: an empty one would mean everything, which
    /// has to be asked for by name.
    Empty {
        /// `key`, `tag` or `prefix`.
        what: &'static str,
    },
    /// It was too long.
    TooLong {
        /// `key`, `tag` or `prefix`.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
        /// The most that is taken.
        most: usize,
    },
    /// An invalidation that names nothing.
    NothingToInvalidate,
    /// The configured record format cannot say this.
    NotInFormat {
        /// `tags`, `prefixes` or `all`.
        what: &'static str,
    },
    /// A position token that is none.
    BadToken {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A position token of another stream.
    OtherStream,
}

impl InputError {
    /// Its code, one of [`codes`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } | Self::TooLong { .. } => codes::INVALID_NAME,
            Self::NothingToInvalidate => codes::NOTHING_TO_INVALIDATE,
            Self::NotInFormat { .. } => codes::NOT_IN_FORMAT,
            Self::BadToken { .. } => codes::INVALID_TOKEN,
            Self::OtherStream => codes::OTHER_STREAM,
        }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { what: "prefix" } => {
                f.write_str("a prefix is empty: to invalidate everything, ask for `all`")
            }
            Self::Empty { what } => write!(
                f,
                "a {what} is empty: usually a variable in it was not set; give a {what} of 1 byte or more"
            ),
            Self::TooLong { what, bytes, most } => {
                write!(f, "a {what} is {bytes} bytes long: use at most {most}, for example a hash of it")
            }
            Self::NothingToInvalidate => {
                f.write_str("nothing to invalidate: give at least one key, tag or prefix, or `all`")
            }
            Self::NotInFormat { what } => write!(
                f,
                "the scache record format cannot say `{what}`: invalidate keys, or use the record format `snowmelt`"
            ),
            Self::BadToken { why } => {
                write!(f, "the position token {why}: pass it on exactly as `invalidate` returned it")
            }
            Self::OtherStream => f.write_str(
                "the position token is of another stream: writer and reader must be given the same stream",
            ),
        }
    }
}

impl core::error::Error for InputError {}

/// What errors are called in languages that tell them apart by a text. Stable:
/// programs compare with them. Each has a meaning and a remedy in the table
/// "Error codes" of the crate's documentation.
pub mod codes {
    macro_rules! codes {
        ($($(#[$doc:meta])* $name:ident,)*) => {
            $($(#[$doc])* pub const $name: &str = stringify!($name);)*

            /// Every code.
            pub const ALL: &[&str] = &[$($name),*];
        };
    }

    codes! {
        /// An option cannot be used as it is: [`ConfigError`](crate::ConfigError).
        INVALID_OPTION,
        /// A key, tag or prefix is empty or too long.
        INVALID_NAME,
        /// An invalidation names nothing.
        NOTHING_TO_INVALIDATE,
        /// The configured record format cannot say what is to be invalidated.
        NOT_IN_FORMAT,
        /// A position token cannot be read.
        INVALID_TOKEN,
        /// A position token is of another stream.
        OTHER_STREAM,
        /// The stream did not take an invalidation, or not wholly.
        WRITE_FAILED,
        /// A catch-up was throttled.
        CATCH_UP_THROTTLED,
        /// A catch-up failed: the stream could not be read.
        CATCH_UP_FAILED,
        /// A catch-up used up its time.
        CATCH_UP_OUT_OF_BUDGET,
        /// The write that a token names was not reached in time.
        CATCH_UP_DEADLINE,
        /// A load waits for a key that itself waits for this load.
        LOAD_CYCLE,
        /// A load was cut off: what ran it went away.
        LOAD_INTERRUPTED,
        /// The cache was closed.
        CLOSED,
        /// The function's handler has a shape that cannot be wrapped.
        UNSUPPORTED_HANDLER,
        /// An argument of a call has the wrong type or shape.
        INVALID_ARGUMENT,
        /// A value cannot be cached.
        INVALID_VALUE,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::follower::{CallErrorKind, CatchUpError, CatchUpToError, Outcome};
    use crate::writer::WriteError;

    #[test]
    fn every_error_has_its_code() {
        let what = "key";
        let failed = || CatchUpError::Failed { kind: CallErrorKind::Denied, message: "no".into() };
        let deadline = CatchUpToError::Deadline { within: core::time::Duration::ZERO, last: None };
        let unwritten = WriteError { kind: CallErrorKind::Failed, message: "no".into(), unwritten: 1 };
        for (code, expected) in [
            (ConfigError::new("ttl", "0ns", "use more").code(), "INVALID_OPTION"),
            (InputError::Empty { what }.code(), "INVALID_NAME"),
            (InputError::TooLong { what, bytes: 9, most: 1 }.code(), "INVALID_NAME"),
            (InputError::NothingToInvalidate.code(), "NOTHING_TO_INVALIDATE"),
            (InputError::NotInFormat { what }.code(), "NOT_IN_FORMAT"),
            (InputError::BadToken { why: "is empty" }.code(), "INVALID_TOKEN"),
            (InputError::OtherStream.code(), "OTHER_STREAM"),
            (unwritten.code(), "WRITE_FAILED"),
            (CatchUpError::Throttled.code(), "CATCH_UP_THROTTLED"),
            (failed().code(), "CATCH_UP_FAILED"),
            (CatchUpError::OutOfBudget.code(), "CATCH_UP_OUT_OF_BUDGET"),
            (deadline.code(), "CATCH_UP_DEADLINE"),
            (CatchUpToError::from(InputError::OtherStream).code(), "OTHER_STREAM"),
        ] {
            assert_eq!(code, expected);
            assert!(codes::ALL.contains(&code), "{code}");
        }
        assert_eq!(CatchUpError::check(Some(Outcome::Succeeded)), Ok(()));
        assert_eq!(CatchUpError::check(Some(Outcome::Throttled)), Err(CatchUpError::Throttled));
        assert_eq!(CatchUpError::check(Some(Outcome::OutOfBudget)), Err(CatchUpError::OutOfBudget));
        assert_eq!(CatchUpError::check(None), Err(CatchUpError::OutOfBudget));
        let outcome = Outcome::Failed { kind: CallErrorKind::Denied, message: "no".into() };
        assert_eq!(CatchUpError::check(Some(outcome)), Err(failed()));
    }

    #[test]
    fn the_readme_has_each_code_with_a_meaning_and_a_remedy() {
        let section = include_str!("../README.md").split("\n## Error codes\n").nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows: std::vec::Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
        let told: BTreeSet<_> = rows.iter().map(|row| row.split('`').nth(1).unwrap()).collect();
        assert_eq!(told, codes::ALL.iter().copied().collect());
        assert_eq!(rows.len(), codes::ALL.len(), "none twice");
        for row in rows {
            let cells = row.trim_matches('|').split('|').map(str::trim);
            assert_eq!(cells.filter(|cell| !cell.is_empty()).count(), 3, "{row}");
        }
    }
}
