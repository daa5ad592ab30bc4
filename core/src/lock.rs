//! What guards one part of an engine: the host's choice.

use core::cell::RefCell;

/// A place for a `T` that several callers share.
///
/// The core has no threads and so no locks of its own; it says where a lock
/// belongs and the host brings one. A host with one thread uses [`RefCell`].
///
/// # What the implementor must do
///
/// While a `write` runs, no other `read` or `write` of the same cell may. The
/// engine never enters a cell from within itself, and takes the follower's
/// cell before a segment's, never after it.
pub trait Guarded<T> {
    /// A cell that holds `value`.
    fn new(value: T) -> Self;

    /// Shared access; may run beside other reads.
    fn read<R>(&self, f: impl FnOnce(&T) -> R) -> R;

    /// Exclusive access.
    fn write<R>(&self, f: impl FnOnce(&mut T) -> R) -> R;
}

impl<T> Guarded<T> for RefCell<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn read<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        f(&self.borrow())
    }

    fn write<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.borrow_mut())
    }
}

/// What a host brings to its engine.
pub trait Host {
    /// What is cached. Cloned for each hit, so that a host with large values
    /// caches an `Arc` of them.
    type Value: Clone;

    /// What the waiters of one load share: a channel, a slot number, `()`.
    type Flight: Clone;

    /// How the engine's parts are guarded.
    type Cell<T>: Guarded<T>;

    /// A number below [`Self::THREADS`] that no other running thread has, so
    /// that the caller can count its hits without disturbing others; `None`
    /// if there is none left. Two threads with one number lose counts.
    #[inline]
    fn thread() -> Option<usize> {
        None
    }

    /// How many numbers [`Self::thread`] can give.
    const THREADS: usize = 0;
}
