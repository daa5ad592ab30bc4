//! A value and what goes with it.

use std::time::Duration;

use crate::shared::Weigher;

/// A loaded value, with what may be known only after the load: its tags, a
/// lifetime of its own, its weight.
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
    /// `ttl_min` to `ttl_max`.
    pub ttl: Option<Duration>,
    /// Its share of `max_weight`. Default: what the weigher says, or 1.
    pub weight: Option<u32>,
}

impl<V> Loaded<V> {
    /// A value without tags, with the configured lifetime and weight.
    pub const fn new(value: V) -> Self {
        Self { value, tags: Vec::new(), ttl: None, weight: None }
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

    /// Sets [`weight`](Self::weight).
    #[must_use]
    pub const fn weight(mut self, weight: u32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// Asks the weigher, if the weight is not given.
    pub(crate) fn weighed(mut self, key: &str, weigher: Option<&Weigher<V>>) -> Self {
        let weigh = || weigher.map_or(1, |weigher| weigher(key, &self.value));
        self.weight = Some(self.weight.unwrap_or_else(weigh));
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
