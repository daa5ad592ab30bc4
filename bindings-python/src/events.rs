//! What happens on the stream, told to Python.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use snowmelt::host::Event;
use snowmelt_plain::words;
use tokio::runtime::Handle;

use crate::runtime::{enter_python, lock};

/// Events wait here: no thread of ours runs a user's code.
pub(crate) struct Events {
    listener: Py<PyAny>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<String>,
    /// A thread is telling them.
    told: bool,
}

/// A listener that hangs must not fill the memory.
const MOST: usize = 1000;

impl Events {
    pub(crate) fn new(listener: Py<PyAny>) -> Self {
        Self { listener, waiting: Mutex::default() }
    }

    pub(crate) const fn listener(&self) -> &Py<PyAny> {
        &self.listener
    }

    /// Called on the runtime's thread.
    pub(crate) fn tell(self: &Arc<Self>, event: &Event) {
        let mut waiting = lock(&self.waiting);
        if waiting.events.len() < MOST {
            waiting.events.push_back(words::event(event).to_string());
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
                py.import("_thread")?.call_method1("start_new_thread", (&self.listener, (told,)))
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

    fn __next__(&self) -> Option<String> {
        let mut waiting = lock(&self.0.waiting);
        let event = waiting.events.pop_front();
        waiting.told = event.is_some();
        event
    }
}
