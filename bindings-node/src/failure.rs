//! Failures as JavaScript gets them: the message of a thrown error is one as
//! JSON, and `js/errors.ts` makes a `SnowmeltError` of it.

use snowmelt_core::{ConfigError, InputError, WriteError};

/// What went wrong; either build throws it in its own way.
#[derive(Debug)]
pub(crate) struct Failure(snowmelt_plain::Failure);

pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self(snowmelt_plain::Failure::new(code, message))
    }

    pub(crate) fn closed() -> Self {
        Self(snowmelt_plain::Failure::closed())
    }

    /// What the error's message is.
    pub(crate) fn json(&self) -> String {
        self.0.json()
    }
}

impl From<snowmelt_plain::Failure> for Failure {
    fn from(failure: snowmelt_plain::Failure) -> Self {
        Self(failure)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self(error.into())
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Self(error.into())
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self(error.into())
    }
}
