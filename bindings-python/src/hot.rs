//! The methods that are called most, without what `PyO3` does around a call:
//! it is most of what a hit costs.
//!
//! Only the plainest cases are served here: a key that is exactly a `str`, a
//! cache that is open and makes no copies. For everything else the methods that
//! `PyO3` made for [`Core`] are called; these here are put into the classes
//! derived from it.
//!
//! `PyO3` does not know that the thread is attached while it is in here, and
//! would put off what the `Drop` of a `Py` gives back. So nothing is dropped
//! here but a [`Value`], which knows, and that after the core's locks were left.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::slice;

use pyo3::exceptions::{PySystemError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use snowmelt::host::Lookup;
use snowmelt_core::invalidation::MAX_NAME_BYTES;

use crate::cache::Core;
use crate::value::Value;
use crate::words::{due, miss, outcome_text};

pub(crate) type Object = *mut ffi::PyObject;

struct Method(ffi::PyMethodDef);

// SAFETY: it is never written.
unsafe impl Sync for Method {}

static GET: Method = Method(ffi::PyMethodDef {
    ml_name: c"get".as_ptr(),
    ml_meth: ffi::PyMethodDefPointer { PyCFunctionFast: get },
    ml_flags: ffi::METH_FASTCALL,
    ml_doc: GET_DOC.as_ptr(),
});

static LOOK: Method = Method(ffi::PyMethodDef {
    ml_name: c"_look".as_ptr(),
    ml_meth: ffi::PyMethodDefPointer { PyCFunction: look },
    ml_flags: ffi::METH_O,
    ml_doc: c"_look($self, key, /)\n--\n\nFor a reader who can load: a value, `MISS` or `DUE`.".as_ptr(),
});

static READ: Method = Method(ffi::PyMethodDef {
    ml_name: c"_read".as_ptr(),
    ml_meth: ffi::PyMethodDefPointer { PyCFunction: read },
    ml_flags: ffi::METH_O,
    ml_doc: c"_read($self, key, /)\n--\n\nFor a reader who cannot load: a value, `MISS` or `DUE`.".as_ptr(),
});

static SET: Method = Method(ffi::PyMethodDef {
    ml_name: c"set".as_ptr(),
    ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: set },
    ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
    ml_doc: SET_DOC.as_ptr(),
});

const GET_DOC: &CStr = c"get($self, key, default=None, /)\n--\n\nReads a key at once: what is within `max_lag`, or the default. Past `catch_up_every` it starts a catch-up and does not wait for it.";
const SET_DOC: &CStr = c"set($self, key, value, /, *, tags=None, ttl=None, weight=None, as_of=None, stale_while_revalidate=None, stale_if_error=None, refresh_ahead=None, absent=None)\n--\n\nStores a value that is true now, or was at `as_of`. A load of its key that is under way will not be stored.";

/// Puts them into a class that is derived from `Core`. Python calls a method
/// quickest if it is one of the very class of its object.
#[pyfunction]
pub(crate) fn hasten(owner: &Bound<'_, PyType>) -> PyResult<()> {
    if !owner.is_subclass_of::<Core>()? || owner.is(owner.py().get_type::<Core>()) {
        return Err(PyTypeError::new_err("these methods are for classes derived from `Core`"));
    }
    for method in [&GET, &LOOK, &READ, &SET] {
        // SAFETY: the definition is static, and the descriptor checks that what
        // it is called on is of this class.
        let descriptor = unsafe {
            let made = ffi::PyDescr_NewMethod(owner.as_type_ptr(), (&raw const method.0).cast_mut());
            Bound::from_owned_ptr_or_err(owner.py(), made)?
        };
        // SAFETY: the name is static, and valid UTF-8.
        let name = unsafe { CStr::from_ptr(method.0.ml_name) };
        owner.setattr(name.to_string_lossy(), descriptor)?;
    }
    Ok(())
}

/// No panic gets to Python.
///
/// # Safety
///
/// The thread is attached. (Here and elsewhere in this file that is taken from
/// Python: `Python::attach` would refuse it while Python ends, when finalizers
/// still call.)
#[inline]
pub(crate) unsafe fn guarded<R: From<Object>>(run: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        // SAFETY: the caller's promise.
        let py = unsafe { Python::assume_attached() };
        PySystemError::new_err("Snowmelt panicked: this is a bug").restore(py);
        null_mut::<ffi::PyObject>().into()
    })
}

/// The arguments of a call.
///
/// # Safety
///
/// There must be `count` of them, that live for the call.
#[inline]
unsafe fn slice_of<'a>(args: *const Object, count: ffi::Py_ssize_t) -> &'a [Object] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(args, count.unsigned_abs()) }
}

unsafe extern "C" fn get(slf: Object, args: *mut Object, count: ffi::Py_ssize_t) -> Object {
    // SAFETY: Python calls this attached, with `count` arguments that live for
    // the call, on an instance of the class.
    unsafe {
        guarded(|| {
            let args = slice_of(args, count);
            quick_get(slf, args).unwrap_or_else(|| slow("get", slf, args, null_mut()))
        })
    }
}

unsafe extern "C" fn look(slf: Object, key: Object) -> Object {
    // SAFETY: Python calls this attached, with one argument that lives for the
    // call, on an instance of the class.
    unsafe {
        guarded(|| match quick_look(slf, key) {
            Some(Lookup::Hit(value)) => value.into_object().into_ptr(),
            Some(Lookup::Miss | Lookup::Ahead(_)) => sentinel(miss),
            Some(Lookup::Due) => sentinel(due),
            None => slow("_look", slf, &[key], null_mut()),
        })
    }
}

unsafe extern "C" fn read(slf: Object, key: Object) -> Object {
    // SAFETY: as for `look`.
    unsafe {
        guarded(|| match quick_look(slf, key) {
            Some(Lookup::Hit(value) | Lookup::Ahead(value)) => value.into_object().into_ptr(),
            Some(Lookup::Miss) => sentinel(miss),
            Some(Lookup::Due) => sentinel(due),
            None => slow("_read", slf, &[key], null_mut()),
        })
    }
}

unsafe extern "C" fn set(slf: Object, args: *const Object, count: ffi::Py_ssize_t, names: Object) -> Object {
    // SAFETY: Python calls this attached, with `count` arguments and one for
    // each of `names` (or null) that live for the call, on an instance of the
    // class.
    unsafe {
        guarded(|| {
            let named = if names.is_null() { 0 } else { ffi::PyTuple_Size(names) };
            let args = slice_of(args, count + named);
            let stored = match *args {
                [key, value] if named == 0 => quick_set(slf, key, value),
                _ => None,
            };
            stored.unwrap_or_else(|| slow("set", slf, args, names))
        })
    }
}

/// A key's text, if nothing has to be said of it.
///
/// # Safety
///
/// As for [`utf8`], but the key may be any object.
#[inline]
unsafe fn key_text<'a>(key: Object) -> Option<&'a str> {
    // SAFETY: the caller's promise.
    unsafe {
        if ffi::PyUnicode_CheckExact(key) == 0 {
            return None;
        }
        utf8(key).filter(|text| !text.is_empty() && text.len() <= MAX_NAME_BYTES)
    }
}

/// The text of a `str`; `None` if it has a lone surrogate.
///
/// # Safety
///
/// It is a `str`, the thread is attached, and the caller keeps the `str` while
/// it uses the text.
#[inline]
pub(crate) unsafe fn utf8<'a>(text: Object) -> Option<&'a str> {
    // SAFETY: the caller's promise. What is given belongs to the `str`, is valid
    // UTF-8, and does not change.
    unsafe {
        let mut length = 0;
        let bytes = ffi::PyUnicode_AsUTF8AndSize(text, &raw mut length);
        if bytes.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        Some(std::str::from_utf8_unchecked(slice::from_raw_parts(bytes.cast(), length.unsigned_abs())))
    }
}

/// # Safety
///
/// As for [`get`].
#[inline]
unsafe fn quick_look(slf: Object, key: Object) -> Option<Lookup<Value>> {
    // SAFETY: see `get`. Nothing here runs Python or drops a reference.
    unsafe {
        let core = Borrowed::from_ptr(Python::assume_attached(), slf).cast_unchecked::<Core>().get();
        Some(core.plain()?.look(key_text(key)?))
    }
}

/// # Safety
///
/// As for [`get`].
#[inline]
unsafe fn quick_get(slf: Object, args: &[Object]) -> Option<Object> {
    let (key, default) = match *args {
        [key] => (key, None),
        [key, default] => (key, Some(default)),
        _ => return None,
    };
    // SAFETY: see `get`.
    unsafe {
        match quick_look(slf, key)? {
            Lookup::Hit(value) | Lookup::Ahead(value) => Some(value.into_object().into_ptr()),
            Lookup::Miss => Some(ffi::Py_NewRef(default.unwrap_or_else(|| ffi::Py_None()))),
            Lookup::Due => None,
        }
    }
}

/// # Safety
///
/// As for [`set`].
#[inline]
unsafe fn quick_set(slf: Object, key: Object, value: Object) -> Option<Object> {
    // SAFETY: see `set`. What leaves is dropped when the core's locks were left,
    // and may run Python then.
    unsafe {
        let py = Python::assume_attached();
        let core = Borrowed::from_ptr(py, slf).cast_unchecked::<Core>().get();
        let (cache, text) = (core.plain_to_store()?, key_text(key)?);
        if value == ffi::Py_None() {
            // It says that there is nothing.
            return None;
        }
        let value = Value::new(Bound::from_borrowed_ptr(py, value).unbind());
        // What it refuses was looked at above.
        let outcome = cache.insert_plain(text, value).ok()?;
        let outcome = outcome_text(py, outcome).into_ptr();
        // Closed meanwhile, by another thread.
        core.forget_if_closed();
        Some(outcome)
    }
}

/// A new reference to `MISS` or `DUE`.
///
/// # Safety
///
/// The thread is attached.
unsafe fn sentinel(which: fn(Python<'_>) -> PyResult<Bound<'_, PyAny>>) -> Object {
    // SAFETY: the caller's promise.
    let py = unsafe { Python::assume_attached() };
    given(py, which(py))
}

fn given(py: Python<'_>, result: PyResult<Bound<'_, PyAny>>) -> Object {
    match result {
        Ok(value) => value.into_ptr(),
        Err(error) => {
            error.restore(py);
            null_mut()
        }
    }
}

/// Calls the method that `PyO3` made.
///
/// # Safety
///
/// The thread is attached, and all arguments live for the call. The last of
/// `args` belong to `names`, which is a tuple or null.
#[cold]
unsafe fn slow(method: &str, slf: Object, args: &[Object], names: Object) -> Object {
    // SAFETY: the caller's promise.
    let (py, slf, args, names) = unsafe {
        let py = Python::assume_attached();
        let args: Vec<_> = args.iter().map(|&arg| Bound::from_borrowed_ptr(py, arg)).collect();
        let names = Bound::from_borrowed_ptr_or_opt(py, names);
        let names = names.map(|names| names.cast_into_unchecked::<PyTuple>());
        (py, Bound::from_borrowed_ptr(py, slf), args, names)
    };
    given(py, called(method, slf, args, names))
}

fn called<'py>(
    method: &str,
    slf: Bound<'py, PyAny>,
    mut args: Vec<Bound<'py, PyAny>>,
    names: Option<Bound<'py, PyTuple>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let named = PyDict::new(py);
    if let Some(names) = names {
        let values = args.split_off(args.len().saturating_sub(names.len()));
        for (name, value) in names.iter().zip(values) {
            named.set_item(name, value)?;
        }
    }
    let all = PyTuple::new(py, std::iter::once(slf).chain(args).collect::<Vec<_>>())?;
    py.get_type::<Core>().getattr(method)?.call(all, Some(&named))
}
