//! The drain loop: the only place where the core's wishes become calls.
//!
//! Whoever changes something in the core calls [`Shared::drive`], which sends
//! what the core wants sent, each call as a task of its own: the reader that
//! began a catch-up may go away, and the catch-up goes on for the others.
//!
//! No timer is trusted. A frozen sandbox's timers do not fire, or fire late;
//! so whoever waits compares the clock with the core's deadline each time it
//! wakes, and whoever asks for a catch-up does so first.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use snowmelt_core::engine::CatchUp;
use snowmelt_core::follower::{
    CONNECTIONS_LAST, Call, CallError, CallErrorKind, CatchUpError, CatchUpId, CatchUpToError, Outcome,
    TOKEN_PAUSE,
};
use snowmelt_core::{Event, PositionToken, Time, Write, WriteError, WriteStep};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::shared::Shared;
use crate::stream::{CallFuture, Stream};

impl<V: Clone + Send + Sync + 'static> Shared<V> {
    /// Catches up if that is due, for at most the budget.
    pub(crate) async fn catch_up_for_read(self: &Arc<Self>) {
        let deadline = self.arrive() + self.engine.config().catch_up_budget;
        loop {
            let step = self.engine.catch_up_for_read(self.precise_now());
            self.drive();
            match step {
                CatchUp::UpToDate | CatchUp::NotDue => return,
                CatchUp::Running(id) => {
                    self.outcome(id, deadline).await;
                    return;
                }
                // Asked again the same way: so it is paced like any other.
                CatchUp::Earlier(id) => {
                    if self.outcome(id, deadline).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Catches up with everything that can be read now, due or not.
    pub(crate) async fn catch_up(self: &Arc<Self>, deadline: Time) -> Result<(), CatchUpError> {
        let arrival = self.arrive();
        loop {
            let step = self.engine.catch_up_since(arrival, self.precise_now());
            self.drive();
            match step {
                CatchUp::UpToDate | CatchUp::NotDue => return Ok(()),
                CatchUp::Running(id) => return CatchUpError::check(self.outcome(id, deadline).await),
                CatchUp::Earlier(id) => {
                    if self.outcome(id, deadline).await.is_none() {
                        return Err(CatchUpError::OutOfBudget);
                    }
                }
            }
        }
    }

    /// Catches up until what a token names was applied.
    pub(crate) async fn catch_up_to(
        self: &Arc<Self>,
        token: &PositionToken,
        within: Duration,
    ) -> Result<(), CatchUpToError> {
        self.engine.reached(token)?;
        let deadline = self.precise_now() + within;
        let mut last = None;
        loop {
            match self.catch_up(deadline).await {
                Ok(()) if self.engine.reached(token)? => return Ok(()),
                // Cut short by this deadline: that says nothing of the stream.
                Err(CatchUpError::OutOfBudget) if self.precise_now() >= deadline => {}
                result => last = result.err(),
            }
            let now = self.precise_now();
            if now >= deadline {
                return Err(CatchUpToError::Deadline { within, last });
            }
            sleep(TOKEN_PAUSE.min(deadline.since(now))).await;
        }
    }

    /// How a catch-up ended; `None` if `deadline` came first.
    async fn outcome(self: &Arc<Self>, id: CatchUpId, deadline: Time) -> Option<Outcome> {
        loop {
            // Made before the look, so that no change falls between the two.
            let changed = self.changed.notified();
            if let Some(outcome) = self.engine.catch_up_outcome(id) {
                return Some(outcome);
            }
            let now = self.precise_now();
            if now >= deadline {
                return None;
            }
            let wake = self.engine.poll_timeout().map_or(deadline, |next| next.min(deadline));
            let pause = wake.since(now).clamp(Duration::from_millis(1), Duration::from_secs(60));
            let _ = timeout(pause, changed).await;
            self.give_up_late_calls();
        }
    }

    /// The time at which somebody comes to ask the stream.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, before anything was changed.
    fn arrive(self: &Arc<Self>) -> Time {
        let _in_runtime = Handle::current();
        let now = self.precise_now();
        self.give_up_late_calls();
        self.drop_old_connections(now);
        now
    }

    fn give_up_late_calls(self: &Arc<Self>) {
        let now = self.precise_now();
        if self.engine.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.engine.handle_timeout(now);
            self.drive();
        }
    }

    fn drop_old_connections(&self, now: Time) {
        let answered = Time::from_millis(self.answered.load(Ordering::Relaxed));
        if answered == Time::ZERO || now.since(answered) < CONNECTIONS_LAST {
            return;
        }
        if let Some(stream) = &self.stream {
            tracing::debug!(idle = ?now.since(answered), "connections to the stream are made anew");
            stream.forget_connections();
            self.answered.store(now.as_millis(), Ordering::Relaxed);
        }
    }

    /// Notes that the stream can be reached over the connections there are.
    pub(crate) fn note_answer(&self, now: Time) {
        self.answered.store(now.as_millis(), Ordering::Relaxed);
    }

    /// Sends what the core wants sent, tells what happened, wakes who waits.
    fn drive(self: &Arc<Self>) {
        if let Some(stream) = &self.stream {
            while let Some(call) = self.engine.poll_call(self.precise_now()) {
                tokio::spawn(Arc::clone(self).call(Arc::clone(stream), call));
            }
        }
        // Whatever ends a catch-up is an event. Nobody is woken for less: many
        // readers may wait, and each that comes runs through here.
        let mut changed = false;
        while let Some(event) = self.engine.poll_event() {
            match &self.events {
                Some(sink) => sink(&event),
                None => self.log(&event),
            }
            changed = true;
        }
        if changed {
            self.changed.notify_waiters();
        }
    }

    async fn call(self: Arc<Self>, stream: Arc<dyn Stream>, call: Call) {
        tracing::trace!(request = ?call.request, "asking the stream");
        let answer = self.bounded(stream.call(call.request)).await;
        let now = self.precise_now();
        if answer.is_ok() {
            self.note_answer(now);
        }
        self.engine.handle_answer(call.id, answer, now);
        self.drive();
    }

    /// Ends a call that takes too long, so that its task does not stay.
    async fn bounded<T>(&self, call: CallFuture<T>) -> Result<T, CallError> {
        let limit = self.engine.config().call_timeout;
        timeout(limit, call).await.unwrap_or_else(|_| {
            let message = format!(
                "the stream did not answer within `call_timeout` ({limit:?}): check that it can be reached from here"
            );
            Err(CallError { kind: CallErrorKind::TimedOut, message, date: None })
        })
    }

    /// Brings an invalidation to the stream.
    pub(crate) async fn write_out(self: Arc<Self>, mut write: Write) -> Result<PositionToken, WriteError> {
        while let Some(stream) = &self.stream {
            let now = self.precise_now();
            match write.poll(now) {
                WriteStep::Put(put) => {
                    self.drop_old_connections(now);
                    let answer = self.bounded(stream.put(put)).await;
                    let now = self.precise_now();
                    if answer.is_ok() {
                        self.note_answer(now);
                    }
                    write.handle_answer(answer, now);
                }
                WriteStep::Wait(until) => sleep(until.since(now)).await,
                WriteStep::Done => break,
            }
        }
        self.engine.finish_write(write, self.precise_now())
    }

    fn log(&self, event: &Event) {
        let stream = self.engine.config().stream.as_deref().unwrap_or_default();
        match event {
            Event::Gap(reason) => {
                tracing::warn!(stream, ?reason, "continuity could not be proven: the cache was emptied");
            }
            Event::Undecodable { sequence_number, why } => {
                tracing::warn!(
                    stream,
                    sequence_number,
                    why = why.as_ref(),
                    "skipped a record that cannot be read wholly; `stats` counts further ones"
                );
            }
            Event::Flushed { sequence_number, why } => {
                tracing::warn!(
                    stream,
                    sequence_number,
                    why = why.as_ref(),
                    "a record that cannot be read emptied the cache"
                );
            }
            Event::CatchUpEnded(_, outcome) => self.log_outcome(stream, outcome),
            other => tracing::debug!(stream, event = ?other),
        }
    }

    fn log_outcome(&self, stream: &str, outcome: &Outcome) {
        match outcome {
            Outcome::Failed { message, .. } if !self.failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(
                    stream,
                    why = message,
                    "catching up failed; reported again once it worked in between"
                );
            }
            Outcome::Succeeded => {
                self.failing.store(false, Ordering::Relaxed);
                tracing::debug!(stream, "caught up");
            }
            outcome => tracing::debug!(stream, ?outcome, "not caught up"),
        }
    }
}
