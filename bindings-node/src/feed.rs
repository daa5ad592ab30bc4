//! The stream's side of a cache: catching up, and writing.

use std::cell::RefCell;

use serde_json::{Value, json};
use snowmelt_core::codes::INVALID_ARGUMENT;
use snowmelt_core::follower::{Answer, Call, CallError, CallId, CatchUpId};
use snowmelt_core::protocol::{self, Operation};
use snowmelt_core::writer::{Put, PutAnswer};
use snowmelt_core::{Invalidation, PositionToken, Time, Write, WriteStep};

use snowmelt_plain::call::{self, Refused};
use snowmelt_plain::words as plain;

use crate::failure::{Failure, Outcome};

use crate::cache::Cache;

/// An answer on its way into the core.
pub(crate) type Answered = (CallId, Result<Answer, CallError>);

/// An invalidation on its way to the stream; until it is finished.
pub(crate) struct Writing(RefCell<Option<Write>>);

impl Cache {
    pub(crate) fn invalidate(&self, what: &Invalidation) -> Outcome<Writing> {
        let open = self.open()?;
        let write = open.engine.invalidate(what, open.now())?;
        Ok(Writing(RefCell::new(Some(write))))
    }

    pub(crate) fn finish_write(&self, writing: &Writing) -> Outcome<String> {
        let open = self.open()?;
        let write = writing.0.borrow_mut().take().ok_or_else(finished)?;
        Ok(open.engine.finish_write(write, open.now())?.to_string())
    }

    pub(crate) fn reached(&self, token: &str) -> Outcome<bool> {
        let token: PositionToken = token.parse()?;
        Ok(self.open()?.engine.reached(&token)?)
    }

    pub(crate) fn catch_up(&self, purpose: &Value) -> Outcome<Value> {
        let open = self.open()?;
        let now = open.now();
        Ok(plain::catch_up(match purpose {
            Value::Number(since) => {
                let since = Time::from_millis(plain::whole(since.as_f64().unwrap_or(0.0)));
                open.engine.catch_up_since(since, now)
            }
            Value::String(purpose) if purpose == "everything" => open.engine.catch_up(now),
            _ => open.engine.catch_up_for_read(now),
        }))
    }

    pub(crate) fn outcome(&self, id: f64) -> Outcome<Option<Value>> {
        let outcome = self.open()?.engine.catch_up_outcome(CatchUpId::from_number(plain::whole(id)));
        Ok(outcome.as_ref().map(plain::outcome))
    }

    pub(crate) fn next_timeout(&self) -> Outcome<Option<f64>> {
        Ok(self.open()?.engine.poll_timeout().map(|time| plain::number(time.as_millis())))
    }

    pub(crate) fn handle_timeout(&self) -> Outcome<()> {
        let open = self.open()?;
        open.engine.handle_timeout(open.now());
        Ok(())
    }

    pub(crate) fn next_call(&self) -> Outcome<Option<Call>> {
        let open = self.open()?;
        Ok(open.engine.poll_call(open.now()))
    }

    /// The same as plain data, for a transport in JavaScript.
    pub(crate) fn poll_call(&self) -> Outcome<Option<Value>> {
        Ok(self.next_call()?.map(|call| call::call(&call, self.place())))
    }

    /// An answer that came late, after the cache was closed, is dropped.
    pub(crate) fn take(&self, (id, answer): Answered) {
        if let Ok(open) = self.open() {
            open.engine.handle_answer(id, answer, open.now());
        }
    }

    pub(crate) fn answer(
        &self,
        id: &str,
        operation: &str,
        mut output: Value,
        date: Option<f64>,
    ) -> Outcome<()> {
        plain::integers(&mut output);
        let answer = protocol::answer(call::operation(operation)?, &output, date.map(plain::whole));
        self.take((call::call_id(id)?, answer));
        Ok(())
    }

    pub(crate) fn refuse(
        &self,
        id: &str,
        operation: &str,
        refusal: &Refused,
        date: Option<f64>,
    ) -> Outcome<()> {
        let error = self.refused(refusal, call::operation(operation)?, date)?;
        self.take((call::call_id(id)?, Err(error)));
        Ok(())
    }

    pub(crate) fn events(&self) -> Outcome<Vec<Value>> {
        let open = self.open()?;
        Ok(std::iter::from_fn(|| open.engine.poll_event())
            .map(|event| plain::camel(plain::event(&event)))
            .collect())
    }
}

/// The steps of a write; the cache that made it gives the time.
impl Cache {
    /// What a write wants put next, or otherwise what to do.
    pub(crate) fn next_put(&self, writing: &Writing) -> Outcome<Result<Put, Value>> {
        let now = self.now()?;
        Ok(match writing.0.borrow_mut().as_mut().ok_or_else(finished)?.poll(now) {
            WriteStep::Put(put) => Ok(put),
            WriteStep::Wait(until) => Err(json!({ "wait": plain::number(until.as_millis()) })),
            WriteStep::Done => Err(json!("done")),
        })
    }

    /// The same as plain data, for a transport in JavaScript.
    pub(crate) fn poll_write(&self, writing: &Writing) -> Outcome<Value> {
        let put = match self.next_put(writing)? {
            Ok(put) => put,
            Err(otherwise) => return Ok(otherwise),
        };
        Ok(json!({ "put": protocol::put_request(&put, self.place().address()) }))
    }

    /// An answer to a write that was finished is dropped, and so is one for a
    /// cache that was closed.
    pub(crate) fn take_put(&self, writing: &Writing, answer: Result<PutAnswer, CallError>) {
        if let (Some(write), Ok(now)) = (&mut *writing.0.borrow_mut(), self.now()) {
            write.handle_answer(answer, now);
        }
    }

    pub(crate) fn answer_put(&self, writing: &Writing, mut output: Value, date: Option<f64>) {
        plain::integers(&mut output);
        self.take_put(writing, protocol::put_answer(&output, date.map(plain::whole)));
    }

    pub(crate) fn refuse_put(&self, writing: &Writing, refusal: &Refused, date: Option<f64>) -> Outcome<()> {
        let error = self.refused(refusal, Operation::PutRecords, date)?;
        self.take_put(writing, Err(error));
        Ok(())
    }
}

impl Cache {
    fn refused(&self, refused: &Refused, operation: Operation, date: Option<f64>) -> Outcome<CallError> {
        let limit = self.open()?.engine.config().call_timeout;
        Ok(refused.error(operation, self.place(), date, limit))
    }
}

fn finished() -> Failure {
    Failure::new(INVALID_ARGUMENT, "this write was finished before")
}
