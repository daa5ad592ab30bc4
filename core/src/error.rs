//! What a caller can get wrong, named with its remedy.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// An option that cannot be used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The option's name in the core; hosts print it in their own case.
    pub option: &'static str,
    /// What it was.
    pub value: String,
    /// What it may be, and what to do.
    pub remedy: Cow<'static, str>,
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
