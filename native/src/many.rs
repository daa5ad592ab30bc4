//! Readers of many keys, with one loader for those that nobody else loads.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;

use snowmelt_core::invalidation::check_name;
use snowmelt_core::{InputError, Lookup, Worth};
use tracing::Instrument;

use crate::error::LoadError;
use crate::fetched::Fetched;
use crate::load::{Joined, Lease, LoadEnd, Step, UnderWay};
use crate::loaded::Loaded;
use crate::reader::{Led, Reader};
use crate::shared::Shared;

/// A read of many keys.
pub(crate) struct Many<'a, V: Clone + Send + Sync + 'static> {
    reader: Reader<'a, V>,
    found: HashMap<String, V>,
    /// Not answered yet, and whether the key is to be refreshed ahead.
    wanted: Vec<(String, bool)>,
}

/// A load that this reader leads.
struct Own<V: Clone + Send + Sync + 'static> {
    key: String,
    load: UnderWay<V>,
    old: Option<Worth<V>>,
}

impl<'a, V: Clone + Send + Sync + 'static> Many<'a, V> {
    pub(crate) fn new(shared: &'a Arc<Shared<V>>) -> Self {
        let reader = Reader::new(shared, shared.engine.arrive(), None);
        Self { reader, found: HashMap::new(), wanted: Vec::new() }
    }

    /// Answers each key once.
    pub(crate) async fn get<L, F, M, S, T, E>(
        mut self,
        mut keys: Vec<String>,
        loader: L,
    ) -> Result<HashMap<String, V>, LoadError<E>>
    where
        L: Fn(Vec<String>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<M, E>> + Send + 'static,
        M: IntoIterator<Item = (S, T)>,
        S: AsRef<str>,
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
    {
        // All of them before anything is begun.
        keys.iter().try_for_each(|key| check_name("key", key))?;
        let mut seen = HashSet::with_capacity(keys.len());
        keys.retain(|key| seen.insert(key.clone()));
        self.look(keys).await;
        let loader = Arc::new(loader);
        while !self.wanted.is_empty() {
            let (leases, own, others) = self.begin()?;
            // Whoever waits has begun what others may wait for, so that nobody
            // waits in a circle.
            run(leases, &loader);
            self.lead(own).await?;
            self.join(others).await?;
        }
        Ok(self.found)
    }

    /// Takes what is fresh, after one catch-up for all if that is due.
    async fn look(&mut self, keys: Vec<String>) {
        let shared = self.reader.shared;
        let mut missed = Vec::new();
        for key in keys {
            match shared.engine.get(&key, shared.now()) {
                Lookup::Hit(value) => drop(self.found.insert(key, value)),
                found => missed.push((key, found)),
            }
        }
        if missed.iter().any(|(_, found)| matches!(found, Lookup::Due)) {
            shared.catch_up_for_read().await;
        }
        for (key, mut found) in missed {
            if let Lookup::Due = found {
                found = shared.engine.get_after_catch_up(&key, shared.now());
            }
            match found {
                Lookup::Hit(value) => drop(self.found.insert(key, value)),
                Lookup::Ahead(_) => self.wanted.push((key, true)),
                Lookup::Miss | Lookup::Due => self.wanted.push((key, false)),
            }
        }
    }

    /// Begins the loads that nobody else has begun.
    fn begin(&mut self) -> Result<Begun<V>, InputError> {
        let (mut leases, mut own, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (key, ahead) in std::mem::take(&mut self.wanted) {
            match self.reader.shared.next(&key, ahead, self.reader.arrival)? {
                Step::Serve { value, .. } => drop(self.found.insert(key, value)),
                Step::Lead { lease, old } => {
                    own.push(Own { key, load: lease.under_way(), old });
                    leases.push(lease);
                }
                Step::Join(joined) => others.push((key, joined)),
            }
        }
        Ok((leases, own, others))
    }

    /// Waits for its own loads, unless all are refreshes that the background
    /// can have.
    async fn lead<E: Send + Sync + 'static>(&mut self, own: Vec<Own<V>>) -> Result<(), LoadError<E>> {
        let background = self.reader.hook.filter(|_| own.iter().all(|own| own.old.is_some()));
        let mut left = Vec::new();
        for Own { key, load, old } in own {
            if let (Some(_), Some(old)) = (background, old) {
                left.push(load);
                let old: Fetched<V, E> = self.reader.old(&key, old);
                self.found.insert(key, old.value);
                continue;
            }
            match self.reader.own(&key, &load).await {
                Led::Answer(answer) => drop(self.found.insert(key, answer?.value)),
                Led::Absent => {}
                Led::Old(old) => {
                    left.push(load);
                    self.found.insert(key, old.value);
                }
            }
        }
        self.reader.leave(left);
        Ok(())
    }

    /// Waits for the loads of others.
    async fn join<E: Send + Sync + 'static>(
        &mut self,
        others: Vec<(String, Joined<V>)>,
    ) -> Result<(), LoadError<E>> {
        for (key, joined) in others {
            match self.reader.joined(&key, &joined).await {
                Some(answer) => drop(self.found.insert(key, answer?.value)),
                None if matches!(joined.end(), LoadEnd::Absent) => {}
                None => self.wanted.push((key, false)),
            }
        }
        Ok(())
    }
}

/// Leases, the loads under them, and the loads of others.
type Begun<V> = (Vec<Lease<V>>, Vec<Own<V>>, Vec<(String, Joined<V>)>);

/// Runs the loader once for all leases, as a task of its own.
fn run<V, L, F, M, S, T, E>(leases: Vec<Lease<V>>, loader: &Arc<L>)
where
    V: Clone + Send + Sync + 'static,
    L: Fn(Vec<String>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<M, E>> + Send + 'static,
    M: IntoIterator<Item = (S, T)>,
    S: AsRef<str>,
    T: Into<Loaded<V>>,
    E: Send + Sync + 'static,
{
    if leases.is_empty() {
        return;
    }
    let loader = Arc::clone(loader);
    let load = async move {
        let keys = leases.iter().map(|lease| lease.key().to_owned()).collect();
        match loader(keys).await {
            Ok(loaded) => fill(leases, loaded),
            Err(error) => fail(leases, &Arc::new(error)),
        }
    };
    tokio::spawn(load.in_current_span());
}

fn fill<V, S, T>(leases: Vec<Lease<V>>, loaded: impl IntoIterator<Item = (S, T)>)
where
    V: Clone + Send + Sync + 'static,
    S: AsRef<str>,
    T: Into<Loaded<V>>,
{
    let mut leases: HashMap<String, Lease<V>> =
        leases.into_iter().map(|lease| (lease.key().to_owned(), lease)).collect();
    for (key, loaded) in loaded {
        // What was not asked for is nobody's.
        if let Some(lease) = leases.remove(key.as_ref()) {
            lease.fill(loaded);
        }
    }
    leases.into_values().for_each(Lease::absent);
}

fn fail<V, E>(leases: Vec<Lease<V>>, error: &Arc<E>)
where
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    for lease in leases {
        let error: Arc<dyn Any + Send + Sync> = Arc::<E>::clone(error);
        lease.fail(error);
    }
}
