//! What was dropped on a thread of ours waits here for one of Python's.
//!
//! `PyO3` has such a place too, and empties it wherever a thread attaches: ours
//! would run finalizers then, which may do anything, and wait for us.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::runtime::{CallingOut, lock, process};

/// Whether there may be something.
static BURIED: AtomicBool = AtomicBool::new(false);

/// A process's own.
pub(crate) type Grave = Mutex<Vec<Py<PyAny>>>;

pub(crate) fn bury(object: Py<PyAny>) {
    lock(&process().grave).push(object);
    BURIED.store(true, Ordering::Release);
}

#[inline]
pub(crate) fn any_buried() -> bool {
    BURIED.load(Ordering::Relaxed)
}

/// To be called now and then on a thread of Python's, with no lock held.
#[inline]
pub(crate) fn exhume(py: Python<'_>) {
    if any_buried() {
        give_back(py);
    }
}

#[cold]
fn give_back(py: Python<'_>) {
    BURIED.store(false, Ordering::SeqCst);
    let objects = std::mem::take(&mut *lock(&process().grave));
    let _calling_out = CallingOut::begin(py);
    for object in objects {
        object.drop_ref(py);
    }
}
