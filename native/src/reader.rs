//! A reader who can load: from a read that found nothing fresh to its answer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use snowmelt_core::{Arrival, Lookup, Worth};
use tracing::Instrument;

use crate::error::LoadError;
use crate::fetch_options::{FetchOptions, Hook, Refreshing};
use crate::fetched::{Fetched, How};
use crate::load::{Done, Joined, Lease, Step, UnderWay};
use crate::loaded::Loaded;
use crate::shared::Shared;

/// What a reader is answered with.
pub(crate) type Answer<V, E> = Result<Fetched<V, E>, LoadError<E>>;

/// Who reads, and how long it waits.
pub(crate) struct Reader<'a, V: Clone + Send + Sync + 'static> {
    pub(crate) shared: &'a Arc<Shared<V>>,
    pub(crate) arrival: Arrival,
    pub(crate) hook: Option<&'a Hook>,
    soft: Option<Duration>,
    gives_errors: bool,
}

/// What waiting for a load came to.
enum Waited<'a, V, E> {
    Landed(&'a Done<V>),
    /// It takes long, and there is this meanwhile.
    Old(Fetched<V, E>),
    /// It takes longer than `load_timeout`, and there is nothing.
    Late,
}

/// What a reader's own load came to.
pub(crate) enum Led<V, E> {
    Answer(Answer<V, E>),
    /// There is nothing under that key.
    Absent,
    /// The load goes on, and there is this meanwhile.
    Old(Fetched<V, E>),
}

/// A read that found nothing to serve at once, and when it came.
pub(crate) struct Missed<V> {
    found: Lookup<V>,
    arrival: Arrival,
}

impl<V: Clone + Send + Sync + 'static> Shared<V> {
    /// The first look of a reader who can load: the way of every hit.
    #[inline]
    pub(crate) fn look(&self, key: &str) -> Result<V, Missed<V>> {
        let arrival = self.engine.arrive();
        match self.engine.get(key, self.now()) {
            Lookup::Hit(value) => Ok(value),
            found => Err(Missed { found, arrival }),
        }
    }

    /// Goes on from there.
    pub(crate) async fn fetch<L, F, T, E>(
        self: &Arc<Self>,
        key: &str,
        Missed { found, arrival }: Missed<V>,
        options: Option<&FetchOptions>,
        loader: L,
    ) -> Answer<V, E>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
    {
        Reader::new(self, arrival, options).fetch(key, found, loader).await
    }
}

impl<'a, V: Clone + Send + Sync + 'static> Reader<'a, V> {
    pub(crate) fn new(
        shared: &'a Arc<Shared<V>>,
        arrival: Arrival,
        options: Option<&'a FetchOptions>,
    ) -> Self {
        let soft = options.and_then(|options| options.soft_load_timeout);
        let hook = options.and_then(|options| options.wait_until.as_ref());
        Self {
            shared,
            arrival,
            hook: hook.or(shared.wait_until.as_ref()),
            soft: soft.or(shared.engine.config().soft_load_timeout),
            gives_errors: options.is_some_and(|options| options.gives_errors),
        }
    }

    /// Goes on from what the first read found.
    async fn fetch<L, F, T, E>(self, key: &str, found: Lookup<V>, loader: L) -> Answer<V, E>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
    {
        let mut ahead = match self.look_again(key, found).await {
            Lookup::Hit(value) => return Ok(Fetched::cached(value, false)),
            Lookup::Ahead(_) => true,
            Lookup::Due | Lookup::Miss => false,
        };
        loop {
            match self.shared.next(key, ahead, self.arrival)? {
                Step::Serve { value, stale } => return Ok(Fetched::cached(value, stale)),
                Step::Lead { lease, old } => {
                    let load = lease.under_way();
                    run(lease, loader);
                    return match old.filter(|_| self.hook.is_some()) {
                        Some(old) => {
                            self.leave(vec![load]);
                            Ok(self.old(key, old))
                        }
                        None => self.led(key, load).await,
                    };
                }
                Step::Join(joined) => {
                    if let Some(answer) = self.joined(key, &joined).await {
                        return answer;
                    }
                }
            }
            // It waited for a load already: fresh is fresh.
            ahead = false;
        }
    }

    /// Catches up if the first read said so.
    async fn look_again(&self, key: &str, found: Lookup<V>) -> Lookup<V> {
        if !matches!(found, Lookup::Due) {
            return found;
        }
        self.shared.catch_up_for_read().await;
        self.shared.engine.get_after_catch_up(key, self.shared.now())
    }

    /// Leaves loads to the background, if there is one.
    pub(crate) fn leave(&self, loads: Vec<UnderWay<V>>) {
        if let Some(hook) = self.hook
            && !loads.is_empty()
        {
            hook(Refreshing::of(loads));
        }
    }

    /// The old value, while its load goes on.
    pub(crate) fn old<E>(&self, key: &str, old: Worth<V>) -> Fetched<V, E> {
        if old.stale {
            self.shared.engine.note_stale(key);
        }
        Fetched::cached(old.value, old.stale)
    }

    /// Waits for the one load that this reader leads.
    async fn led<E: Send + Sync + 'static>(&self, key: &str, load: UnderWay<V>) -> Answer<V, E> {
        match self.own(key, &load).await {
            Led::Answer(answer) => answer,
            Led::Old(old) => {
                // It goes on without its reader, as a refresh does.
                self.leave(vec![load]);
                Ok(old)
            }
            // The loader of one key has no way to say so.
            Led::Absent => Err(LoadError::Interrupted),
        }
    }

    /// Waits for a load that this reader leads.
    pub(crate) async fn own<E: Send + Sync + 'static>(&self, key: &str, load: &UnderWay<V>) -> Led<V, E> {
        let done = match self.wait(key, load).await {
            Waited::Landed(done) => done,
            Waited::Old(old) => return Led::Old(old),
            Waited::Late => load.flight.wait().await,
        };
        match done {
            Done::Loaded { value, .. } => Led::Answer(Ok(Fetched::new(value.clone(), How::Loaded))),
            Done::Absent { .. } => Led::Absent,
            done => Led::Answer(self.failed(key, done.error().unwrap_or(LoadError::Interrupted)).await),
        }
    }

    /// Waits for a load that somebody else leads; `None` if it brought nothing
    /// for this reader, who then has to load itself.
    pub(crate) async fn joined<E: Send + Sync + 'static>(
        &self,
        key: &str,
        joined: &Joined<V>,
    ) -> Option<Answer<V, E>> {
        match self.wait(key, &joined.load).await {
            Waited::Landed(Done::Loaded { value, current }) => {
                joined.serves(*current).then(|| Ok(Fetched::new(value.clone(), How::Coalesced)))
            }
            Waited::Landed(done) => Some(self.failed(key, done.error()?).await),
            Waited::Old(old) => Some(Ok(old)),
            Waited::Late => None,
        }
    }

    async fn wait<'l, E>(&self, key: &str, load: &'l UnderWay<V>) -> Waited<'l, V, E> {
        if let Some(soft) = self.soft.filter(|soft| *soft < self.shared.engine.config().load_timeout) {
            match load.within(soft).await {
                Some(done) => return Waited::Landed(done),
                None => match self.meanwhile(key, load).await {
                    Waited::Late => {}
                    answer => return answer,
                },
            }
        }
        match load.landed().await {
            Some(done) => Waited::Landed(done),
            None => self.meanwhile(key, load).await,
        }
    }

    /// What there is for those whose load takes long.
    async fn meanwhile<'l, E>(&self, key: &str, load: &'l UnderWay<V>) -> Waited<'l, V, E> {
        self.catch_up_for_rescue(key).await;
        if let Some(done) = load.done() {
            return Waited::Landed(done);
        }
        let rescued = self.shared.rescue(key);
        rescued.map_or(Waited::Late, |rescued| Waited::Old(Fetched::rescued(rescued, LoadError::TimedOut)))
    }

    async fn failed<E>(&self, key: &str, error: LoadError<E>) -> Answer<V, E> {
        if self.gives_errors { Err(error) } else { self.rescue_or(key, error).await }
    }

    /// The old value in place of an error, if there is one that may be served.
    pub(crate) async fn rescue_or<E>(&self, key: &str, error: LoadError<E>) -> Answer<V, E> {
        self.catch_up_for_rescue(key).await;
        match self.shared.rescue(key) {
            Some(rescued) => Ok(Fetched::rescued(rescued, error)),
            None => Err(error),
        }
    }

    /// An old value is served like any other: after a catch-up that was due,
    /// for the stream may say that it was invalidated.
    async fn catch_up_for_rescue(&self, key: &str) {
        if self.shared.engine.keeps(key) {
            self.shared.catch_up_for_read().await;
        }
    }
}

/// Runs the loader, as a task of its own: the reader may go away, those who
/// joined still get the value.
fn run<V, L, F, T, E>(lease: Lease<V>, loader: L)
where
    V: Clone + Send + Sync + 'static,
    L: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Into<Loaded<V>>,
    E: Send + Sync + 'static,
{
    let load = async move {
        match loader().await {
            Ok(loaded) => {
                lease.fill(loaded);
            }
            Err(error) => lease.fail(Arc::new(error)),
        }
    };
    tokio::spawn(load.in_current_span());
}
