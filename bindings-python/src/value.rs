//! A cached Python object.

use pyo3::prelude::*;

/// A reference to a Python object, as the native cache holds it.
#[derive(Debug)]
pub(crate) struct Value(pub(crate) Py<PyAny>);

impl Clone for Value {
    /// Only threads that are attached to Python read the cache: the runtime's
    /// thread removes values, and waits for loads without looking at them.
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: see above. Nothing in `loads.rs` clones on the runtime's
        // thread, and the driver never does.
        Self(self.0.clone_ref(unsafe { Python::assume_attached() }))
    }
}

// (Dropping one elsewhere is deferred by PyO3 until some thread is attached.)
