//! Loads that Python leads or joins.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyString;
use snowmelt::FillOutcome;
use snowmelt::host::LoadEnd;

use crate::cache::Core;
use crate::extras::Extras;
use crate::runtime::{CallingOut, Pending, generation, lock, parents};
use crate::value::Value;
use crate::words::outcome_text;

/// The right to load one key, and to store what was loaded.
#[pyclass(frozen, weakref, module = "snowmelt")]
pub(crate) struct Lease {
    held: Mutex<Option<snowmelt::Lease<Value>>>,
    core: Py<Core>,
    /// The key that it is the right to load.
    #[pyo3(get)]
    key: Py<PyAny>,
    /// A number that no other load of this cache has.
    #[pyo3(get)]
    id: u64,
    made: u32,
}

/// A load that somebody else leads.
#[pyclass(frozen)]
pub(crate) struct Joined {
    /// Until it handed out an exception: the exception has a traceback, whose
    /// frames have this, in a circle that the collector cannot see.
    load: Arc<Mutex<Option<Arc<snowmelt::Joined<Value>>>>>,
    made: u32,
    #[pyo3(get)]
    id: u64,
}

/// What a loader raised.
struct Raised(Value);

pub(crate) fn lease<'py>(
    core: &Bound<'py, Core>,
    key: &Bound<'py, PyAny>,
    lease: snowmelt::Lease<Value>,
) -> PyResult<Bound<'py, PyAny>> {
    let id = lease.id().0;
    let (py, core, key) = (key.py(), core.clone().unbind(), key.clone().unbind());
    let lease = Lease { held: Mutex::new(Some(lease)), core, key, id, made: generation() };
    Ok(Bound::new(py, lease)?.into_any())
}

pub(crate) fn joined(py: Python<'_>, joined: snowmelt::Joined<Value>) -> PyResult<Bound<'_, PyAny>> {
    let id = joined.id().0;
    let load = Arc::new(Mutex::new(Some(Arc::new(joined))));
    Ok(Bound::new(py, Joined { load, made: generation(), id })?.into_any())
}

impl Lease {
    fn take(&self) -> Option<snowmelt::Lease<Value>> {
        let held = lock(&self.held).take()?;
        if self.made == generation() {
            return Some(held);
        }
        // A parent's locks may be held for ever.
        std::mem::forget(held);
        None
    }

    /// If what goes with the value cannot be used, the load goes on.
    pub(crate) fn fill<'py>(
        &self,
        value: &Bound<'py, PyAny>,
        extras: &Extras<'_, 'py>,
    ) -> PyResult<Bound<'py, PyString>> {
        let py = value.py();
        let _calling_out = CallingOut::begin(py);
        let loaded = self.core.get().loaded(self.key.bind(py), value, extras)?;
        let outcome = match self.take() {
            Some(lease) => {
                let outcome = lease.fill(loaded);
                // Closed meanwhile, by another thread or a loader.
                self.core.get().forget_if_closed();
                outcome
            }
            None => FillOutcome::Fenced,
        };
        Ok(outcome_text(py, outcome))
    }
}

#[pymethods]
impl Lease {
    /// Ends a load that failed: who waits for it gets the exception.
    fn fail(&self, py: Python<'_>, error: Py<PyAny>) {
        let _calling_out = CallingOut::begin(py);
        if let Some(lease) = self.take() {
            lease.fail(Arc::new(Raised(Value::new(error))));
        }
    }

    /// Gives it up: the key can be loaded again at once, and who waited loads
    /// it in its own way.
    fn abandon(&self) {
        drop(self.take());
    }

    const fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Abandons it, unless it was filled.
    fn __exit__(&self, _kind: &Bound<'_, PyAny>, _raised: &Bound<'_, PyAny>, _trace: &Bound<'_, PyAny>) {
        self.abandon();
    }

    /// Whether it was filled or given up.
    #[getter]
    fn ended(&self) -> bool {
        lock(&self.held).is_none()
    }

    /// A lease may be kept in its own cache.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.core)?;
        visit.call(&self.key)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[pymethods]
impl Joined {
    /// How many of so many seconds, counted from the load's start, are left.
    fn left(&self, py: Python<'_>, limit: f64) -> PyResult<f64> {
        if self.made != generation() {
            return Err(parents(py));
        }
        let limit = Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX);
        let joined = lock(&self.load).clone();
        Ok(joined.map_or(Duration::ZERO, |joined| joined.left(limit)).as_secs_f64())
    }

    /// Waits until the load landed: `(True, value)`, `(False, exception)`, or
    /// `None` if it brought nothing for this waiter.
    fn start(&self, py: Python<'_>) -> PyResult<Pending> {
        if self.made != generation() {
            return Err(parents(py));
        }
        let joined = lock(&self.load).clone();
        let held = Arc::clone(&self.load);
        Pending::start(async move {
            if let Some(joined) = &joined {
                joined.land().await;
            }
            move |py: Python<'_>| brought(py, joined.as_deref(), &held)
        })
    }

    /// The same at once, where it is known that it landed.
    fn end(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if self.made != generation() {
            return Err(parents(py));
        }
        let joined = lock(&self.load).clone();
        brought(py, joined.as_deref(), &self.load)
    }
}

fn brought(
    py: Python<'_>,
    joined: Option<&snowmelt::Joined<Value>>,
    held: &Mutex<Option<Arc<snowmelt::Joined<Value>>>>,
) -> PyResult<Py<PyAny>> {
    match joined.map_or(LoadEnd::Nothing, snowmelt::Joined::end) {
        LoadEnd::Loaded(value) => Ok((true, value.into_object()).into_pyobject(py)?.into_any().unbind()),
        LoadEnd::Failed(error) => {
            *lock(held) = None;
            match error.downcast_ref::<Raised>() {
                Some(raised) => {
                    Ok((false, raised.0.object().clone_ref(py)).into_pyobject(py)?.into_any().unbind())
                }
                None => Ok(py.None()),
            }
        }
        _ => Ok(py.None()),
    }
}
