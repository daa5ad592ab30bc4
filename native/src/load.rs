//! Loads: one for each key, shared by all who wait for it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use snowmelt_core::config::MAX_TAGS;
use snowmelt_core::invalidation::check_name;
use snowmelt_core::{Arrival, FillOutcome, InputError, LeaseId, Next, Time};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::Instrument;

use crate::error::LoadError;
use crate::loaded::Loaded;
use crate::shared::Shared;

/// What the waiters of one load share.
#[derive(Debug)]
pub(crate) struct Flight<V> {
    done: OnceLock<Done<V>>,
    landed: Notify,
}

/// How a load ended.
#[derive(Debug)]
enum Done<V> {
    Loaded {
        value: V,
        /// Nothing was invalidated while it was loaded: it is for everyone.
        current: bool,
    },
    /// The loader's error, of whatever type the one who led it has.
    Failed(Arc<dyn Any + Send + Sync>),
    Panicked,
    /// The lease was given up, or its task dropped.
    Dropped,
}

impl<V> Flight<V> {
    fn new() -> Arc<Self> {
        Arc::new(Self { done: OnceLock::new(), landed: Notify::new() })
    }

    fn land(&self, done: Done<V>) {
        if self.done.set(done).is_ok() {
            self.landed.notify_waiters();
        }
    }

    async fn wait(&self) -> &Done<V> {
        loop {
            // Made before the look, so that no landing falls between the two.
            let landed = self.landed.notified();
            if let Some(done) = self.done.get() {
                return done;
            }
            landed.await;
        }
    }
}

/// Who loads a key: see [`Cache::begin`](crate::Cache::begin).
#[derive(Debug)]
pub enum Begin<V: Clone + Send + Sync + 'static> {
    /// The caller. Load the value, then [`Lease::fill`].
    Lead(Lease<V>),
    /// Somebody else. [`Joined::wait`] for that load.
    Join(Joined<V>),
}

/// The right to load one key, and to store what was loaded.
///
/// Dropped without [`fill`](Self::fill) it is given up, and the key can be
/// loaded again at once; who waited for it loads the value in its own way.
pub struct Lease<V: Clone + Send + Sync + 'static> {
    shared: Arc<Shared<V>>,
    /// Taken when it ends.
    core: Option<snowmelt_core::Lease>,
    id: LeaseId,
    key: Box<str>,
    flight: Arc<Flight<V>>,
    /// On the monotonic clock.
    began: Duration,
}

impl<V: Clone + Send + Sync + 'static> Lease<V> {
    /// The key to load.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Stores what was loaded, unless it may be stale by now, and gives it to
    /// those who wait for it. The caller may use it whatever the outcome.
    pub fn fill(mut self, loaded: impl Into<Loaded<V>>) -> FillOutcome {
        let took = self.shared.clock.monotonic().saturating_sub(self.began);
        // Foreign code first: if it panics, the lease is still there to end.
        let loaded = loaded.into().weighed(&self.key, self.shared.weigher.as_ref());
        let (value, tags) = (loaded.value.clone(), loaded.tags.len());
        let Some(core) = self.core.take() else { return FillOutcome::Fenced };
        let outcome = loaded.pass(took, |loaded| self.shared.engine.fill(&core, loaded, self.shared.now()));
        // With more tags than an entry can bear they were not looked at.
        let current = outcome != FillOutcome::Fenced && tags <= MAX_TAGS;
        self.flight.land(Done::Loaded { value, current });
        outcome
    }

    /// The number of the load, in its cache.
    #[doc(hidden)]
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// Ends a load that failed. Who waits for it is told why.
    #[doc(hidden)]
    pub fn fail(mut self, error: Arc<dyn Any + Send + Sync>) {
        self.end(Done::Failed(error));
    }

    fn end(&mut self, done: Done<V>) {
        if let Some(core) = self.core.take() {
            self.shared.engine.abandon(&core, self.shared.now());
            self.flight.land(done);
        }
    }
}

impl<V: Clone + Send + Sync + 'static> Drop for Lease<V> {
    fn drop(&mut self) {
        let panicked = std::thread::panicking();
        self.end(if panicked { Done::Panicked } else { Done::Dropped });
    }
}

impl<V: Clone + Send + Sync + 'static> fmt::Debug for Lease<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("key", &self.key).finish_non_exhaustive()
    }
}

/// How a load ended for one who waited for it; for bindings.
#[doc(hidden)]
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadEnd<V> {
    /// With a value.
    Loaded(V),
    /// With whatever [`Lease::fail`] was given.
    Failed(Arc<dyn Any + Send + Sync>),
    /// With nothing for this waiter: `begin` again.
    Nothing,
}

/// A load that somebody else leads.
pub struct Joined<V: Clone + Send + Sync + 'static> {
    shared: Arc<Shared<V>>,
    flight: Arc<Flight<V>>,
    id: LeaseId,
    start: Time,
    arrival: Arrival,
}

impl<V: Clone + Send + Sync + 'static> Joined<V> {
    /// Waits for that load, at most until its `load_timeout`.
    ///
    /// Returns `None` if it brought nothing for this waiter: it failed, took
    /// too long, or was revoked and had begun before this waiter came. Then
    /// [`begin`](crate::Cache::begin) again; the second load is for you in any
    /// case.
    pub async fn wait(self) -> Option<V> {
        match self.landed().await? {
            Done::Loaded { value, current } if self.serves(*current) => Some(value.clone()),
            _ => None,
        }
    }

    /// The number of the load, in its cache.
    #[doc(hidden)]
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// Waits until the load landed or its time is up; [`end`](Self::end) then
    /// says how.
    #[doc(hidden)]
    pub async fn land(&self) {
        self.landed().await;
    }

    /// What the load brought for this waiter, as far as it is known by now.
    #[doc(hidden)]
    pub fn end(&self) -> LoadEnd<V> {
        match self.flight.done.get() {
            Some(Done::Loaded { value, current }) if self.serves(*current) => LoadEnd::Loaded(value.clone()),
            Some(Done::Failed(error)) => LoadEnd::Failed(Arc::clone(error)),
            _ => LoadEnd::Nothing,
        }
    }

    /// `None` if the load took longer than `load_timeout`.
    async fn landed(&self) -> Option<&Done<V>> {
        let deadline = self.start + self.shared.engine.config().load_timeout + Duration::from_millis(1);
        loop {
            let now = self.shared.precise_now();
            if now >= deadline {
                return self.flight.done.get();
            }
            let left = deadline.since(now);
            if let Ok(done) = timeout(left, self.flight.wait()).await {
                return Some(done);
            }
        }
    }

    /// Contract line 9: a revoked load is only for those who were there when
    /// it began.
    fn serves(&self, current: bool) -> bool {
        current || self.arrival.accepts(self.id)
    }
}

impl<V: Clone + Send + Sync + 'static> fmt::Debug for Joined<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined").field("start", &self.start).finish_non_exhaustive()
    }
}

impl<V: Clone + Send + Sync + 'static> Shared<V> {
    /// Joins the live load of a key, or begins one.
    pub(crate) fn begin(self: &Arc<Self>, key: &str, arrival: Arrival) -> Result<Begin<V>, InputError> {
        check_name("key", key)?;
        let mut own = None;
        let now = self.precise_now();
        let begun = self.engine.begin(key, now, || Arc::clone(own.insert(Flight::new())));
        Ok(self.begun(begun, own, arrival))
    }

    /// The same, unless there is a value by now: between a read that missed
    /// and this another load may have stored one.
    pub(crate) fn find_or_begin(
        self: &Arc<Self>,
        key: &str,
        arrival: Arrival,
    ) -> Result<ControlFlow<V, Begin<V>>, InputError> {
        check_name("key", key)?;
        let mut own = None;
        let now = self.precise_now();
        let next = self.engine.next(key, false, now, || Arc::clone(own.insert(Flight::new())));
        Ok(match next {
            Next::Serve { value, .. } => ControlFlow::Break(value),
            Next::Begin { begun, .. } => ControlFlow::Continue(self.begun(begun, own, arrival)),
        })
    }

    /// `own` is the flight of a load that is led from here.
    fn begun(
        self: &Arc<Self>,
        begun: snowmelt_core::Begin<Arc<Flight<V>>>,
        own: Option<Arc<Flight<V>>>,
        arrival: Arrival,
    ) -> Begin<V> {
        let shared = Arc::clone(self);
        match begun {
            snowmelt_core::Begin::Lead(core) => Begin::Lead(Lease {
                shared,
                id: core.id(),
                key: core.key().into(),
                core: Some(core),
                flight: own.unwrap_or_else(Flight::new),
                began: self.clock.monotonic(),
            }),
            snowmelt_core::Begin::Join { id, start, flight } => {
                Begin::Join(Joined { shared, flight, id, start, arrival })
            }
        }
    }

    /// Loads a key that a reader who came at `arrival` did not find.
    pub(crate) async fn load<L, F, T, E>(
        self: &Arc<Self>,
        key: &str,
        arrival: Arrival,
        loader: L,
    ) -> Result<V, LoadError<E>>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
    {
        loop {
            match self.find_or_begin(key, arrival)? {
                ControlFlow::Break(value) => return Ok(value),
                ControlFlow::Continue(Begin::Lead(lease)) => return lead(lease, loader).await,
                ControlFlow::Continue(Begin::Join(joined)) => {
                    if let Some(result) = joined.result().await {
                        return result;
                    }
                }
            }
        }
    }
}

impl<V: Clone + Send + Sync + 'static> Joined<V> {
    /// What the load brought for this waiter; `None` if it has to load itself.
    async fn result<E: Send + Sync + 'static>(&self) -> Option<Result<V, LoadError<E>>> {
        match self.landed().await? {
            Done::Loaded { value, current } => self.serves(*current).then(|| Ok(value.clone())),
            // An error of another type is somebody else's business.
            Done::Failed(error) => Arc::clone(error).downcast().ok().map(|error| Err(LoadError::Load(error))),
            Done::Panicked => Some(Err(LoadError::Panicked)),
            Done::Dropped => None,
        }
    }
}

/// Runs the loader as a task of its own: the caller may go away, those who
/// joined still get the value.
async fn lead<V, L, F, T, E>(lease: Lease<V>, loader: L) -> Result<V, LoadError<E>>
where
    V: Clone + Send + Sync + 'static,
    L: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Into<Loaded<V>>,
    E: Send + Sync + 'static,
{
    let flight = Arc::clone(&lease.flight);
    let load = async move {
        let mut lease = lease;
        match loader().await {
            Ok(loaded) => {
                lease.fill(loaded);
            }
            Err(error) => lease.end(Done::Failed(Arc::new(error))),
        }
    };
    tokio::spawn(load.in_current_span());
    match flight.wait().await {
        Done::Loaded { value, .. } => Ok(value.clone()),
        Done::Failed(error) => match Arc::clone(error).downcast() {
            Ok(error) => Err(LoadError::Load(error)),
            // Cannot be: this flight's loader is ours.
            Err(_) => Err(LoadError::Interrupted),
        },
        Done::Panicked => Err(LoadError::Panicked),
        Done::Dropped => Err(LoadError::Interrupted),
    }
}
