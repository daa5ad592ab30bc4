//! The call of a cached function.
//!
//! A hit is answered here. A miss is handed to `run`, which calls the user's
//! function, and that may take as long as it likes: no frame of Rust may be
//! around it that has anything to clean up. Before 3.14, when Python ends, it
//! unwinds other threads to their start, which aborts the process if a `Drop`,
//! a `catch_unwind` or an `extern "C"` is on the way. (`PyO3` has all three
//! around a `__call__`.)

use std::ffi::c_void;
use std::ptr::null_mut;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::cached::{CachedCall, Looked};
use crate::hot::{Object, guarded};

unsafe extern "C-unwind" {
    /// As in `pyo3::ffi`, but for what may pass through.
    fn PyObject_Call(callable: Object, args: Object, kwargs: Object) -> Object;
}

/// The class of functions that are called in this way.
pub(crate) fn class(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_call, pfunc: call as *mut c_void },
        ffi::PyType_Slot { slot: 0, pfunc: null_mut() },
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"snowmelt._snowmelt.QuickCall".as_ptr(),
        // The base's.
        basicsize: 0,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE).try_into()?,
        slots: slots.as_mut_ptr(),
    };
    let bases = PyTuple::new(py, [py.get_type::<CachedCall>()])?;
    // SAFETY: Python copies the specification; the slot's function is of the
    // kind that it is for, and its first argument always of the base's class.
    let class = unsafe {
        let made = ffi::PyType_FromSpecWithBases(&raw mut spec, bases.as_ptr());
        Bound::from_owned_ptr_or_err(py, made)?
    };
    Ok(class.cast_into::<PyType>()?)
}

/// What a call has come to.
struct Answer {
    /// The result; null with an exception, or where it is to be asked for.
    result: Object,
    /// To be asked: it lives as long as the function that is called.
    run: Object,
    /// What it is asked with.
    args: Object,
}

impl From<Object> for Answer {
    fn from(result: Object) -> Self {
        Self { result, run: null_mut(), args: null_mut() }
    }
}

/// Has nothing to drop: see above.
unsafe extern "C-unwind" fn call(slf: Object, args: Object, kwargs: Object) -> Object {
    // SAFETY: Python calls this attached, on an instance of the class, with a
    // tuple, and a dictionary or null, that live for the call.
    unsafe {
        let answer = guarded(|| answer(slf, args, kwargs));
        if answer.run.is_null() {
            return answer.result;
        }
        let result = PyObject_Call(answer.run, answer.args, null_mut());
        ffi::Py_DECREF(answer.args);
        result
    }
}

/// # Safety
///
/// As for [`call`].
#[inline]
unsafe fn answer(slf: Object, args: Object, kwargs: Object) -> Answer {
    // SAFETY: the caller's promise. Nothing is dropped here without `py`.
    unsafe {
        let py = Python::assume_attached();
        let function = Borrowed::from_ptr(py, slf).cast_unchecked::<CachedCall>();
        let args = Borrowed::from_ptr(py, args).cast_unchecked::<PyTuple>();
        let kwargs = Borrowed::from_ptr_or_opt(py, kwargs).map(|kwargs| kwargs.cast_unchecked::<PyDict>());
        match function.get().look_for(&args, kwargs.as_deref()) {
            Ok(Looked::Hit(value)) => value.into_ptr().into(),
            Ok(looked) => unanswered(function.get(), looked, &args, kwargs.as_deref()),
            Err(error) => refused(py, error),
        }
    }
}

#[cold]
fn unanswered(
    function: &CachedCall,
    looked: Looked<'_>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> Answer {
    let py = args.py();
    let Looked::Missed(missed) = looked else { return null_mut::<ffi::PyObject>().into() };
    let kwargs = kwargs.cloned().unwrap_or_else(|| PyDict::new(py));
    match (missed, args, kwargs).into_pyobject(py) {
        Ok(args) => Answer { result: null_mut(), run: function.run.as_ptr(), args: args.into_ptr() },
        Err(error) => refused(py, error),
    }
}

#[cold]
fn refused(py: Python<'_>, error: PyErr) -> Answer {
    error.restore(py);
    null_mut::<ffi::PyObject>().into()
}
