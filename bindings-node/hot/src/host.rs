//! What this package brings to the core: one thread, and values elsewhere.

use std::cell::RefCell;

use snowmelt_core::Host;

use crate::slot::Slot;

/// JavaScript runs on one thread, and so does everything here.
pub struct JsHost;

impl Host for JsHost {
    type Value = Slot;
    /// Who waits for a load is JavaScript's to know, by the lease's number.
    type Flight = ();
    type Cell<T> = RefCell<T>;

    const THREADS: usize = 1;

    #[inline]
    fn thread() -> Option<usize> {
        Some(0)
    }
}
