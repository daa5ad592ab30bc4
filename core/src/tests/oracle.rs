//! Holds what sandboxes serve against the contract.

use std::collections::BTreeMap;
use std::format;
use std::string::String;

use super::database::Database;

/// What is cached in the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) key: usize,
    pub(super) version: usize,
    /// When the load began, in true time.
    pub(super) began: u64,
    /// For how long it may be served.
    pub(super) terms: Terms,
}

/// For how long from the start of its load a value may be served, and past
/// that; in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) ttl: u64,
    pub(super) stale: u64,
    pub(super) on_error: u64,
}

/// What the oracle knows of one sandbox.
#[derive(Debug, Default)]
pub(super) struct Witness {
    /// When the last catch-up that succeeded began.
    pub(super) caught_up: u64,
    /// Loads that began before this cannot be vouched for: the stream was made
    /// anew while this sandbox had never seen it, so that it had nothing to
    /// compare. (Stated in the core's README.)
    pub(super) unprovable: u64,
    /// The version that this sandbox itself made of a key, and told its cache.
    pub(super) own: BTreeMap<usize, usize>,
}

/// The bounds that a world's caches were given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promises {
    /// What goes for a value that brings nothing of its own.
    pub(super) terms: Terms,
    /// The longest life of what is not there.
    pub(super) negative_ttl: Option<u64>,
    pub(super) max_lag: u64,
    /// What clocks may hide: short freezes, rounding.
    pub(super) tolerance: u64,
}

/// How a value came to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the store, as a fresh value.
    Hit,
    /// From the store, said to be past its lifetime.
    Stale,
    /// From the store, said to be what is left when a load fails.
    OnError,
    /// From a load that another reader had begun.
    Joined,
}

/// Checks one value that a reader got at `now`, against what was known when
/// the reader came.
pub(super) fn judge(
    value: Value,
    way: Way,
    now: u64,
    witness: &Witness,
    promises: Promises,
    database: &Database,
) -> Result<(), String> {
    let Value { key, version, began, .. } = value;
    let provable = began >= witness.unprovable;
    if let Some((newer, change)) = database.overwritten(key, version, witness.caught_up).filter(|_| provable)
    {
        return Err(format!(
            "line 1: key {key} served at version {version} (load began {began}) at {now}, though version {newer} \
             ({change:?}) could be read when the last successful catch-up began ({})",
            witness.caught_up
        ));
    }
    if witness.own.get(&key).is_some_and(|own| version < *own) {
        return Err(format!(
            "line 11: key {key} served at version {version} after its own write {:?}",
            witness.own
        ));
    }
    if way == Way::Joined {
        return Ok(());
    }
    judge_age(value, way, now, promises)?;
    let lag = if way == Way::OnError { value.terms.on_error } else { 0 };
    let bound = now.saturating_sub(promises.max_lag + lag + promises.tolerance);
    if let Some((newer, change)) = database.overwritten(key, version, bound).filter(|_| provable) {
        return Err(format!(
            "line 3: key {key} served at version {version} (load began {began}, {way:?}) at {now}, though version \
             {newer} ({change:?}) was readable for longer than max_lag"
        ));
    }
    Ok(())
}

fn judge_age(value: Value, way: Way, now: u64, promises: Promises) -> Result<(), String> {
    let Value { key, began, terms: Terms { ttl, stale, on_error }, .. } = value;
    let late = match way {
        Way::Stale => stale,
        Way::OnError => on_error,
        Way::Hit | Way::Joined => 0,
    };
    if ttl == 0 {
        return Err(format!("line 8: key {key} served at {now}, though it was not to be kept"));
    }
    if now > began + ttl + late + promises.tolerance {
        return Err(format!(
            "line 8: key {key} served at {now} ({way:?}), load began {began}: over {ttl} + {late} ms"
        ));
    }
    Ok(())
}
