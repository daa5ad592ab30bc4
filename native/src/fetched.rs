//! What a read that can load is answered with.

use std::fmt;

use snowmelt_core::Rescued;

use crate::error::LoadError;

/// A value, and where it came from; the answer of
/// [`Cache::fetch`](crate::Cache::fetch).
#[derive(Debug)]
#[non_exhaustive]
pub struct Fetched<V, E> {
    /// The value.
    pub value: V,
    /// Where it came from.
    pub how: How,
    /// Why there is no newer value, if a load was waited for and an older
    /// value is given in its place: what the load failed with, or
    /// [`LoadError::TimedOut`] if it still goes on.
    pub error: Option<LoadError<E>>,
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum How {
    /// From the cache, within its lifetime.
    Hit,
    /// This read loaded it.
    Loaded,
    /// Another read was loading it, and this one waited for that.
    Coalesced,
    /// From the cache, past its lifetime by `stale_while_revalidate` at most.
    Stale,
    /// From the cache, past its lifetime or `max_lag` by `stale_if_error` at
    /// most, because it could not be loaded, or not soon enough.
    StaleOnError,
}

impl How {
    /// The word for it, the same in all languages: `hit`, `loaded`,
    /// `coalesced`, `stale` or `stale_on_error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Loaded => "loaded",
            Self::Coalesced => "coalesced",
            Self::Stale => "stale",
            Self::StaleOnError => "stale_on_error",
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<V, E> Fetched<V, E> {
    pub(crate) const fn new(value: V, how: How) -> Self {
        Self { value, how, error: None }
    }

    /// One that was there already.
    pub(crate) const fn cached(value: V, stale: bool) -> Self {
        Self::new(value, if stale { How::Stale } else { How::Hit })
    }

    /// An older one in place of what could not be loaded.
    pub(crate) fn rescued(rescued: Rescued<V>, error: LoadError<E>) -> Self {
        let (value, how) = match rescued {
            Rescued::Fresh(value) => (value, How::Hit),
            Rescued::Stale(value) => (value, How::Stale),
            Rescued::OnError(value) => (value, How::StaleOnError),
        };
        Self { value, how, error: Some(error) }
    }
}

impl<V: Clone, E> Clone for Fetched<V, E> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), how: self.how, error: self.error.clone() }
    }
}
