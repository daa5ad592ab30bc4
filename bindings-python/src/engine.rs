//! The core itself on one thread, with clocks moved by hand and a stream that
//! is answered by hand: for the core's vectors. Plain data is JSON.

use std::cell::RefCell;

use pyo3::prelude::*;
use serde_json::{Value as Json, json};
use snowmelt_core::follower::CatchUpId;
use snowmelt_core::options::Units;
use snowmelt_core::protocol::{self, Operation};
use snowmelt_core::{
    Arrival, Begin, Engine as Core, Host, Invalidation, Lease, LeaseId, Loaded, Lookup, Next, PositionToken,
    Time, Write, WriteStep,
};
use snowmelt_plain::call::{self, Refused, StreamPlace};
use snowmelt_plain::words::{self, Extras};
use snowmelt_plain::{Failure, options};

use crate::codecs::read;
use crate::failure::{OrRaise, to_python};

struct OneThread;

impl Host for OneThread {
    type Value = String;
    type Flight = ();
    type Cell<T> = RefCell<T>;
}

#[pyclass(unsendable)]
pub(crate) struct Engine {
    core: Core<OneThread>,
    place: StreamPlace,
    now: Time,
}

/// A load that was begun or joined.
#[pyclass(unsendable)]
pub(crate) struct Begun {
    #[pyo3(get)]
    id: u64,
    #[pyo3(get)]
    start: u64,
    #[pyo3(get)]
    leads: bool,
    lease: Option<Lease>,
}

/// A write under way; until it is finished.
#[pyclass(unsendable)]
pub(crate) struct Writing(Option<Write>);

/// An invocation under way.
#[pyclass]
pub(crate) struct Mark;

fn finished(py: Python<'_>) -> PyErr {
    to_python(py, Failure::new(snowmelt_core::codes::INVALID_ARGUMENT, "this write was finished before"))
}

impl From<Begin<()>> for Begun {
    fn from(begun: Begin<()>) -> Self {
        match begun {
            Begin::Lead(lease) => {
                let (id, start) = (lease.id().0, lease.start().as_millis());
                Self { id, start, leads: true, lease: Some(lease) }
            }
            Begin::Join { id, start, .. } => {
                Self { id: id.0, start: start.as_millis(), leads: false, lease: None }
            }
        }
    }
}

fn looked(lookup: Lookup<String>) -> Vec<String> {
    match lookup {
        Lookup::Hit(value) => vec!["hit".into(), value],
        Lookup::Ahead(value) => vec!["ahead".into(), value],
        Lookup::Due => vec!["due".into()],
        Lookup::Miss => vec!["miss".into()],
    }
}

impl Engine {
    fn loaded<R>(
        &self,
        py: Python<'_>,
        value: String,
        extras: &str,
        to: impl FnOnce(Loaded<'_, String>) -> R,
    ) -> PyResult<R> {
        let extras: Extras = read(py, extras)?;
        let tags: Vec<&str> = extras.tags.iter().map(String::as_str).collect();
        Ok(to(extras.loaded(value, &tags)))
    }
}

#[pymethods]
impl Engine {
    /// `settings` as for `check_config`; the clocks in milliseconds.
    #[new]
    fn new(
        py: Python<'_>,
        settings: &str,
        stream: Option<String>,
        seed: u64,
        monotonic: u64,
        wall: u64,
    ) -> PyResult<Self> {
        let place = StreamPlace::read(&json!(stream)).or_raise(py)?;
        let config =
            options::config(&read::<Json>(py, settings)?, place.identity(), Units::Seconds).or_raise(py)?;
        let core = Core::new(config, seed, Time::from_millis(wall)).or_raise(py)?;
        let now = core.observe(monotonic, wall);
        Ok(Self { core, place, now })
    }

    fn set_clock(&mut self, monotonic: u64, wall: u64) {
        self.now = self.core.observe(monotonic, wall);
    }

    fn now(&self) -> u64 {
        self.now.as_millis()
    }

    /// `["hit", value]`, `["ahead", value]`, `["due"]` or `["miss"]`.
    fn get(&self, key: &str) -> Vec<String> {
        looked(self.core.get(key, self.now))
    }

    fn get_after_catch_up(&self, key: &str) -> Vec<String> {
        looked(self.core.get_after_catch_up(key, self.now))
    }

    fn peek(&self, key: &str) -> Option<String> {
        self.core.peek(key, self.now)
    }

    fn arrive(&self) -> u64 {
        self.core.arrive().0.0
    }

    #[staticmethod]
    fn accepts(arrival: u64, id: u64) -> bool {
        Arrival(LeaseId(arrival)).accepts(LeaseId(id))
    }

    fn begin(&self, key: &str) -> Begun {
        self.core.begin(key, self.now, || ()).into()
    }

    /// `(begun, value, stale)`: `value` is to be served, or is the old one of a
    /// load that was begun.
    fn next(&self, key: &str, ahead: bool) -> (Option<Begun>, Option<String>, bool) {
        match self.core.next(key, ahead, self.now, || ()) {
            Next::Serve { value, stale } => (None, Some(value), stale),
            Next::Begin { begun, old: None } => (Some(begun.into()), None, false),
            Next::Begin { begun, old: Some(old) } => (Some(begun.into()), Some(old.value), old.stale),
        }
    }

    fn note_stale(&self, key: &str) {
        self.core.note_stale(key);
    }

    /// The value, and which of the three it is.
    fn rescue(&self, key: &str) -> Option<(String, &'static str)> {
        self.core.rescue(key, self.now).map(words::rescued)
    }

    /// A load that ended before, or was only joined, stores nothing.
    fn fill(&self, py: Python<'_>, begun: &mut Begun, value: String, extras: &str) -> PyResult<&'static str> {
        let Some(lease) = begun.lease.take() else { return Ok("fenced") };
        let outcome = self.loaded(py, value, extras, |loaded| self.core.fill(&lease, loaded, self.now))?;
        Ok(words::fill_name(outcome))
    }

    fn abandon(&self, begun: &mut Begun) {
        if let Some(lease) = begun.lease.take() {
            self.core.abandon(&lease, self.now);
        }
    }

    fn insert(
        &self,
        py: Python<'_>,
        key: &str,
        value: String,
        extras: &str,
        as_of: Option<u64>,
    ) -> PyResult<&'static str> {
        let as_of = as_of.map(Time::from_millis);
        let outcome =
            self.loaded(py, value, extras, |loaded| self.core.insert(key, loaded, as_of, self.now))?;
        Ok(words::fill_name(outcome))
    }

    fn delete(&self, key: &str) -> bool {
        self.core.delete(key)
    }

    fn clear(&self) {
        self.core.clear();
    }

    fn keys(&self) -> Vec<String> {
        self.core.keys()
    }

    fn begin_invocation(&self) -> Mark {
        self.core.begin_invocation(self.now);
        Mark
    }

    fn end_invocation(&self, _mark: &Mark) {
        self.core.end_invocation();
    }

    fn restored(&self, seed: u64) {
        self.core.restored(seed, self.now);
    }

    fn stats(&self) -> String {
        words::stats(&self.core.stats(self.now)).to_string()
    }

    fn validate(&self) {
        self.core.validate();
    }

    fn invalidate(&self, py: Python<'_>, what: &str) -> PyResult<Writing> {
        let what: Invalidation = read(py, what)?;
        Ok(Writing(Some(self.core.invalidate(&what, self.now).or_raise(py)?)))
    }

    /// `{"put": …}`, `{"wait": time}` or `"done"`.
    fn poll_write(&self, py: Python<'_>, writing: &mut Writing) -> PyResult<String> {
        let write = writing.0.as_mut().ok_or_else(|| finished(py))?;
        Ok(match write.poll(self.now) {
            WriteStep::Put(put) => json!({ "put": protocol::put_request(&put, self.place.address()) }),
            WriteStep::Wait(until) => json!({ "wait": until.as_millis() }),
            WriteStep::Done => json!("done"),
        }
        .to_string())
    }

    fn answer_put(&self, py: Python<'_>, writing: &mut Writing, output: &str) -> PyResult<()> {
        let answer = protocol::put_answer(&read::<Json>(py, output)?, None);
        writing.0.as_mut().ok_or_else(|| finished(py))?.handle_answer(answer, self.now);
        Ok(())
    }

    fn refuse_put(&self, py: Python<'_>, writing: &mut Writing, refusal: &str) -> PyResult<()> {
        let refusal: Refused = read(py, refusal)?;
        let error = refusal.error(Operation::PutRecords, &self.place, None, self.core.config().call_timeout);
        writing.0.as_mut().ok_or_else(|| finished(py))?.handle_answer(Err(error), self.now);
        Ok(())
    }

    fn finish_write(&self, py: Python<'_>, writing: &mut Writing) -> PyResult<String> {
        let write = writing.0.take().ok_or_else(|| finished(py))?;
        Ok(self.core.finish_write(write, self.now).or_raise(py)?.to_string())
    }

    fn reached(&self, py: Python<'_>, token: &str) -> PyResult<bool> {
        let token: PositionToken = token.parse().or_raise(py)?;
        self.core.reached(&token).or_raise(py)
    }

    /// `purpose` is `"read"`, `"everything"` or a time.
    fn catch_up(&self, py: Python<'_>, purpose: &str) -> PyResult<String> {
        let step = match read::<Json>(py, purpose)? {
            Json::Number(since) => {
                self.core.catch_up_since(Time::from_millis(since.as_u64().unwrap_or_default()), self.now)
            }
            Json::String(purpose) if purpose == "everything" => self.core.catch_up(self.now),
            _ => self.core.catch_up_for_read(self.now),
        };
        Ok(words::catch_up(step).to_string())
    }

    fn outcome(&self, id: f64) -> Option<String> {
        let outcome = self.core.catch_up_outcome(CatchUpId::from_number(words::whole(id)));
        outcome.as_ref().map(|outcome| words::outcome(outcome).to_string())
    }

    fn next_timeout(&self) -> Option<u64> {
        self.core.poll_timeout().map(Time::as_millis)
    }

    fn handle_timeout(&self) {
        self.core.handle_timeout(self.now);
    }

    fn poll_call(&self) -> Option<String> {
        self.core.poll_call(self.now).map(|call| call::call(&call, &self.place).to_string())
    }

    fn answer(
        &self,
        py: Python<'_>,
        id: &str,
        operation: &str,
        output: &str,
        date: Option<u64>,
    ) -> PyResult<()> {
        let answer =
            protocol::answer(call::operation(operation).or_raise(py)?, &read::<Json>(py, output)?, date);
        self.core.handle_answer(call::call_id(id).or_raise(py)?, answer, self.now);
        Ok(())
    }

    fn refuse(
        &self,
        py: Python<'_>,
        id: &str,
        operation: &str,
        refusal: &str,
        date: Option<f64>,
    ) -> PyResult<()> {
        let refusal: Refused = read(py, refusal)?;
        let operation = call::operation(operation).or_raise(py)?;
        let error = refusal.error(operation, &self.place, date, self.core.config().call_timeout);
        self.core.handle_answer(call::call_id(id).or_raise(py)?, Err(error), self.now);
        Ok(())
    }

    /// All events since the last call, as a list.
    fn events(&self) -> String {
        let events = std::iter::from_fn(|| self.core.poll_event()).map(|event| words::event(&event));
        Json::Array(events.collect()).to_string()
    }

    /// How many entries there are.
    fn size(&self) -> usize {
        self.core.len()
    }
}
