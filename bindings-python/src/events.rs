//! What happens on the stream, told to Python.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use snowmelt::host::Event;
use snowmelt_plain::words;
use tokio::runtime::Handle;

use crate::runtime::enter_python;

/// Events wait here: the thread that drives the stream runs no user's code.
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
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.events.len() < MOST {
            waiting.events.push_back(words::event(event).to_string());
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
                if let Err(error) = self.listener.call1(py, (event,)) {
                    error.write_unraisable(py, None);
                }
            });
        }
    }

    fn next(&self) -> Option<String> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let event = waiting.events.pop_front();
        waiting.told = event.is_some();
        event
    }
}
