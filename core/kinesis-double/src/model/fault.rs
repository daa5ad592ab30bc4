use std::fmt;

/// The error codes of the Kinesis API that the model answers with.
pub mod code {
    /// A quota of a shard is used up; try again later.
    pub const THROUGHPUT: &str = "ProvisionedThroughputExceededException";
    /// The iterator is older than its lifetime.
    pub const EXPIRED_ITERATOR: &str = "ExpiredIteratorException";
    /// The stream or shard does not exist (any more).
    pub const NOT_FOUND: &str = "ResourceNotFoundException";
    /// The stream exists already.
    pub const IN_USE: &str = "ResourceInUseException";
    /// An argument makes no sense for this stream.
    pub const INVALID_ARGUMENT: &str = "InvalidArgumentException";
    /// An argument breaks a constraint of the API's own model.
    pub const VALIDATION: &str = "ValidationException";
    /// The paging token is older than 300 s.
    pub const EXPIRED_TOKEN: &str = "ExpiredNextTokenException";
    /// A call rate or an account limit is exceeded.
    pub const LIMIT: &str = "LimitExceededException";
}

/// An operation refused by the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// One of [`code`].
    pub code: &'static str,
    /// For people; the wording follows the service's.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_ARGUMENT, message)
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(code::VALIDATION, message)
    }

    pub(super) fn no_stream(name: &str) -> Self {
        Self::new(code::NOT_FOUND, format!("Stream {name} under account 000000000000 not found."))
    }

    pub(super) fn no_shard(shard: &str, stream: &str) -> Self {
        let message = format!("Could not find shard {shard} in stream {stream} under account 000000000000.");
        Self::new(code::NOT_FOUND, message)
    }

    pub(super) fn throttled(shard: &str, stream: &str) -> Self {
        let message =
            format!("Rate exceeded for shard {shard} in stream {stream} under account 000000000000.");
        Self::new(code::THROUGHPUT, message)
    }

    /// Whether a quota refused the call.
    pub fn is_throttle(&self) -> bool {
        self.code == code::THROUGHPUT || self.code == code::LIMIT
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fault {}
