//! The thread that drives the stream, and how others wait for it.

use std::cell::Cell;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use snowmelt_core::codes::{INVALID_ARGUMENT, LOAD_INTERRUPTED};
use snowmelt_plain::Failure;
use tokio::runtime::{Builder, Handle};

use crate::failure::to_python;

/// Counts forks. What was made in another generation belongs to the parent
/// process: its thread is not here, and its locks may be held for ever.
static GENERATION: AtomicU32 = AtomicU32::new(0);
/// No cache has this one.
pub(crate) const NO_GENERATION: u32 = u32::MAX;

static RUNNING: Mutex<Option<(u32, Handle)>> = Mutex::new(None);
/// Whether Python is about to end: then no thread of ours may enter it.
static ENDING: RwLock<bool> = RwLock::new(false);

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
}

#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// To be called in a child after a fork.
#[pyfunction]
pub(crate) fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// To be called before Python ends.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    py.detach(|| *ENDING.write().unwrap_or_else(PoisonError::into_inner) = true);
}

/// Enters Python from a thread of ours, unless it is about to end.
pub(crate) fn enter_python<R>(run: impl FnOnce(Python<'_>) -> R) -> Option<R> {
    let ending = ENDING.read().unwrap_or_else(PoisonError::into_inner);
    if *ending { None } else { Python::try_attach(run) }
}

/// The runtime, started at the first call that needs it.
pub(crate) fn handle() -> PyResult<Handle> {
    let mut running = lock(&RUNNING);
    if let Some((made, handle)) = &*running
        && *made == generation()
    {
        return Ok(handle.clone());
    }
    let handle = start().map_err(|error| {
        PyRuntimeError::new_err(format!("the thread that drives the stream could not be started: {error}"))
    })?;
    // A parent's handle must not be dropped in its child.
    std::mem::forget(running.replace((generation(), handle.clone())));
    Ok(handle)
}

fn start() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().thread_name("snowmelt-events").build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new().name("snowmelt".into()).spawn(move || {
        OURS.set(true);
        runtime.block_on(std::future::pending::<()>());
    })?;
    Ok(handle)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the result where Python is.
type Finish = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// Something under way on the runtime's thread.
#[pyclass(frozen)]
pub(crate) struct Pending(Arc<Slot>);

#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    ended: bool,
    finish: Option<Finish>,
    callback: Option<Py<PyAny>>,
}

impl Slot {
    fn end(&self, finish: Option<Finish>) {
        let mut state = lock(&self.state);
        if state.ended {
            return;
        }
        (state.ended, state.finish) = (true, finish);
        let callback = state.callback.take();
        drop(state);
        self.ended.notify_all();
        if let Some(callback) = callback {
            enter_python(|py| {
                if let Err(error) = callback.call0(py) {
                    error.write_unraisable(py, None);
                }
                drop(callback);
            });
        }
    }
}

/// Ends it also if its task is dropped or panics.
struct Ending(Arc<Slot>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end(None);
    }
}

impl Pending {
    /// Starts `future` on the runtime; what it gives makes the result.
    pub(crate) fn start<F, T>(future: F) -> PyResult<Self>
    where
        F: Future<Output = T> + Send + 'static,
        T: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        let slot = Arc::new(Slot::default());
        let ending = Ending(Arc::clone(&slot));
        handle()?.spawn(async move {
            let finish = future.await;
            ending.0.end(Some(Box::new(finish)));
        });
        Ok(Self(slot))
    }
}

/// How long a wait goes on before it looks for signals.
const SLICE: Duration = Duration::from_millis(50);

#[pymethods]
impl Pending {
    /// Waits with Python's lock released, at most `timeout` seconds; whether
    /// it ended. A signal's handler may raise out of it.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        if OURS.get() {
            // A finalizer that the collector ran there.
            let message = "this would wait on the very thread that has to do it: do it somewhere else than in a finalizer";
            return Err(to_python(py, Failure::new(INVALID_ARGUMENT, message)));
        }
        let limit = timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            let left = deadline
                .map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()).min(SLICE));
            if py.detach(|| self.ended_within(left)) {
                return Ok(true);
            }
            py.check_signals()?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(false);
            }
        }
    }

    /// Calls `callback()`, from a thread of ours, when it has ended; whether
    /// that is still to come.
    fn then(&self, callback: Py<PyAny>) -> bool {
        let mut state = lock(&self.0.state);
        if !state.ended {
            let before = state.callback.replace(callback);
            drop(state);
            drop(before);
            return true;
        }
        false
    }

    /// Whether it has ended.
    fn done(&self) -> bool {
        lock(&self.0.state).ended
    }

    /// What came of it; to be asked once, after it ended.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let finish = lock(&self.0.state).finish.take();
        match finish {
            Some(finish) => finish(py),
            None => Err(to_python(
                py,
                Failure::new(LOAD_INTERRUPTED, "what was waited for was interrupted: try again"),
            )),
        }
    }
}

impl Pending {
    fn ended_within(&self, time: Duration) -> bool {
        let state = lock(&self.0.state);
        let (state, _) = self
            .0
            .ended
            .wait_timeout_while(state, time, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        state.ended
    }
}
