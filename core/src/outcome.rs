//! What a cache says to a reader, and to one who loads.

use crate::lease::{Lease, LeaseId};
use crate::time::Time;

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<V> {
    /// The value; serve it.
    Hit(V),
    /// There is a value, but a catch-up is due. Try one, then read again with
    /// `get_after_catch_up`.
    Due,
    /// Nothing that may be served.
    Miss,
    /// The value, fresh; serve it. A reader who can load should refresh it, in
    /// [`Engine::next`](crate::Engine::next).
    Ahead(V),
}

impl<V> Lookup<V> {
    /// What a reader who cannot load is given.
    pub fn value(self) -> Option<V> {
        match self {
            Self::Hit(value) | Self::Ahead(value) => Some(value),
            Self::Due | Self::Miss => None,
        }
    }
}

/// What a reader who can load does.
#[derive(Debug)]
pub enum Next<V, F> {
    /// Serve this.
    Serve {
        /// The value.
        value: V,
        /// Past its lifetime: somebody else loads it anew.
        stale: bool,
    },
    /// Load, or wait for a load.
    Begin {
        /// Which of the two.
        begun: Begin<F>,
        /// A value that may be served at once, if the load goes on when the
        /// reader is gone.
        old: Option<Worth<V>>,
    },
}

/// An old value that may be served at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth<V> {
    /// The value.
    pub value: V,
    /// Whether it is past its lifetime.
    pub stale: bool,
}

/// What a reader is given whose load failed or takes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescued<V> {
    /// A value that is fresh.
    Fresh(V),
    /// One within `stale_while_revalidate`.
    Stale(V),
    /// One within `stale_if_error` only: the result must say so.
    OnError(V),
}

/// Who loads.
#[derive(Debug)]
pub enum Begin<F> {
    /// The caller: load the value, then `fill` or `abandon`.
    Lead(Lease),
    /// Somebody else; wait for that load.
    Join {
        /// The load's lease.
        id: LeaseId,
        /// When that load began.
        start: Time,
        /// What the waiters of that load share.
        flight: F,
    },
}

/// What became of a loaded value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillOutcome {
    /// It was stored.
    Stored,
    /// It was not: it may be stale by now, because an invalidation, a gap, a
    /// freeze or the load timeout came between. The caller that loaded it may
    /// still use it.
    Fenced,
    /// It was not: it alone is over the bound on weight, or bears more than
    /// [`MAX_TAGS`](crate::config::MAX_TAGS) tags.
    TooHeavy,
    /// It was not: its lifetime is 0. It is for those who wait for it.
    NotKept,
}
