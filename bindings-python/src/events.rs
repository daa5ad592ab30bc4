//! What happens on the stream, told to Python.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use serde_json::Value as Json;
use snowmelt::host::Event;
use snowmelt_plain::words;
use tokio::runtime::Handle;

use crate::convert;
use crate::runtime::enter_python;

/// Events wait here: the thread that drives the stream runs no user's code.
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
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.events.len() < MOST {
            waiting.events.push_back(words::event(event));
        }
        if !waiting.told
            && let Ok(runtime) = Handle::try_current()
        {
            waiting.told = true;
            let events = Arc::clone(self);
            runtime.spawn_blocking(move || events.tell_all());
        }
    }

    fn tell_all(self: Arc<Self>) {
        while let Some(event) = self.next() {
            enter_python(|py| {
                if let Err(error) = self.tell_one(py, &event) {
                    error.write_unraisable(py, None);
                }
            });
        }
    }

    fn tell_one(&self, py: Python<'_>, event: &Json) -> PyResult<()> {
        let event = convert::object(py, event)?;
        self.teller(py)?.call_method1("from_core", (event,)).map(drop)
    }

    fn next(&self) -> Option<Json> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let event = waiting.events.pop_front();
        waiting.told = event.is_some();
        event
    }
}
