//! `get` without what `PyO3` does around a call: it is most of what a hit costs.
//!
//! Only the plainest case is served here: a key that is exactly a `str`, a
//! cache that is open and makes no copies, a hit or a miss. Everything else
//! goes through [`Core::found`], attached in the usual way.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::slice;

use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::prelude::*;
use snowmelt::host::Lookup;
use snowmelt_core::invalidation::MAX_NAME_BYTES;

use crate::cache::Core;

struct Method(ffi::PyMethodDef);

// SAFETY: it is never written.
unsafe impl Sync for Method {}

static GET: Method = Method(ffi::PyMethodDef {
    ml_name: c"get".as_ptr(),
    ml_meth: ffi::PyMethodDefPointer { PyCFunctionFast: get },
    ml_flags: ffi::METH_FASTCALL as c_int,
    ml_doc: c"get($self, key, default=None, /)\n--\n\nReads a key at once: what is within `max_lag`, or the default. Past `catch_up_every` it starts a catch-up and does not wait for it.".as_ptr(),
});

/// Puts it in the place of the class's own.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<Core>();
    // SAFETY: the definition is static, and the descriptor checks that what it
    // is called on is of this class.
    let method = unsafe {
        let made = ffi::PyDescr_NewMethod(class.as_type_ptr(), (&raw const GET.0).cast_mut());
        Bound::from_owned_ptr_or_err(py, made)?
    };
    class.setattr("get", method)
}

unsafe extern "C" fn get(
    slf: *mut ffi::PyObject,
    args: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    let run = || {
        // SAFETY: Python calls this attached, with `count` arguments that live
        // for the call, on an instance of the class.
        unsafe {
            let args = slice::from_raw_parts(args, count.unsigned_abs());
            quick(slf, args).unwrap_or_else(|| slow(slf, args))
        }
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        Python::attach(|py| PySystemError::new_err("Snowmelt panicked: this is a bug").restore(py));
        null_mut()
    })
}

/// # Safety
///
/// As for [`get`].
#[inline]
unsafe fn quick(slf: *mut ffi::PyObject, args: &[*mut ffi::PyObject]) -> Option<*mut ffi::PyObject> {
    let (key, default) = match *args {
        [key] => (key, None),
        [key, default] => (key, Some(default)),
        _ => return None,
    };
    // SAFETY: see `get`. Nothing here runs Python or drops a reference.
    unsafe {
        let py = Python::assume_attached();
        let core = Borrowed::from_ptr(py, slf).cast_unchecked::<Core>().get();
        let cache = core.plain()?;
        if ffi::PyUnicode_CheckExact(key) == 0 {
            return None;
        }
        let mut length = 0;
        let text = ffi::PyUnicode_AsUTF8AndSize(key, &raw mut length);
        let bytes = length.unsigned_abs();
        if text.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        if bytes == 0 || bytes > MAX_NAME_BYTES {
            return None;
        }
        let text = std::str::from_utf8_unchecked(slice::from_raw_parts(text.cast(), bytes));
        match cache.look(text) {
            Lookup::Hit(value) => Some(value.0.into_ptr()),
            Lookup::Miss => Some(
                default.map_or_else(|| ffi::Py_NewRef(ffi::Py_None()), |default| ffi::Py_NewRef(default)),
            ),
            Lookup::Due => None,
        }
    }
}

/// # Safety
///
/// As for [`get`].
#[cold]
unsafe fn slow(slf: *mut ffi::PyObject, args: &[*mut ffi::PyObject]) -> *mut ffi::PyObject {
    Python::attach(|py| {
        // SAFETY: see `get`.
        let (core, args) = unsafe {
            let core = Borrowed::from_ptr(py, slf).cast_unchecked::<Core>();
            let args: Vec<_> = args.iter().map(|&arg| Bound::from_borrowed_ptr(py, arg)).collect();
            (core, args)
        };
        let found = match args.as_slice() {
            [key] => core.get().found(key).map(|found| found.unwrap_or_else(|| py.None().into_bound(py))),
            [key, default] => core.get().found(key).map(|found| found.unwrap_or_else(|| default.clone())),
            _ => Err(pyo3::exceptions::PyTypeError::new_err(format!(
                "get() takes a key and perhaps a default, and got {} arguments",
                args.len()
            ))),
        };
        match found {
            Ok(value) => value.into_ptr(),
            Err(error) => {
                error.restore(py);
                null_mut()
            }
        }
    })
}
