//! The thread that drives the stream, and how others wait for it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use serde_json::json;
use snowmelt_core::codes::{CLOSED, INVALID_ARGUMENT, LOAD_INTERRUPTED};
use snowmelt_plain::Failure;
use tokio::runtime::{Builder, Handle};

use crate::failure::{raise, to_python};
use crate::grave::Grave;

/// Counts forks. What was made in another generation belongs to the parent
/// process: its thread is not here, and its locks may be held for ever.
static GENERATION: AtomicU32 = AtomicU32::new(0);
/// No cache has this one.
pub(crate) const NO_GENERATION: u32 = u32::MAX;

/// What a process has of its own. Never dropped: a child leaves its parent's
/// alone, whose locks may be held by threads that it does not have.
#[derive(Default)]
pub(crate) struct Process {
    running: Mutex<Option<Handle>>,
    pub(crate) grave: Grave,
    entering: Mutex<Entering>,
    /// Told when the last thread of ours has left Python, and when the last
    /// fork is done.
    left: Condvar,
    /// The same as in `entering`, for Python's threads.
    ending: AtomicBool,
    /// How many of Python's threads are here and may run foreign code.
    calling_out: AtomicUsize,
}

#[derive(Default)]
struct Entering {
    /// Python is about to end: no thread of ours may enter it any more.
    ending: bool,
    /// How many are in it.
    within: usize,
    /// How many threads fork just now: nobody enters meanwhile.
    forking: usize,
}

/// Null until it is asked for.
static PROCESS: AtomicPtr<Process> = AtomicPtr::new(null_mut());

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
    /// Our thread, held still while this one forks.
    static HELD: RefCell<Option<Arc<Hold>>> = const { RefCell::new(None) };
    /// The thread that ends Python.
    static ENDS: Cell<bool> = const { Cell::new(false) };
}

/// How long others are waited for that should need no time at all: longer,
/// and they hang.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn process() -> &'static Process {
    let mut known = PROCESS.load(Ordering::Acquire);
    if known.is_null() {
        let made = Box::into_raw(Box::default());
        match PROCESS.compare_exchange(null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => known = made,
            Err(other) => {
                // SAFETY: it was made above, and nobody else saw it.
                drop(unsafe { Box::from_raw(made) });
                known = other;
            }
        }
    }
    // SAFETY: it came from a box that is never freed.
    unsafe { &*known }
}

impl Process {
    /// Waits until no thread of ours is within Python.
    fn until_left(&self, entering: MutexGuard<'_, Entering>) {
        let within = |entering: &mut Entering| entering.within > 0;
        drop(
            self.left.wait_timeout_while(entering, PATIENCE, within).unwrap_or_else(PoisonError::into_inner),
        );
    }
}

/// Whether this is a thread of ours, and not one of Python's.
#[inline]
pub(crate) fn is_ours() -> bool {
    OURS.get()
}

#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Holds our thread still.
#[derive(Default)]
struct Hold {
    state: Mutex<Still>,
    changed: Condvar,
}

#[derive(Default, PartialEq)]
enum Still {
    #[default]
    Asked,
    Standing,
    Released,
}

impl Hold {
    fn stand(&self) {
        let mut state = lock(&self.state);
        if *state == Still::Asked {
            *state = Still::Standing;
            self.changed.notify_all();
        }
        while *state == Still::Standing {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wait(&self) {
        let state = lock(&self.state);
        let asked = |state: &mut Still| *state == Still::Asked;
        drop(self.changed.wait_timeout_while(state, PATIENCE, asked).unwrap_or_else(PoisonError::into_inner));
    }

    fn release(&self) {
        *lock(&self.state) = Still::Released;
        self.changed.notify_all();
    }
}

/// To be called before a fork, on the thread that forks. Our thread then stands
/// where it holds no lock: one that is copied while it is held (the
/// allocator's excepted) is held for ever in the child.
#[pyfunction]
pub(crate) fn forking(py: Python<'_>) {
    if OURS.get() {
        return;
    }
    let Some(handle) = lock(&process().running).clone() else { return };
    let hold = Arc::new(Hold::default());
    let standing = Arc::clone(&hold);
    handle.spawn(async move { standing.stand() });
    HELD.set(Some(Arc::clone(&hold)));
    py.detach(|| {
        hold.wait();
        // Entering Python takes locks of the interpreter's before its main one.
        let process = process();
        let mut entering = lock(&process.entering);
        entering.forking += 1;
        process.until_left(entering);
    });
}

/// To be called in the parent after a fork.
#[pyfunction]
pub(crate) fn went_on() {
    if let Some(hold) = HELD.take() {
        let process = process();
        lock(&process.entering).forking -= 1;
        process.left.notify_all();
        hold.release();
    }
}

/// To be called in a child after a fork.
#[pyfunction]
pub(crate) fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    PROCESS.store(null_mut(), Ordering::Release);
    OURS.set(false);
    // It refers to a thread and a runtime of the parent.
    std::mem::forget(HELD.take());
}

/// To be called before Python ends.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    let process = process();
    ENDS.set(true);
    process.ending.store(true, Ordering::SeqCst);
    py.detach(|| {
        let deadline = Instant::now() + PATIENCE;
        let mut entering = lock(&process.entering);
        entering.ending = true;
        process.until_left(entering);
        while process.calling_out.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// A thread of Python's that may run foreign code from here: a user's
/// function, or a value's finalizer.
///
/// Before 3.14 a daemon thread that wants Python's lock once Python has begun
/// to end is unwound to its start, and a process dies of that if there is Rust
/// on the way. So none may be on its way when it begins, and what comes after
/// that stands still.
pub(crate) struct CallingOut(&'static Process);

/// Long enough for any process to end; for ever, and an exit handler that waits
/// for a thread would do so, too.
const STAND_STILL: Duration = Duration::from_secs(5);

impl CallingOut {
    #[inline]
    pub(crate) fn begin(py: Python<'_>) -> Self {
        let process = process();
        process.calling_out.fetch_add(1, Ordering::SeqCst);
        if process.ending.load(Ordering::SeqCst) && !ENDS.get() {
            process.calling_out.fetch_sub(1, Ordering::SeqCst);
            py.detach(|| std::thread::sleep(STAND_STILL));
            process.calling_out.fetch_add(1, Ordering::SeqCst);
        }
        Self(process)
    }
}

impl Drop for CallingOut {
    #[inline]
    fn drop(&mut self) {
        self.0.calling_out.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether `Pending.then` calls nobody any more.
#[pyfunction]
pub(crate) fn ending() -> bool {
    lock(&process().entering).ending
}

/// A thread of ours that is within Python.
struct Within(&'static Process);

impl Within {
    fn enter() -> Option<Self> {
        let process = process();
        let mut entering = lock(&process.entering);
        while entering.forking > 0 {
            entering = process.left.wait(entering).unwrap_or_else(PoisonError::into_inner);
        }
        if entering.ending {
            return None;
        }
        entering.within += 1;
        Some(Self(process))
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        let mut entering = lock(&self.0.entering);
        entering.within -= 1;
        if entering.within == 0 {
            self.0.left.notify_all();
        }
    }
}

/// Enters Python from a thread of ours, unless it is about to end. What runs
/// there has to be short, and no user's code: Python's end waits for it.
pub(crate) fn enter_python<R>(run: impl FnOnce(Python<'_>) -> R) -> Option<R> {
    let _within = Within::enter()?;
    Python::try_attach(run)
}

/// The runtime, started at the first call that needs it.
pub(crate) fn handle() -> PyResult<Handle> {
    let mut running = lock(&process().running);
    if let Some(handle) = &*running {
        return Ok(handle.clone());
    }
    let handle = start().map_err(|error| {
        PyRuntimeError::new_err(format!("the thread that drives the stream could not be started: {error}"))
    })?;
    *running = Some(handle.clone());
    Ok(handle)
}

fn start() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_name("snowmelt-events")
        .on_thread_start(|| OURS.set(true))
        .build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new().name("snowmelt".into()).spawn(move || {
        OURS.set(true);
        runtime.block_on(std::future::pending::<()>());
    })?;
    Ok(handle)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What belongs to the process that this one was forked from.
#[cold]
pub(crate) fn parents(py: Python<'_>) -> PyErr {
    let message = "this cache was made before the process forked, and belongs to the parent: make a cache of its own in each \
        process, after the fork";
    raise(py, &json!({ "code": CLOSED, "message": message, "forked": true }).to_string())
}

/// Makes the result where Python is.
type Finish = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// Something under way on the runtime's thread.
#[pyclass(frozen)]
pub(crate) struct Pending {
    slot: Arc<Slot>,
    made: u32,
}

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
        Ok(Self { slot, made: generation() })
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
            if !self.ours() || py.detach(|| self.ended_within(left)) {
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
        if !self.ours() {
            return false;
        }
        let mut state = lock(&self.slot.state);
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
        !self.ours() || lock(&self.slot.state).ended
    }

    /// What came of it; to be asked once, after it ended.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if !self.ours() {
            return Err(parents(py));
        }
        let finish = lock(&self.slot.state).finish.take();
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
    /// What a parent waits for ends in the parent only.
    fn ours(&self) -> bool {
        self.made == generation()
    }

    fn ended_within(&self, time: Duration) -> bool {
        let state = lock(&self.slot.state);
        let (state, _) = self
            .slot
            .ended
            .wait_timeout_while(state, time, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        state.ended
    }
}
