//! The time to live of responses that do not say it themselves.

use std::time::Duration;

/// A time to live for all statuses, or a table of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ttl {
    others: Option<Duration>,
    statuses: Vec<(u16, Duration)>,
    classes: Vec<(u16, Duration)>,
}

impl Ttl {
    /// No response has one.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same for all statuses that RFC 9110 calls heuristically cacheable (section 15.1): 200, 203,
    /// 204, 300, 301, 308, 404, 405, 410, 414.
    pub fn of(ttl: Duration) -> Self {
        Self { others: Some(ttl), ..Self::default() }
    }

    /// This one where nothing else is said, as [`Ttl::of`].
    #[must_use]
    pub fn all_others(mut self, ttl: Duration) -> Self {
        self.others = Some(ttl);
        self
    }

    /// Another one for this status, which need not be cacheable by itself. 0: not stored.
    #[must_use]
    pub fn status(mut self, status: u16, ttl: Duration) -> Self {
        self.statuses.push((status, ttl));
        self
    }

    /// Another one for a class of statuses: 4 for 4xx. A status of its own goes before.
    #[must_use]
    pub fn class(mut self, class: u16, ttl: Duration) -> Self {
        self.classes.push((class, ttl));
        self
    }

    /// What the table says of this status by itself or by its class.
    pub(crate) fn named(&self, status: u16) -> Option<Duration> {
        let of = |table: &[(u16, Duration)], key| {
            table.iter().rev().find(|(named, _)| *named == key).map(|(_, ttl)| *ttl)
        };
        of(&self.statuses, status).or_else(|| of(&self.classes, status / 100))
    }

    /// What all other statuses have.
    pub(crate) fn others(&self) -> Option<Duration> {
        self.others
    }
}
