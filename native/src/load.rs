//! Loads: one for each key, shared by all who wait for it.

use std::any::Any;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use snowmelt_core::config::MAX_TAGS;
use snowmelt_core::invalidation::check_name;
use snowmelt_core::{Arrival, FillOutcome, InputError, LeaseId, Next, Rescued, Time, Worth};
use tokio::sync::Notify;
use tokio::time::timeout;

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
pub(crate) enum Done<V> {
    Loaded {
        value: V,
        /// Nothing was invalidated while it was loaded: it is for everyone.
        current: bool,
    },
    /// There is nothing under that key.
    Absent {
        /// As above.
        current: bool,
    },
    /// The loader's error, of whatever type the one who led it has.
    Failed(Arc<dyn Any + Send + Sync>),
    Panicked,
    /// The lease was given up, or its task dropped.
    Dropped,
}

impl<V> Done<V> {
    /// What went wrong; `None` if nothing did, or if that is nobody else's
    /// business: an error of another type, a lease given up.
    pub(crate) fn error<E: Send + Sync + 'static>(&self) -> Option<LoadError<E>> {
        match self {
            Self::Failed(error) => Arc::clone(error).downcast().ok().map(LoadError::Load),
            Self::Panicked => Some(LoadError::Panicked),
            Self::Loaded { .. } | Self::Absent { .. } | Self::Dropped => None,
        }
    }
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

    pub(crate) async fn wait(&self) -> &Done<V> {
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

/// What a reader does who can load; for bindings. See
/// [`Engine::next`](snowmelt_core::Engine::next).
#[doc(hidden)]
#[derive(Debug)]
pub enum Step<V: Clone + Send + Sync + 'static> {
    /// Serve this, past its lifetime or not.
    Serve { value: V, stale: bool },
    /// Load it. `old` may be served at once if the load goes on when the
    /// reader is gone.
    Lead { lease: Lease<V>, old: Option<Worth<V>> },
    /// Somebody else loads it.
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
    start: Time,
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
        let loaded = loaded.into().judged(&self.key, &self.shared.judges);
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

    /// Ends a load that found that there is nothing, where that is not cached;
    /// an old value goes.
    #[doc(hidden)]
    pub fn absent(mut self) {
        if let Some(core) = self.core.take() {
            let current = self.shared.engine.end_absent(&core, self.shared.now());
            self.flight.land(Done::Absent { current });
        }
    }

    /// The load, for those who wait for it.
    pub(crate) fn under_way(&self) -> UnderWay<V> {
        UnderWay {
            shared: Arc::clone(&self.shared),
            flight: Arc::clone(&self.flight),
            id: self.id,
            start: self.start,
        }
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
    /// With the news that there is nothing: see [`Lease::absent`].
    Absent,
    /// With nothing for this waiter: `begin` again.
    Nothing,
}

/// A load under way, for those who wait for it.
#[derive(Clone)]
pub(crate) struct UnderWay<V: Clone + Send + Sync + 'static> {
    shared: Arc<Shared<V>>,
    pub(crate) flight: Arc<Flight<V>>,
    id: LeaseId,
    start: Time,
}

impl<V: Clone + Send + Sync + 'static> UnderWay<V> {
    /// How it ended, if it has by now.
    pub(crate) fn done(&self) -> Option<&Done<V>> {
        self.flight.done.get()
    }

    /// How it ended; `None` if it took longer than `limit`. The clock is
    /// asked, and no timer is trusted.
    pub(crate) async fn within(&self, limit: Duration) -> Option<&Done<V>> {
        loop {
            let left = self.left(limit);
            if left.is_zero() {
                return self.done();
            }
            if let Ok(done) = timeout(left, self.flight.wait()).await {
                return Some(done);
            }
        }
    }

    /// The same for `load_timeout`.
    pub(crate) async fn landed(&self) -> Option<&Done<V>> {
        // Within the very millisecond in which it ends the lease still holds.
        self.within(self.shared.engine.config().load_timeout + Duration::from_millis(1)).await
    }

    /// How much of `limit`, from the load's start, is left.
    fn left(&self, limit: Duration) -> Duration {
        (self.start + limit).since(self.shared.precise_now())
    }
}

/// A load that somebody else leads.
pub struct Joined<V: Clone + Send + Sync + 'static> {
    pub(crate) load: UnderWay<V>,
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
        match self.load.landed().await? {
            Done::Loaded { value, current } if self.serves(*current) => Some(value.clone()),
            _ => None,
        }
    }

    /// The number of the load, in its cache.
    #[doc(hidden)]
    pub fn id(&self) -> LeaseId {
        self.load.id
    }

    /// Waits until the load landed or its time is up; [`end`](Self::end) then
    /// says how.
    #[doc(hidden)]
    pub async fn land(&self) {
        self.load.landed().await;
    }

    /// How much of `limit`, counted from the load's start, is left: for
    /// `soft_load_timeout`.
    #[doc(hidden)]
    pub fn left(&self, limit: Duration) -> Duration {
        self.load.left(limit)
    }

    /// What the load brought for this waiter, as far as it is known by now.
    #[doc(hidden)]
    pub fn end(&self) -> LoadEnd<V> {
        match self.load.done() {
            Some(Done::Loaded { value, current }) if self.serves(*current) => LoadEnd::Loaded(value.clone()),
            Some(Done::Absent { current }) if self.serves(*current) => LoadEnd::Absent,
            Some(Done::Failed(error)) => LoadEnd::Failed(Arc::clone(error)),
            _ => LoadEnd::Nothing,
        }
    }

    /// Contract line 9: a revoked load is only for those who were there when
    /// it began.
    pub(crate) fn serves(&self, current: bool) -> bool {
        current || self.arrival.accepts(self.load.id)
    }
}

impl<V: Clone + Send + Sync + 'static> fmt::Debug for Joined<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined").field("start", &self.load.start).finish_non_exhaustive()
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

    /// What a reader does who found nothing fresh or, with `ahead`, was told to
    /// refresh: between its read and this another load may have stored a value.
    pub(crate) fn next(
        self: &Arc<Self>,
        key: &str,
        ahead: bool,
        arrival: Arrival,
    ) -> Result<Step<V>, InputError> {
        check_name("key", key)?;
        let mut own = None;
        let now = self.precise_now();
        let next = self.engine.next(key, ahead, now, || Arc::clone(own.insert(Flight::new())));
        Ok(match next {
            Next::Serve { value, stale } => Step::Serve { value, stale },
            Next::Begin { begun, old } => match self.begun(begun, own, arrival) {
                Begin::Lead(lease) => Step::Lead { lease, old },
                Begin::Join(joined) => Step::Join(joined),
            },
        })
    }

    /// The same for one who does not serve old values.
    pub(crate) fn find_or_begin(
        self: &Arc<Self>,
        key: &str,
        arrival: Arrival,
    ) -> Result<ControlFlow<V, Begin<V>>, InputError> {
        Ok(match self.next(key, false, arrival)? {
            Step::Serve { value, .. } => ControlFlow::Break(value),
            Step::Lead { lease, .. } => ControlFlow::Continue(Begin::Lead(lease)),
            Step::Join(joined) => ControlFlow::Continue(Begin::Join(joined)),
        })
    }

    /// What may be served although it could not be loaded anew. To be asked
    /// after a catch-up.
    pub(crate) fn rescue(&self, key: &str) -> Option<Rescued<V>> {
        self.engine.rescue(key, self.precise_now())
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
                start: core.start(),
                key: core.key().into(),
                core: Some(core),
                flight: own.unwrap_or_else(Flight::new),
                began: self.clock.monotonic(),
            }),
            snowmelt_core::Begin::Join { id, start, flight } => {
                Begin::Join(Joined { load: UnderWay { shared, flight, id, start }, arrival })
            }
        }
    }
}
