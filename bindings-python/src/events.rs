//! What happens on the stream, told to Python.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use serde_json::Value as Json;
use snowmelt::host::Event;
use snowmelt_plain::words;
use tokio::runtime::Handle;

use crate::convert;
use crate::runtime::{enter_python, lock};

/// Events wait here: no thread of ours runs a user's code.
pub(crate) struct Events {
    /// The user's `on_event`.
    listener: Option<Py<PyAny>>,
    /// A `snowmelt._events.Events`, made when there is something to tell.
    teller: OnceLock<Py<PyAny>>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Json>,
    /// A thread is telling them.
    told: bool,
}

/// A listener that hangs must not fill the memory.
const MOST: usize = 1000;

impl Events {
    pub(crate) fn new(listener: Option<Py<PyAny>>) -> Self {
        Self { listener, teller: OnceLock::new(), waiting: Mutex::default() }
    }

    /// What passes events on, in Python.
    pub(crate) fn teller<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(teller) = self.teller.get() {
            return Ok(teller.bind(py).clone());
        }
        // Made before the cell is entered: it runs Python. Of two that are made at once, one is dropped.
        let made = py.import("snowmelt._events")?.call_method1("Events", (self.listener.as_ref(),))?;
        Ok(self.teller.get_or_init(|| made.unbind()).bind(py).clone())
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.listener.iter().chain(self.teller.get()).try_for_each(|object| visit.call(object))
    }

    /// Called on the runtime's thread.
    pub(crate) fn tell(self: &Arc<Self>, event: &Event) {
        let mut waiting = lock(&self.waiting);
        if waiting.events.len() < MOST {
            waiting.events.push_back(words::event(event));
        }
        if !waiting.told
            && let Ok(runtime) = Handle::try_current()
        {
            waiting.told = true;
            let events = Arc::clone(self);
            runtime.spawn_blocking(move || events.begin_to_tell());
        }
    }

    /// Tells them on a thread of Python's own, which takes as long as the
    /// listener does, and on which Python may end: on one of ours it would
    /// have to unwind through Rust.
    fn begin_to_tell(self: Arc<Self>) {
        enter_python(|py| {
            let begun = Told(Arc::clone(&self)).into_pyobject(py).and_then(|told| {
                let tell = self.teller(py)?.getattr("from_core")?;
                py.import("_thread")?.call_method1("start_new_thread", (tell, (told,)))
            });
            if begun.is_err() {
                // Python is about to end.
                lock(&self.waiting).told = false;
            }
        });
    }
}

/// The events that wait, and those that come meanwhile.
#[pyclass(frozen)]
struct Told(Arc<Events>);

#[pymethods]
impl Told {
    const fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.next().map(|event| convert::object(py, &event)).transpose()
    }
}

impl Events {
    fn next(&self) -> Option<Json> {
        let mut waiting = lock(&self.waiting);
        let event = waiting.events.pop_front();
        waiting.told = event.is_some();
        event
    }
}
