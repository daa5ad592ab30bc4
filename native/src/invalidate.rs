//! An invalidation on its way to the stream.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use snowmelt_core::{InputError, Invalidation, PositionToken, WriteError};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::error::InvalidateError;
use crate::shared::Shared;

/// The write that [`Cache::invalidate`](crate::Cache::invalidate) began.
///
/// The local part is done already. The write runs as a task of its own, which
/// dropping this does not stop: the database has changed, whether somebody
/// still waits or not. In a Lambda function await it before answering, since
/// the sandbox may be frozen afterwards.
#[must_use = "await it to learn whether the stream took the invalidation"]
pub struct Invalidating(State);

type Written = Result<PositionToken, WriteError>;

enum State {
    Refused(InputError),
    /// Called outside of a runtime; begins when it is polled within one.
    Waiting(Pin<Box<dyn Future<Output = Written> + Send>>),
    Running(JoinHandle<Written>),
    Done,
}

impl Invalidating {
    /// Does the local part, and begins the write if there is a runtime.
    pub(crate) fn begin<V: Clone + Send + Sync + 'static>(
        shared: &Arc<Shared<V>>,
        invalidation: &Invalidation,
    ) -> Self {
        let write = match shared.engine.invalidate(invalidation, shared.precise_now()) {
            Ok(write) => write,
            Err(error) => return Self(State::Refused(error)),
        };
        let write = Arc::clone(shared).write_out(write);
        Self(match Handle::try_current() {
            Ok(runtime) => State::Running(runtime.spawn(write)),
            Err(_) => State::Waiting(Box::pin(write)),
        })
    }
}

impl Future for Invalidating {
    type Output = Result<PositionToken, InvalidateError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut task = match std::mem::replace(&mut self.0, State::Done) {
            State::Refused(error) => return Poll::Ready(Err(InvalidateError::Input(error))),
            State::Done => return Poll::Ready(Err(InvalidateError::Interrupted)),
            State::Waiting(write) => tokio::spawn(write),
            State::Running(task) => task,
        };
        let Poll::Ready(result) = Pin::new(&mut task).poll(context) else {
            self.0 = State::Running(task);
            return Poll::Pending;
        };
        Poll::Ready(match result {
            Ok(written) => written.map_err(InvalidateError::Write),
            Err(_) => Err(InvalidateError::Interrupted),
        })
    }
}

impl fmt::Debug for Invalidating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.0 {
            State::Refused(_) => "refused",
            State::Waiting(_) => "waiting for a runtime",
            State::Running(_) => "running",
            State::Done => "done",
        };
        f.debug_tuple("Invalidating").field(&state).finish()
    }
}
