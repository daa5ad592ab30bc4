//! What goes wrong with an origin, in words that hold no secret.

use thiserror::Error;

/// The kinds of failure that callers treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Not allowed: IAM, KMS, or credentials that expired.
    Denied,
    /// Too many calls.
    Throttled,
    /// No answer in time.
    TimedOut,
    /// Could not be reached, or answered with a 5xx.
    Unavailable,
    /// The service refused the request as it was put.
    Refused,
}

/// An origin did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct OriginError {
    /// Which kind.
    pub trouble: Trouble,
    /// The service's own error code, `AccessDeniedException` for one.
    pub code: Option<String>,
    /// The status that the service answered with, if it answered.
    pub status: Option<u16>,
    /// What failed, and the remedy. Holds no value and no token.
    pub message: String,
}
