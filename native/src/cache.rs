//! The cache as its users see it.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use snowmelt_core::follower::{CatchUpError, CatchUpToError};
use snowmelt_core::invalidation::check_name;
use snowmelt_core::{FillOutcome, InputError, Invalidation, Lookup, PositionToken, Stats, Time};

use crate::builder::Builder;
use crate::clock::entropy;
use crate::error::LoadError;
use crate::fetch_options::FetchOptions;
use crate::fetched::Fetched;
use crate::follow::{self, FollowerHandle};
use crate::invalidate::Invalidating;
use crate::invocation::Invocation;
use crate::load::{Begin, Lease};
use crate::loaded::Loaded;
use crate::many::Many;
use crate::shared::Shared;

/// An in-memory cache that a stream of invalidations keeps honest.
///
/// Clones share everything. Values are cloned for each hit: cache an `Arc` of
/// what is large. Cloning or dropping a value must not use the cache.
///
/// Nothing fails because of the stream but [`invalidate`](Self::invalidate),
/// [`catch_up`](Self::catch_up) and [`catch_up_to`](Self::catch_up_to): where
/// it cannot be read, entries are served for `max_lag` and then loaded anew.
pub struct Cache<V: Clone + Send + Sync + 'static> {
    pub(crate) shared: Arc<Shared<V>>,
}

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    /// Describes a cache; end with [`Builder::build`].
    pub fn builder() -> Builder<V> {
        Builder::new()
    }

    pub(crate) fn over(shared: Shared<V>) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Reads a key. If a catch-up is due, tries one first, for at most
    /// `catch_up_budget`.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if a catch-up is due.
    pub async fn get(&self, key: impl AsRef<str>) -> Option<V> {
        let key = key.as_ref();
        match self.shared.engine.get(key, self.shared.now()) {
            Lookup::Due => {
                Box::pin(self.shared.catch_up_for_read()).await;
                self.shared.engine.get_after_catch_up(key, self.shared.now()).value()
            }
            found => found.value(),
        }
    }

    /// Reads a key at once: what is within the hard bound, due or not.
    pub fn get_now(&self, key: impl AsRef<str>) -> Option<V> {
        self.shared.engine.get_after_catch_up(key.as_ref(), self.shared.now()).value()
    }

    /// What [`get_now`](Self::get_now) returns, without counting as a read:
    /// neither in [`stats`](Self::stats) nor for the eviction.
    pub fn peek(&self, key: impl AsRef<str>) -> Option<V> {
        self.shared.engine.peek(key.as_ref(), self.shared.now())
    }

    /// Reads a key, or loads it. Those who miss it at the same time share one
    /// load, unless it began before they came and was invalidated since.
    ///
    /// The loader runs as a task of its own, in the caller's `tracing` span:
    /// if this future is dropped, the load goes on for the others. It returns
    /// the value, or a [`Loaded`] with tags and the like, which may be known
    /// only then. What it returns is given to the caller in any case, and
    /// stored unless it may be stale by now.
    ///
    /// Where the cache's options allow it an old value is served instead; ask
    /// with [`fetch`](Self::fetch) to know.
    ///
    /// # Errors
    ///
    /// If the loader fails or panics, for all who waited for it, unless there
    /// is an old value for them; nothing is cached then. If the key is empty or longer than 64 KiB.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if the value is not at hand.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use snowmelt::{Cache, LoadError};
    ///
    /// let cache: Cache<u32> = Cache::builder().stream("memory:numbers").build()?;
    /// let value = cache.get_or_load("six", || async { Ok::<_, String>(6) }).await?;
    /// assert_eq!((value, cache.peek("six")), (6, Some(6)));
    ///
    /// let failed = cache.get_or_load("seven", || async { Err::<u32, _>("no such number") }).await;
    /// assert_eq!(failed.unwrap_err().loader_error(), Some(&"no such number"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_load<L, F, T, E>(&self, key: impl AsRef<str>, loader: L) -> Result<V, LoadError<E>>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
    {
        let key = key.as_ref();
        match self.shared.look(key) {
            Ok(value) => Ok(value),
            // Boxed, so that the future of a hit is small: it is moved about.
            Err(missed) => {
                let fetched = Box::pin(self.shared.fetch(key, missed, None, loader)).await;
                fetched.map(|fetched| fetched.value)
            }
        }
    }

    /// [`get_or_load`](Self::get_or_load) that says where the value came from:
    /// whether it is old, and why.
    ///
    /// # Errors
    ///
    /// As those of `get_or_load`.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if the value is not at hand.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use snowmelt::{Cache, How};
    ///
    /// let cache: Cache<u32> = Cache::builder().stream("memory:numbers").build()?;
    /// let fetched = cache.fetch("six", || async { Ok::<_, String>(6) }).await?;
    /// assert_eq!((fetched.value, fetched.how), (6, How::Loaded));
    /// let fetched = cache.fetch("six", || async { Ok::<_, String>(6) }).await?;
    /// assert_eq!((fetched.value, fetched.how), (6, How::Hit));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch<L, F, T, E>(
        &self,
        key: impl AsRef<str>,
        loader: L,
    ) -> Result<Fetched<V, E>, LoadError<E>>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
    {
        let key = key.as_ref();
        match self.shared.look(key) {
            Ok(value) => Ok(Fetched::cached(value, false)),
            Err(missed) => Box::pin(self.shared.fetch(key, missed, None, loader)).await,
        }
    }

    /// [`fetch`](Self::fetch) with options of its own.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use snowmelt::{Cache, FetchOptions};
    ///
    /// let cache: Cache<u32> = Cache::builder().stream("memory:numbers").build()?;
    /// let hurry = FetchOptions::new().soft_load_timeout(Duration::from_millis(50));
    /// let fetched = cache.fetch_with("six", &hurry, || async { Ok::<_, String>(6) }).await?;
    /// assert_eq!(fetched.value, 6);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As those of `get_or_load`.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if the value is not at hand.
    pub async fn fetch_with<L, F, T, E>(
        &self,
        key: impl AsRef<str>,
        options: &FetchOptions,
        loader: L,
    ) -> Result<Fetched<V, E>, LoadError<E>>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
    {
        let key = key.as_ref();
        match self.shared.look(key) {
            Ok(value) => Ok(Fetched::cached(value, false)),
            Err(missed) => Box::pin(self.shared.fetch(key, missed, Some(options), loader)).await,
        }
    }

    /// Reads many keys, and loads those that are not there with one call of the
    /// loader. Each is loaded under a lease of its own: a key that somebody
    /// else is loading is waited for, and the loader is not asked for it.
    ///
    /// The loader is given keys and returns a map, or anything else that
    /// iterates over keys with their values. A key that is missing in it is
    /// "not there": it is not in the answer, and is neither cached (cache an
    /// `Option` where it should be; see [`Builder::negative_ttl`]) nor kept if
    /// it was there before. What was not asked for is ignored. The loader runs
    /// as a task of its own, and is called again only for keys whose other
    /// load brought nothing for this reader.
    ///
    /// # Errors
    ///
    /// If a load fails or panics, and there is a key with no old value to
    /// stand in for it. If a key is empty or longer than 64 KiB; nothing is
    /// read or loaded then.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if a value is not at hand.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::collections::HashMap;
    /// use snowmelt::Cache;
    ///
    /// let cache: Cache<usize> = Cache::builder().stream("memory:lengths").build()?;
    /// let lengths = cache
    ///     .get_many(["one", "three"], |keys| async {
    ///         // One query for all of them.
    ///         let rows = keys.into_iter().map(|key| { let length = key.len(); (key, length) });
    ///         Ok::<HashMap<String, usize>, String>(rows.collect())
    ///     })
    ///     .await?;
    /// assert_eq!(lengths["three"], 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_many<K, L, F, M, S, T, E>(
        &self,
        keys: impl IntoIterator<Item = K>,
        loader: L,
    ) -> Result<HashMap<String, V>, LoadError<E>>
    where
        K: Into<String>,
        L: Fn(Vec<String>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<M, E>> + Send + 'static,
        M: IntoIterator<Item = (S, T)>,
        S: AsRef<str>,
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
    {
        let keys = keys.into_iter().map(Into::into).collect();
        Box::pin(Many::new(&self.shared).get(keys, loader)).await
    }

    /// Begins to load a key in one's own way, or joins the load that is under
    /// way. Does not look whether the key is cached: [`get`](Self::get) it
    /// first.
    ///
    /// # Errors
    ///
    /// If the key is empty or longer than 64 KiB.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use snowmelt::{Begin, Cache};
    ///
    /// let cache: Cache<u32> = Cache::builder().stream("memory:begin").build()?;
    /// let value = match cache.begin("six")? {
    ///     Begin::Lead(lease) => {
    ///         cache.fill(lease, 6); // or drop the lease, if there is no value
    ///         Some(6)
    ///     }
    ///     Begin::Join(load) => load.wait().await,
    /// };
    /// assert_eq!(value, Some(6));
    /// # Ok(())
    /// # }
    /// ```
    pub fn begin(&self, key: impl AsRef<str>) -> Result<Begin<V>, InputError> {
        self.shared.begin(key.as_ref(), self.shared.engine.arrive())
    }

    /// Stores what was loaded under a lease; [`Lease::fill`].
    pub fn fill(&self, lease: Lease<V>, loaded: impl Into<Loaded<V>>) -> FillOutcome {
        lease.fill(loaded)
    }

    /// Stores a value that is true now. A load of its key that is under way
    /// will not be stored.
    ///
    /// # Errors
    ///
    /// If the key is empty or longer than 64 KiB.
    pub fn insert(
        &self,
        key: impl AsRef<str>,
        loaded: impl Into<Loaded<V>>,
    ) -> Result<FillOutcome, InputError> {
        self.store(key.as_ref(), loaded.into(), None)
    }

    /// Stores a value that was true at `as_of`: the time at which it began to
    /// be read from its origin. It is not stored if it may be stale by now, or
    /// if `as_of` is further back than the cache can tell (about
    /// `load_timeout`).
    ///
    /// # Errors
    ///
    /// If the key is empty or longer than 64 KiB.
    pub fn insert_as_of(
        &self,
        key: impl AsRef<str>,
        loaded: impl Into<Loaded<V>>,
        as_of: SystemTime,
    ) -> Result<FillOutcome, InputError> {
        let since = as_of.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.store(key.as_ref(), loaded.into(), Some(Time::from_millis(millis)))
    }

    fn store(&self, key: &str, loaded: Loaded<V>, as_of: Option<Time>) -> Result<FillOutcome, InputError> {
        check_name("key", key)?;
        // A tick behind is the safe side: it makes the value older.
        let now = if as_of.is_none() { self.shared.now() } else { self.shared.precise_now() };
        let loaded = loaded.judged(key, &self.shared.judges);
        Ok(loaded.pass(Duration::ZERO, |loaded| self.shared.engine.insert(key, loaded, as_of, now)))
    }

    /// Drops a key here only; whether it was cached. Nothing is written to
    /// the stream. A load of it that is under way will not be stored.
    pub fn delete(&self, key: impl AsRef<str>) -> bool {
        self.shared.engine.delete(key.as_ref())
    }

    /// Invalidates keys, tags, key prefixes or everything: here at once,
    /// before this returns, and everywhere else through the stream.
    ///
    /// Call it after the database has committed. The write to the stream is a
    /// task of its own: it is retried as needed, and goes on if the future is
    /// dropped. The future gives a token that a reader elsewhere can hand to
    /// [`catch_up_to`](Self::catch_up_to).
    ///
    /// # Errors
    ///
    /// The future fails if the stream did not take everything; what it names
    /// is gone from this cache all the same. It fails, and nothing is done, if
    /// the invalidation is empty or has a name that cannot be used.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use snowmelt::{Cache, Invalidation};
    ///
    /// let writer: Cache<u32> = Cache::builder().stream("memory:tokens").build()?;
    /// let reader: Cache<u32> = Cache::builder().stream("memory:tokens").build()?;
    /// reader.insert("users/7", 1)?;
    ///
    /// writer.invalidate(Invalidation::tags(["tenant:7"])).await?;
    /// let token = writer.invalidate("users/7").await?.to_string();
    ///
    /// reader.catch_up_to(&token.parse()?, Duration::from_secs(2)).await?;
    /// assert_eq!(reader.peek("users/7"), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate(&self, what: impl Into<Invalidation>) -> Invalidating {
        Invalidating::begin(&self.shared, &what.into())
    }

    /// Catches up with everything that can be read from the stream now, due or
    /// not. Does nothing while nothing is cached. Concurrent calls share the
    /// catch-up that begins next.
    ///
    /// # Errors
    ///
    /// If the tip was not reached; what was read was applied.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn catch_up(&self) -> Result<(), CatchUpError> {
        self.shared.catch_up(Time::MAX).await
    }

    /// Catches up at least with the write that `token` names, within a time.
    /// Tries again while the stream throttles, fails, or does not have the
    /// record to read yet.
    ///
    /// # Errors
    ///
    /// If the token is of another stream, or the time was up.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn catch_up_to(&self, token: &PositionToken, within: Duration) -> Result<(), CatchUpToError> {
        self.shared.catch_up_to(token, within).await
    }

    /// An invocation begins: catches up if that is due, and revokes loads
    /// that an earlier one left behind. Keep what it gives until the answer is
    /// ready.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use snowmelt::{Cache, Report};
    ///
    /// let cache: Cache<u32> = Cache::builder().stream("memory:calls").report(Report::Json).build()?;
    /// cache.insert("six", 6)?;
    /// let invocation = cache.invocation().await;
    /// assert_eq!(cache.get("six").await, Some(6));
    /// assert_eq!(invocation.finish().hits, 1); // prints {"snowmelt":{"stream":"memory:calls","hits":1,…}}
    /// # Ok(())
    /// # }
    /// ```
    pub async fn invocation(&self) -> Invocation<V> {
        Invocation::begin(Arc::clone(&self.shared)).await
    }

    /// Catches up in the background, as often as `catch_up_every` and the
    /// stream's quota allow, until the handle is dropped. For services that
    /// live long: their reads then wait for no catch-up.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn_follower(&self) -> FollowerHandle {
        follow::spawn(&self.shared)
    }

    /// Makes the first connection to Kinesis and gets the credentials; for the
    /// time in which a function initialises. A failure is ignored: the first
    /// catch-up meets it again.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn warm(&self) {
        if let Some(kinesis) = &self.shared.kinesis {
            kinesis.warm().await;
            self.shared.note_answer(self.shared.precise_now());
        }
    }

    /// Must be called where a process goes on from a snapshot, before anything
    /// is read: takes a new seed, and revokes loads under way.
    pub fn restored(&self) {
        self.shared.engine.restored(entropy(), self.shared.precise_now());
        // Catch-ups under way were the original's.
        self.shared.changed.notify_waiters();
    }

    /// Every counter, and the state of now.
    pub fn stats(&self) -> Stats {
        self.shared.engine.stats(self.shared.precise_now())
    }

    /// How many entries there are, expired ones included.
    pub fn len(&self) -> usize {
        self.shared.engine.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of all entries.
    pub fn weight(&self) -> u64 {
        self.shared.engine.weight()
    }

    /// All keys, in no order; for debugging.
    pub fn keys(&self) -> Vec<String> {
        self.shared.engine.keys()
    }

    /// Drops every entry here. Nothing is written to the stream, and loads
    /// under way go on.
    pub fn clear(&self) {
        self.shared.engine.clear();
    }
}

impl<V: Clone + Send + Sync + 'static> Clone for Cache<V> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<V: Clone + Send + Sync + 'static> fmt::Debug for Cache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.shared.engine.config();
        f.debug_struct("Cache")
            .field("stream", &config.stream)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
