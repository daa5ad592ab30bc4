//! A cached Python object.

use std::mem::ManuallyDrop;

use pyo3::prelude::*;

use crate::grave;
use crate::runtime::{CallingOut, is_ours};

/// A reference to a Python object, as the native cache holds it.
#[derive(Debug)]
pub(crate) struct Value(ManuallyDrop<Py<PyAny>>);

impl Value {
    #[inline]
    pub(crate) const fn new(object: Py<PyAny>) -> Self {
        Self(ManuallyDrop::new(object))
    }

    #[inline]
    pub(crate) fn object(&self) -> &Py<PyAny> {
        &self.0
    }

    #[inline]
    pub(crate) fn into_object(self) -> Py<PyAny> {
        let mut held = ManuallyDrop::new(self);
        // SAFETY: `held` is not looked at again, and not dropped.
        unsafe { ManuallyDrop::take(&mut held.0) }
    }
}

impl Clone for Value {
    /// Only threads that are attached to Python read the cache: the runtime's
    /// thread removes values, and waits for loads without looking at them.
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: see above. Nothing in `loads.rs` clones on the runtime's
        // thread, and the driver never does.
        Self::new(self.0.clone_ref(unsafe { Python::assume_attached() }))
    }
}

impl Drop for Value {
    /// Its finalizer may run: on Python's threads at once, and never on ours.
    fn drop(&mut self) {
        // SAFETY: nothing looks at it after this.
        let object = unsafe { ManuallyDrop::take(&mut self.0) };
        if is_ours() {
            grave::bury(object);
        } else {
            // SAFETY: all others that come here are attached to Python.
            let py = unsafe { Python::assume_attached() };
            let _calling_out = CallingOut::begin(py);
            object.drop_ref(py);
        }
    }
}
