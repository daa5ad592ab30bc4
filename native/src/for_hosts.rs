//! What bindings for other languages and the extension need beside the public
//! methods.

use std::ops::ControlFlow;
use std::time::Duration;

use snowmelt_core::invalidation::check_name;
use snowmelt_core::{Arrival, FillOutcome, InputError, Lookup, Moment, Rescued};

use crate::cache::Cache;
use crate::error::LoadError;
use crate::fetched::Fetched;
use crate::load::{Begin, Step};
use crate::loaded::Loaded;
use crate::reader::Reader;

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    /// What [`get`](Self::get) does before it waits.
    #[doc(hidden)]
    #[inline]
    pub fn look(&self, key: &str) -> Lookup<V> {
        self.shared.engine.get(key, self.shared.now())
    }

    /// A reader comes; to be asked before the read.
    #[doc(hidden)]
    pub fn arrive(&self) -> Arrival {
        self.shared.engine.arrive()
    }

    /// [`begin`](Self::begin), unless there is a value by now.
    #[doc(hidden)]
    pub fn find_or_begin(&self, key: &str, arrival: Arrival) -> Result<ControlFlow<V, Begin<V>>, InputError> {
        self.shared.find_or_begin(key, arrival)
    }

    /// What [`get`](Self::get) does after a catch-up was tried: never
    /// [`Lookup::Due`].
    #[doc(hidden)]
    pub fn after_catch_up(&self, key: &str) -> Lookup<V> {
        self.shared.engine.get_after_catch_up(key, self.shared.now())
    }

    /// What a reader does who can load and found nothing fresh or, with
    /// `ahead`, was told [`Lookup::Ahead`].
    #[doc(hidden)]
    pub fn next(&self, key: &str, ahead: bool, arrival: Arrival) -> Result<Step<V>, InputError> {
        self.shared.next(key, ahead, arrival)
    }

    /// Counts the old value of a [`Step::Lead`] that was served, if it was
    /// stale.
    #[doc(hidden)]
    pub fn note_stale(&self, key: &str) {
        self.shared.engine.note_stale(key);
    }

    /// Whether anything is kept under a key: whether it is worth a catch-up
    /// to ask [`rescue`](Self::rescue).
    #[doc(hidden)]
    pub fn keeps(&self, key: &str) -> bool {
        self.shared.engine.keeps(key)
    }

    /// What a reader is given whose load failed or takes long. If it
    /// [`keeps`](Self::keeps) the key, [catch up](Self::catch_up_for_read)
    /// first.
    #[doc(hidden)]
    pub fn rescue(&self, key: &str) -> Option<Rescued<V>> {
        self.shared.rescue(key)
    }

    /// The old value in place of an error, if there is one that may be
    /// served; for those who [want errors](crate::FetchOptions::gives_errors).
    #[doc(hidden)]
    pub async fn rescue_or<E>(&self, key: &str, error: LoadError<E>) -> Result<Fetched<V, E>, LoadError<E>> {
        let arrival = self.shared.engine.arrive();
        Reader::new(&self.shared, arrival, None).rescue_or(key, error).await
    }

    /// The option.
    #[doc(hidden)]
    pub fn soft_load_timeout(&self) -> Option<Duration> {
        self.shared.engine.config().soft_load_timeout
    }

    /// The option.
    #[doc(hidden)]
    pub fn load_timeout(&self) -> Duration {
        self.shared.engine.config().load_timeout
    }

    /// What the options `stale_while_revalidate` and `stale_if_error` say.
    #[doc(hidden)]
    pub fn stale_windows(&self) -> [Duration; 2] {
        let config = self.shared.engine.config();
        [config.stale_while_revalidate, config.stale_if_error]
    }

    /// [`insert`](Self::insert) of a value with nothing that goes with it: less
    /// is moved.
    #[doc(hidden)]
    #[inline]
    pub fn insert_plain(&self, key: &str, value: V) -> Result<FillOutcome, InputError> {
        check_name("key", key)?;
        let now = self.shared.now();
        let (weight, absent) = (self.shared.judges.weigh(key, &value), self.shared.judges.absent(&value));
        let loaded = snowmelt_core::Loaded { weight, absent, ..snowmelt_core::Loaded::new(value) };
        Ok(self.shared.engine.insert(key, loaded, None, now))
    }

    /// The moment of now, for [`insert_since`](Self::insert_since).
    #[doc(hidden)]
    pub fn moment(&self, key: &str) -> Moment {
        self.shared.engine.moment(key, self.shared.precise_now())
    }

    /// [`insert`](Self::insert) of a value that was true at a moment, and took
    /// foreign code to get ready.
    #[doc(hidden)]
    pub fn insert_since(
        &self,
        key: &str,
        loaded: impl Into<Loaded<V>>,
        moment: Moment,
    ) -> Result<FillOutcome, InputError> {
        check_name("key", key)?;
        let loaded = loaded.into().judged(key, &self.shared.judges);
        let now = self.shared.precise_now();
        Ok(loaded.pass(Duration::ZERO, |loaded| self.shared.engine.insert_since(key, loaded, moment, now)))
    }

    /// Catches up if that is due, for at most the budget.
    #[doc(hidden)]
    pub async fn catch_up_for_read(&self) {
        self.shared.catch_up_for_read().await;
    }

    /// Looks at the precise clock, so that reads after it know of a freeze that
    /// has just ended: the coarse one may still show its beginning. For hosts
    /// whose reads may come before any word of an invocation.
    #[doc(hidden)]
    pub fn awake(&self) {
        let _ = self.shared.precise_now();
    }

    /// Looks at every value, under the locks.
    #[doc(hidden)]
    pub fn each_value(&self, visit: impl FnMut(&V)) {
        self.shared.engine.each_value(visit);
    }

    #[doc(hidden)]
    pub fn validate(&self) {
        self.shared.engine.validate();
    }
}
