//! Functions whose calls are read from a cache: what happens on a hit.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use snowmelt::host::Lookup;

use crate::cache::Core;
use crate::call_keys::{CallKeys, KeyText};

/// Looks for a call's value. What is not found, or not plain, goes to `run`:
/// see `quick_call.rs`.
#[pyclass(subclass, frozen, module = "snowmelt._snowmelt")]
pub(crate) struct CachedCall {
    core: Py<Core>,
    /// `None`: the keys are made in Python.
    keys: Option<Py<CallKeys>>,
    /// `run(missed, args, kwargs)` gives the value.
    pub(crate) run: Py<PyAny>,
}

/// A call that was not answered.
#[pyclass(frozen)]
pub(crate) struct Missed {
    /// Its key, if it was looked for.
    #[pyo3(get)]
    key: Option<Py<PyString>>,
    /// A catch-up is due first.
    #[pyo3(get)]
    due: bool,
}

/// What came of a look.
pub(crate) enum Looked<'py> {
    Hit(Bound<'py, PyAny>),
    Missed(Missed),
}

const UNSEEN: Looked<'static> = Looked::Missed(Missed { key: None, due: false });

impl CachedCall {
    #[inline]
    pub(crate) fn look_for<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Looked<'py>> {
        let py = args.py();
        let (Some(cache), Some(keys)) = (self.core.get().plain(), &self.keys) else { return Ok(UNSEEN) };
        let mut text = KeyText::new();
        if keys.get().write(&mut text, args, kwargs)?.is_none() || text.as_str().is_empty() {
            return Ok(UNSEEN);
        }
        let due = match cache.look(text.as_str()) {
            Lookup::Hit(value) => return Ok(Looked::Hit(value.into_object().into_bound(py))),
            Lookup::Miss | Lookup::Ahead(_) => false,
            Lookup::Due => true,
        };
        let key = Some(PyString::new(py, text.as_str()).unbind());
        Ok(Looked::Missed(Missed { key, due }))
    }
}

#[pymethods]
impl CachedCall {
    #[new]
    fn new(core: Py<Core>, keys: Option<Py<CallKeys>>, run: Py<PyAny>) -> Self {
        Self { core, keys, run }
    }

    /// The value of a call, or a `Missed`.
    fn look<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.look_for(args, Some(kwargs))? {
            Looked::Hit(value) => Ok(value),
            Looked::Missed(missed) => Ok(Bound::new(args.py(), missed)?.into_any()),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.core)?;
        if let Some(keys) = &self.keys {
            visit.call(keys)?;
        }
        visit.call(&self.run)
    }
}
