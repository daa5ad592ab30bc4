//! Snowmelt and its peers behind one face, each as its own constructor makes
//! it: hasher, number of shards and locks are theirs.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What can be cached in all of them.
pub trait Value: Clone + Send + Sync + 'static {}

impl<V: Clone + Send + Sync + 'static> Value for V {}

/// A cache that is measured.
pub trait Peer<V: Value>: Sync {
    /// A cache of at most `capacity` entries.
    fn with_capacity(capacity: usize) -> Self;

    /// Reads a key.
    fn get(&self, key: &str) -> Option<V>;

    /// Reads a key, through the method that would load it if it were missing.
    fn get_or_load(&self, key: &str) -> V;

    /// Stores a value. The caller has the key borrowed: who keeps it copies.
    fn insert(&self, key: &str, value: V);

    /// Does what was put off, if anything is.
    fn settle(&self) {}
}

/// Snowmelt, following a stream whose tip was seen not long ago.
pub struct Snowmelt<V: Value>(snowmelt::Cache<V>);

impl<V: Value> Peer<V> for Snowmelt<V> {
    fn with_capacity(capacity: usize) -> Self {
        let hour = Duration::from_secs(3600);
        let builder = snowmelt::Cache::builder().stream("memory:bench").max_entries(capacity);
        // Nobody catches up during a measurement, so that the bounds are wide;
        // they are compared all the same.
        let builder = builder.ttl(hour, 2 * hour).catch_up_every(hour).max_lag(hour);
        Self(builder.build().expect("sound options"))
    }

    fn get(&self, key: &str) -> Option<V> {
        self.0.get_now(key)
    }

    fn get_or_load(&self, key: &str) -> V {
        let loader = || async { Err::<V, ()>(()) };
        let read = pin!(self.0.get_or_load(key, loader));
        match read.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(value)) => value,
            Poll::Ready(Err(_)) | Poll::Pending => panic!("only hits are measured"),
        }
    }

    fn insert(&self, key: &str, value: V) {
        self.0.insert(key, value).expect("a sound key");
    }
}

/// `quick_cache`'s synchronised cache.
pub struct Quick<V: Value>(quick_cache::sync::Cache<String, V>);

impl<V: Value> Peer<V> for Quick<V> {
    fn with_capacity(capacity: usize) -> Self {
        Self(quick_cache::sync::Cache::new(capacity))
    }

    fn get(&self, key: &str) -> Option<V> {
        self.0.get(key)
    }

    fn get_or_load(&self, key: &str) -> V {
        self.0.get_or_insert_with(key, || Err(())).expect("only hits are measured")
    }

    fn insert(&self, key: &str, value: V) {
        self.0.insert(key.to_owned(), value);
    }
}

/// Moka's synchronous cache.
pub struct Moka<V: Value>(moka::sync::Cache<String, V>);

impl<V: Value> Peer<V> for Moka<V> {
    fn with_capacity(capacity: usize) -> Self {
        Self(moka::sync::Cache::new(capacity as u64))
    }

    fn get(&self, key: &str) -> Option<V> {
        self.0.get(key)
    }

    fn get_or_load(&self, key: &str) -> V {
        self.0.get_with_by_ref(key, || panic!("only hits are measured"))
    }

    fn insert(&self, key: &str, value: V) {
        self.0.insert(key.to_owned(), value);
    }

    fn settle(&self) {
        self.0.run_pending_tasks();
    }
}
