//! A cache as Python has it.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use pyo3::exceptions::PyKeyError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use snowmelt::host::{self, Arrival, LeaseId, Lookup, Rescued};
use snowmelt::{Begin, Cache, Loaded, Report};
use snowmelt_core::invalidation::check_name;
use snowmelt_plain::{Failure, words};

use crate::convert::{self, duration, invalidation, key_text};
use crate::events::Events;
use crate::extras::Extras;
use crate::failure::{self, OrRaise, to_python};
use crate::grave::{any_buried, exhume};
use crate::invocation::Invocation;
use crate::loads::{self, Lease};
use crate::options::Options;
use crate::runtime::{CallingOut, NO_GENERATION, Pending, generation, handle, parents};
use crate::value::Value;
use crate::words::{due, miss, outcome_text};

/// What `snowmelt.Cache` is made of.
#[pyclass(subclass, frozen, weakref, generic, module = "snowmelt._snowmelt")]
pub(crate) struct Core {
    /// A parent's is never dropped: that would take its locks, and close what
    /// the two processes share.
    cache: ManuallyDrop<Cache<Value>>,
    made: u32,
    /// The process's, or [`NO_GENERATION`] once it was closed.
    generation: AtomicU32,
    /// A catch-up that `get` started is on its way.
    catching_up: Arc<AtomicBool>,
    stream: Option<String>,
    copy: Option<Py<PyAny>>,
    size_of: Option<Py<PyAny>>,
    absent: Option<Py<PyAny>>,
    events: Arc<Events>,
    report: Report,
}

/// What `Core::_next` gives.
type Step<'py> = (Option<Bound<'py, PyAny>>, Bound<'py, PyAny>, bool);

impl Core {
    #[inline]
    pub(crate) fn open(&self, py: Python<'_>) -> PyResult<&Cache<Value>> {
        exhume(py);
        let made = self.generation.load(Ordering::SeqCst);
        if made == generation() { Ok(&self.cache) } else { Err(not_open(py, made)) }
    }

    /// Whether locks may be entered: not in a child of the process that made it.
    pub(crate) fn enterable(&self) -> bool {
        self.generation.load(Ordering::Relaxed) == generation()
    }

    /// What a load stored after the end is dropped.
    pub(crate) fn forget_if_closed(&self) {
        if self.generation.load(Ordering::SeqCst) == NO_GENERATION {
            self.cache.clear();
        }
    }

    /// A value on its way to a reader.
    #[inline]
    fn out<'py>(&self, py: Python<'py>, value: Value) -> PyResult<Bound<'py, PyAny>> {
        let value = value.into_object().into_bound(py);
        match &self.copy {
            None => Ok(value),
            Some(copy) => {
                let _calling_out = CallingOut::begin(py);
                copy.bind(py).call1((value,))
            }
        }
    }

    /// The cache, if a hit can be handed out as it is, and nothing else is to
    /// be done.
    #[inline]
    pub(crate) fn plain(&self) -> Option<&Cache<Value>> {
        (self.enterable() && self.copy.is_none() && !any_buried()).then_some(&self.cache)
    }

    /// The same, if a value can also be stored as it is.
    #[inline]
    pub(crate) fn plain_to_store(&self) -> Option<&Cache<Value>> {
        self.plain().filter(|_| self.size_of.is_none() && self.absent.is_none())
    }

    /// A key that is due is read as it is, and a catch-up started.
    fn found<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = key.py();
        let cache = self.open(py)?;
        let text = key_text(key)?;
        match cache.look(text) {
            Lookup::Hit(value) | Lookup::Ahead(value) => self.out(py, value).map(Some),
            Lookup::Miss => self.missed(py, text),
            Lookup::Due => {
                self.catch_up_meanwhile()?;
                cache.get_now(text).map(|value| self.out(py, value)).transpose()
            }
        }
    }

    #[cold]
    fn missed<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        check_name("key", key).or_raise(py)?;
        Ok(None)
    }

    #[cold]
    fn catch_up_meanwhile(&self) -> PyResult<()> {
        if !self.catching_up.swap(true, Ordering::AcqRel) {
            let (cache, flag) = (Cache::clone(&self.cache), Arc::clone(&self.catching_up));
            handle()?.spawn(async move {
                cache.catch_up_for_read().await;
                flag.store(false, Ordering::Release);
            });
        }
        Ok(())
    }

    /// The value with what goes with it, as the core takes it.
    pub(crate) fn loaded(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        extras: &Extras<'_, '_>,
    ) -> PyResult<Loaded<Value>> {
        let py = key.py();
        let weight = match (extras.weight, &self.size_of) {
            (Some(weight), _) => Some(convert::weight(weight)?),
            (None, Some(size_of)) => Some(convert::weight(&size_of.bind(py).call1((value, key))?)?),
            (None, None) => None,
        };
        let absent = match (extras.absent, &self.absent) {
            (Some(absent), _) => absent,
            (None, Some(absent)) => absent.bind(py).call1((value,))?.is_truthy()?,
            (None, None) => value.is_none(),
        };
        let value = match &self.copy {
            None => value.clone(),
            Some(copy) => copy.bind(py).call1((value,))?,
        };
        let mut loaded = Loaded::new(Value::new(value.unbind()));
        (loaded.weight, loaded.absent) = (weight, Some(absent));
        extras.put_into(&mut loaded)?;
        Ok(loaded)
    }
}

#[cold]
fn not_open(py: Python<'_>, made: u32) -> PyErr {
    if made == NO_GENERATION {
        return to_python(py, Failure::closed());
    }
    parents(py)
}

#[pymethods]
impl Core {
    /// Does no I/O, and starts no thread.
    #[new]
    #[pyo3(signature = (*unnamed, **options), text_signature = "(**options)")]
    fn new(
        py: Python<'_>,
        unnamed: &Bound<'_, PyTuple>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = Options::read(unnamed, options)?;
        let events = Arc::new(Events::new(options.on_event));
        let sink = Arc::clone(&events);
        let mut builder = Cache::builder()
            .config(options.config)
            .stream(&options.stream)
            .event_sink(move |event| sink.tell(event));
        if let Some(region) = options.region {
            builder = builder.region(region);
        }
        if let Some(endpoint) = options.endpoint {
            builder = builder.endpoint(endpoint);
        }
        if let Some(seed) = options.seed {
            builder = builder.seed(seed);
        }
        let cache = py.detach(|| builder.build()).map_err(|error| failure::building(py, error))?;
        let made = generation();
        Ok(Self {
            cache: ManuallyDrop::new(cache),
            made,
            generation: AtomicU32::new(made),
            catching_up: Arc::default(),
            stream: (options.stream.trim() != "none").then_some(options.stream),
            copy: options.copy,
            size_of: options.size_of,
            absent: options.absent,
            events,
            report: options.report,
        })
    }

    #[pyo3(signature = (key, default=None, /))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.found(key)?.or(default))
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.found(key)?.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let cache = self.open(key.py())?;
        let text = key_text(key)?;
        check_name("key", text).or_raise(key.py())?;
        Ok(cache.peek(text).is_some())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.open(py)?.len())
    }

    /// An empty cache is a cache.
    fn __bool__(&self) -> bool {
        true
    }

    /// For a reader who can load: a value, `DUE`, or `MISS`, also where the
    /// value is to be refreshed ahead.
    fn _look<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let cache = self.open(py)?;
        match cache.look(key_text(key)?) {
            Lookup::Hit(value) => self.out(py, value),
            Lookup::Miss | Lookup::Ahead(_) => miss(py),
            Lookup::Due => due(py),
        }
    }

    /// The same after a catch-up was tried: never `DUE`.
    fn _look_again<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        match self.open(py)?.after_catch_up(key_text(key)?) {
            Lookup::Hit(value) => self.out(py, value),
            _ => miss(py),
        }
    }

    /// For a reader who cannot load: a value, `MISS` or `DUE`.
    fn _read<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let cache = self.open(py)?;
        match cache.look(key_text(key)?) {
            Lookup::Hit(value) | Lookup::Ahead(value) => self.out(py, value),
            Lookup::Miss => miss(py),
            Lookup::Due => due(py),
        }
    }

    /// What is within the hard bound, or `MISS`.
    fn _get_now<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        match self.open(py)?.get_now(key_text(key)?) {
            Some(value) => self.out(py, value),
            None => miss(py),
        }
    }

    fn _arrive(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.open(py)?.arrive().0.0)
    }

    /// What a reader does to whom `_look` gave nothing, `ahead` if that may have
    /// been because a value is to be refreshed ahead: `(None, value, stale)`
    /// is to be served; of `(begun, old, stale)` the first is a `Lease` or a
    /// `Joined`, and `old`, unless it is `MISS`, may be served at once if the
    /// load goes on when the reader is gone. No copies are made.
    fn _next<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        arrival: u64,
        ahead: bool,
    ) -> PyResult<Step<'py>> {
        let py = key.py();
        let _calling_out = CallingOut::begin(py);
        let arrival = Arrival(LeaseId(arrival));
        Ok(match slf.get().open(py)?.next(key_text(key)?, ahead, arrival).or_raise(py)? {
            host::Step::Serve { value, stale } => (None, value.into_object().into_bound(py), stale),
            host::Step::Join(joined) => (Some(loads::joined(py, joined)?), miss(py)?, false),
            host::Step::Lead { lease, old } => {
                let lease = loads::lease(slf, key, lease)?;
                match old {
                    None => (Some(lease), miss(py)?, false),
                    Some(old) => (Some(lease), old.value.into_object().into_bound(py), old.stale),
                }
            }
        })
    }

    /// Whether anything is kept under a key, so that `_rescue` is worth a
    /// catch-up.
    fn _keeps(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.open(key.py())?.keeps(key_text(key)?))
    }

    /// What a reader is given whose load failed or takes long, and how that is
    /// called; not a copy. `None` if there is nothing.
    fn _rescue<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<(Bound<'py, PyAny>, &'static str)>> {
        let py = key.py();
        let _calling_out = CallingOut::begin(py);
        let rescued = self.open(py)?.rescue(key_text(key)?).map(|rescued| match rescued {
            Rescued::Fresh(value) => (value, "hit"),
            Rescued::Stale(value) => (value, "stale"),
            Rescued::OnError(value) => (value, "stale_on_error"),
        });
        Ok(rescued.map(|(value, how)| (value.into_object().into_bound(py), how)))
    }

    /// Counts a stale value that was served while its load goes on.
    fn _note_stale(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let _calling_out = CallingOut::begin(key.py());
        self.open(key.py())?.note_stale(key_text(key)?);
        Ok(())
    }

    fn _begin<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let _calling_out = CallingOut::begin(key.py());
        let begun = slf.get().open(key.py())?.begin(key_text(key)?).or_raise(key.py())?;
        match begun {
            Begin::Lead(lease) => loads::lease(slf, key, lease),
            Begin::Join(joined) => loads::joined(key.py(), joined),
        }
    }

    /// Stores what a lease was for, and ends the lease. Arguments and result are
    /// those of `set`; `"fenced"` also if the lease had ended or was revoked.
    #[pyo3(signature = (lease, value, /, *, tags=None, ttl=None, weight=None, stale_while_revalidate=None,
        stale_if_error=None, refresh_ahead=None, absent=None))]
    #[expect(clippy::too_many_arguments, reason = "they have names")]
    fn fill<'py>(
        &self,
        lease: &Bound<'py, Lease>,
        value: &Bound<'py, PyAny>,
        tags: Option<&Bound<'py, PyAny>>,
        ttl: Option<&Bound<'py, PyAny>>,
        weight: Option<&Bound<'py, PyAny>>,
        stale_while_revalidate: Option<&Bound<'py, PyAny>>,
        stale_if_error: Option<&Bound<'py, PyAny>>,
        refresh_ahead: Option<&Bound<'py, PyAny>>,
        absent: Option<bool>,
    ) -> PyResult<Bound<'py, PyString>> {
        let extras =
            Extras { tags, ttl, weight, stale_while_revalidate, stale_if_error, refresh_ahead, absent };
        lease.get().fill(value, &extras)
    }

    /// Stores a value as loaded now, or at `as_of`: a `datetime`, or seconds
    /// since 1970. A load of the key that is under way is revoked.
    ///
    /// `tags` name what invalidates it beside its key, `ttl` is a lifetime of
    /// its own, `weight` how heavy it is. The windows and `refresh_ahead` are as
    /// the cache's, for this value; `absent` says whether it says that there is
    /// nothing, so that `negative_ttl` is its lifetime. Gives `"stored"`;
    /// `"fenced"` if it may be stale by now, `"too_heavy"` if it alone is over the
    /// bound, and `"not_kept"` if its lifetime is 0: then it is not stored.
    #[pyo3(signature = (key, value, /, *, tags=None, ttl=None, weight=None, as_of=None,
        stale_while_revalidate=None, stale_if_error=None, refresh_ahead=None, absent=None))]
    #[expect(clippy::too_many_arguments, reason = "they have names")]
    fn set<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        tags: Option<&Bound<'py, PyAny>>,
        ttl: Option<&Bound<'py, PyAny>>,
        weight: Option<&Bound<'py, PyAny>>,
        as_of: Option<&Bound<'py, PyAny>>,
        stale_while_revalidate: Option<&Bound<'py, PyAny>>,
        stale_if_error: Option<&Bound<'py, PyAny>>,
        refresh_ahead: Option<&Bound<'py, PyAny>>,
        absent: Option<bool>,
    ) -> PyResult<Bound<'py, PyString>> {
        let py = key.py();
        let _calling_out = CallingOut::begin(py);
        let text = key_text(key)?;
        // The value was true when this was called: what is invalidated while
        // foreign code runs concerns it.
        let moment = self.open(py)?.moment(text);
        let extras =
            Extras { tags, ttl, weight, stale_while_revalidate, stale_if_error, refresh_ahead, absent };
        let loaded = self.loaded(key, value, &extras)?;
        let as_of = as_of.map(convert::time).transpose()?;
        // Foreign code may have closed it.
        let cache = self.open(py)?;
        let outcome = match as_of {
            None => cache.insert_since(text, loaded, moment),
            Some(as_of) => cache.insert_as_of(text, loaded, as_of),
        };
        self.forget_if_closed();
        Ok(outcome_text(py, outcome.or_raise(py)?))
    }

    /// Drops one entry from this cache only, and says whether there was one.
    /// `invalidate` tells the other caches.
    #[pyo3(signature = (key, /))]
    fn delete(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let _calling_out = CallingOut::begin(key.py());
        let cache = self.open(key.py())?;
        let text = key_text(key)?;
        check_name("key", text).or_raise(key.py())?;
        Ok(cache.delete(text))
    }

    /// Drops every entry from this cache only.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        let _calling_out = CallingOut::begin(py);
        self.open(py)?.clear();
        Ok(())
    }

    /// The keys of all entries, in no order.
    fn keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.open(py)?.keys())
    }

    /// Every counter, in a dict; durations in milliseconds.
    fn _stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::object(py, &words::stats(&self.open(py)?.stats()))
    }

    /// What passes events on: a `snowmelt._events.Events`.
    fn _events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.events.teller(py)
    }

    fn _catch_up_for_read(&self, py: Python<'_>) -> PyResult<Pending> {
        let cache = self.open(py)?.clone();
        Pending::start(async move {
            cache.catch_up_for_read().await;
            |py: Python<'_>| Ok(py.None())
        })
    }

    fn _catch_up(&self, py: Python<'_>) -> PyResult<Pending> {
        let cache = self.open(py)?.clone();
        Pending::start(async move {
            let result = cache.catch_up().await;
            move |py: Python<'_>| match result {
                Ok(()) => Ok(py.None()),
                Err(error) => Err(failure::catching_up(py, &error)),
            }
        })
    }

    fn _catch_up_to(&self, token: &Bound<'_, PyAny>, within: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let _calling_out = CallingOut::begin(token.py());
        let cache = self.open(token.py())?.clone();
        let (token, within) = (convert::token(token)?, duration("within", within)?);
        Pending::start(async move {
            let result = cache.catch_up_to(&token, within).await;
            move |py: Python<'_>| match result {
                Ok(()) => Ok(py.None()),
                Err(error) => Err(failure::catching_up_to(py, &error)),
            }
        })
    }

    /// The local part is done when this returns.
    fn _invalidate(
        &self,
        py: Python<'_>,
        keys: Option<&Bound<'_, PyAny>>,
        tags: Option<&Bound<'_, PyAny>>,
        prefixes: Option<&Bound<'_, PyAny>>,
        all: bool,
    ) -> PyResult<Pending> {
        let _calling_out = CallingOut::begin(py);
        self.open(py)?;
        let what = invalidation(keys, tags, prefixes, all)?;
        what.check().or_raise(py)?;
        // Begun after foreign code ran: it may have closed the cache.
        let cache = self.open(py)?;
        let runtime = handle()?;
        let writing = {
            let _entered = runtime.enter();
            cache.invalidate(what)
        };
        Pending::start(async move {
            let result = writing.await;
            move |py: Python<'_>| match result {
                Ok(token) => Ok(PyString::new(py, &token.to_string()).into_any().unbind()),
                Err(error) => Err(failure::writing(py, error)),
            }
        })
    }

    fn _begin_invocation(slf: &Bound<'_, Self>) -> PyResult<Pending> {
        let py = slf.py();
        let core = slf.get();
        let cache = core.open(py)?.clone();
        let (stream, report, made) = (core.stream.clone(), core.report.clone(), generation());
        Pending::start(async move {
            let invocation = cache.invocation().await;
            move |py: Python<'_>| {
                let invocation = Invocation { held: Some(invocation), stream, report, made };
                Ok(Bound::new(py, invocation)?.into_any().unbind())
            }
        })
    }

    fn _warm(&self, py: Python<'_>) -> PyResult<Pending> {
        let cache = self.open(py)?.clone();
        Pending::start(async move {
            cache.warm().await;
            |py: Python<'_>| Ok(py.None())
        })
    }

    /// Says that this process is a copy that was restored from a snapshot. On
    /// Lambda that is said by itself.
    fn restored(&self, py: Python<'_>) -> PyResult<()> {
        let _calling_out = CallingOut::begin(py);
        self.open(py)?.restored();
        Ok(())
    }

    fn _validate(&self, py: Python<'_>) -> PyResult<()> {
        self.open(py)?.validate();
        Ok(())
    }

    fn _load_timeout(&self, py: Python<'_>) -> PyResult<f64> {
        self.open(py)?;
        Ok(self.cache.load_timeout().as_secs_f64())
    }

    fn _soft_load_timeout(&self) -> Option<f64> {
        self.cache.soft_load_timeout().map(|timeout| timeout.as_secs_f64())
    }

    /// Drops everything, and refuses what comes; whether it was open.
    fn _close(&self, py: Python<'_>) -> bool {
        let _calling_out = CallingOut::begin(py);
        let enterable = self.enterable();
        self.generation.store(NO_GENERATION, Ordering::SeqCst);
        if enterable {
            self.cache.clear();
        }
        enterable
    }

    /// Whether it was closed, or belongs to the process that this one was
    /// forked from.
    #[getter]
    fn closed(&self) -> bool {
        !self.enterable()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for object in [&self.copy, &self.size_of, &self.absent].into_iter().flatten() {
            visit.call(object)?;
        }
        self.events.traverse(&visit)?;
        // A parent's locks may be held for ever. What is not looked at is kept.
        let mut result = Ok(());
        if self.enterable() {
            self.cache.each_value(|value| {
                if result.is_ok() {
                    result = visit.call(value.object());
                }
            });
        }
        result
    }

    fn __clear__(&self) {
        if self.enterable() {
            self.cache.clear();
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if self.made == generation() {
            // SAFETY: nothing looks at it after this.
            unsafe { ManuallyDrop::drop(&mut self.cache) };
        }
    }
}
