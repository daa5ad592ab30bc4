//! What can go wrong, each with its remedy.

use std::fmt;
use std::sync::Arc;

use snowmelt_core::{ConfigError, InputError, WriteError};
use thiserror::Error;

use crate::stream::kinesis::StreamConfigError;

/// A cache that cannot be built as it was described.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The stream cannot be addressed.
    #[error(transparent)]
    Stream(#[from] StreamConfigError),
    /// An option cannot be used as it is. Where that is `stream`, none was
    /// given, or by a value that stands for "nothing".
    #[error(transparent)]
    Option(#[from] ConfigError),
}

/// A load that brought no value.
///
/// All that waited for one load get the same error, so that the loader's own
/// is shared.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The loader failed. Nothing was cached; the next read loads anew.
    Load(Arc<E>),
    /// The loader panicked. Its message went to the panic hook.
    Panicked,
    /// The runtime that ran the loader was shut down.
    Interrupted,
    /// It took longer than `soft_load_timeout` or `load_timeout`, and goes on.
    /// Only ever in [`Fetched::error`](crate::Fetched::error): where there is
    /// no old value to give, a reader waits for its own load.
    TimedOut,
    /// The key cannot be used.
    Input(InputError),
}

impl<E> LoadError<E> {
    /// The loader's own error, if that is what it was.
    pub fn loader_error(&self) -> Option<&E> {
        match self {
            Self::Load(error) => Some(error),
            _ => None,
        }
    }
}

impl<E> Clone for LoadError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Load(error) => Self::Load(Arc::clone(error)),
            Self::Panicked => Self::Panicked,
            Self::Interrupted => Self::Interrupted,
            Self::TimedOut => Self::TimedOut,
            Self::Input(error) => Self::Input(error.clone()),
        }
    }
}

impl<E: fmt::Display> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => write!(f, "the value could not be loaded: {error}"),
            Self::Panicked => f.write_str("the loader panicked: see the panic's own message"),
            Self::Interrupted => f.write_str(
                "the load was interrupted: the tokio runtime that ran it was shut down; keep it for as long as the cache",
            ),
            Self::TimedOut => f.write_str("the load takes longer than its timeout, and goes on"),
            Self::Input(error) => error.fmt(f),
        }
    }
}

// Not derived: an `E` that is no `Error` itself (`String`, `anyhow::Error`) is
// welcome, so that it cannot be named as the source.
impl<E: fmt::Display + fmt::Debug> std::error::Error for LoadError<E> {}

impl<E> From<InputError> for LoadError<E> {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

/// An invalidation that did not reach the stream, or not wholly.
///
/// What it names was removed from this cache all the same, unless it is
/// [`InvalidateError::Input`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidateError {
    /// It cannot be used as it is; nothing was done.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The stream did not take it. Other caches serve what it names until
    /// its lifetime ends: invalidate again.
    #[error("{0}; other caches were not told: invalidate again")]
    Write(#[from] WriteError),
    /// The runtime that wrote it was shut down before it was written.
    #[error(
        "the invalidation was interrupted: the tokio runtime that wrote it was shut down; invalidate again"
    )]
    Interrupted,
}
