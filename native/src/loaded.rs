//! A value and what goes with it.

use std::time::Duration;

use snowmelt_core::{Refresh, Share};

use crate::shared::Judges;

/// A loaded value, with what may be known only after the load: its tags, a
/// lifetime of its own, how it is refreshed, its weight.
///
/// A plain value turns into one with none of them.
///
/// ```
/// use std::time::Duration;
/// use snowmelt::Loaded;
///
/// let loaded = Loaded::new("Ada").tags(["tenant:7"]).ttl(Duration::from_secs(60));
/// assert_eq!(loaded.value, "Ada");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded<V> {
    /// The value.
    pub value: V,
    /// Its tags: one record can invalidate every entry that bears one of
    /// them. At most 256; a value with more is not stored. Default none.
    pub tags: Vec<String>,
    /// Its lifetime from the start of its load. Default: drawn from
    /// `ttl_min` to `ttl_max`. Zero: it is shared with those who wait for it,
    /// and not kept.
    pub ttl: Option<Duration>,
    /// For so long past its lifetime it is served while one reader loads it
    /// anew. Default: the cache's.
    pub stale_while_revalidate: Option<Duration>,
    /// For so long past its lifetime or `max_lag` it is served if it cannot be
    /// loaded anew. Default: the cache's.
    pub stale_if_error: Option<Duration>,
    /// Past this share of its lifetime one reader may load it anew early.
    /// Default: the cache's.
    pub refresh_ahead: Option<Share>,
    /// Whether it says that there is nothing, and so lives for `negative_ttl`.
    /// Default: what the cache's `absent` says of the value, or false.
    pub absent: Option<bool>,
    /// Its share of `max_weight`. Default: what the weigher says, or 1.
    pub weight: Option<u32>,
}

impl<V> Loaded<V> {
    /// A value without tags, with the configured lifetime and weight.
    pub const fn new(value: V) -> Self {
        Self {
            value,
            tags: Vec::new(),
            ttl: None,
            stale_while_revalidate: None,
            stale_if_error: None,
            refresh_ahead: None,
            absent: None,
            weight: None,
        }
    }

    /// Sets [`tags`](Self::tags).
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`ttl`](Self::ttl).
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets [`stale_while_revalidate`](Self::stale_while_revalidate).
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = Some(window);
        self
    }

    /// Sets [`stale_if_error`](Self::stale_if_error).
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = Some(window);
        self
    }

    /// Sets [`refresh_ahead`](Self::refresh_ahead): a share between 0 and 1.
    /// Any other number turns it off for this value.
    #[must_use]
    pub fn refresh_ahead(mut self, share: f64) -> Self {
        self.refresh_ahead = Some(Share::new(share).unwrap_or(Share::OFF));
        self
    }

    /// Sets [`absent`](Self::absent).
    #[must_use]
    pub const fn absent(mut self, absent: bool) -> Self {
        self.absent = Some(absent);
        self
    }

    /// Sets [`weight`](Self::weight).
    #[must_use]
    pub const fn weight(mut self, weight: u32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// Asks the user's functions for what is not given.
    pub(crate) fn judged(mut self, key: &str, judges: &Judges<V>) -> Self {
        let weight = self.weight.unwrap_or_else(|| judges.weigh(key, &self.value));
        let absent = self.absent.unwrap_or_else(|| judges.absent(&self.value));
        (self.weight, self.absent) = (Some(weight), Some(absent));
        self
    }

    /// Hands it to the core.
    pub(crate) fn pass<R>(self, took: Duration, to: impl FnOnce(snowmelt_core::Loaded<'_, V>) -> R) -> R {
        let tags: Vec<&str> = self.tags.iter().map(String::as_str).collect();
        let weight = self.weight.unwrap_or(1);
        to(snowmelt_core::Loaded {
            weight,
            tags: &tags,
            ttl: self.ttl,
            refresh: Refresh {
                stale_while_revalidate: self.stale_while_revalidate,
                stale_if_error: self.stale_if_error,
                refresh_ahead: self.refresh_ahead,
            },
            absent: self.absent.unwrap_or(false),
            took,
            ..snowmelt_core::Loaded::new(self.value)
        })
    }
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Self::new(value)
    }
}
