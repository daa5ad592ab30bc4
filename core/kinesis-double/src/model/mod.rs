//! The service in virtual time.

mod counters;
mod fault;
mod hash;
mod iterator;
mod list;
pub mod quota;
mod read;
mod reshard;
mod rng;
mod sequence;
mod settings;
mod shard;
mod span;
mod stream;
#[cfg(test)]
mod tests;
mod token;
mod write;

use std::collections::BTreeMap;

pub use counters::{Counters, OperationCount, ShardReads};
pub use fault::{Fault, code};
pub use hash::HashRange;
pub use iterator::IteratorType;
pub use list::{ListShardsInput, ListShardsOutput, ShardDescription, ShardFilter};
pub use read::{ChildShard, GetRecordsOutput, Record};
pub use sequence::{NotASequence, Sequence};
pub use settings::Settings;
pub use stream::StreamSummary;
pub use write::{PutEntry, PutOk, PutRefusal};

use rng::Rng;
use stream::Stream;

/// The simulated service: streams by name, one account, one region.
///
/// `now` is the service's clock in milliseconds since the Unix epoch. It may
/// stand still between calls; where it runs backwards, records keep their
/// order and quotas do not refill.
#[derive(Debug)]
pub struct Kinesis {
    settings: Settings,
    rng: Rng,
    streams: BTreeMap<String, Stream>,
    /// The life of a stream → its name, while it exists.
    lives: BTreeMap<u64, String>,
    /// How many lives there have been.
    born: u64,
    /// The creation second written into the last shard's sequence numbers.
    last_secs: u64,
    epoch: u64,
    counters: Counters,
}

impl Kinesis {
    /// A service without streams. Everything it decides follows from `seed`
    /// and the calls.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            rng: Rng::new(seed),
            streams: BTreeMap::new(),
            lives: BTreeMap::new(),
            born: 0,
            last_secs: 0,
            epoch: 0,
            counters: Counters::default(),
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes the settings from the next call on. What is stored stays as it
    /// is: a longer retention brings nothing back.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// What was asked so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts from zero again.
    pub fn reset_counters(&mut self) {
        self.counters = Counters::default();
    }

    /// From now on every iterator given so far is expired.
    pub fn expire_iterators(&mut self) {
        self.epoch += 1;
    }

    /// The creation second for the next shard's sequence numbers: the clock's,
    /// but greater than every shard's before, so that a child's numbers are
    /// above its parent's and a new life's above the old one's.
    fn next_secs(&mut self, now: u64) -> u64 {
        self.last_secs = (now / 1000).max(self.last_secs + 1);
        self.last_secs
    }

    fn horizon(&self, now: u64) -> u64 {
        now.saturating_sub(self.settings.retention_ms)
    }

    fn stream(&self, name: &str) -> Result<&Stream, Fault> {
        self.streams.get(name).ok_or_else(|| Fault::no_stream(name))
    }

    fn stream_mut(&mut self, name: &str) -> Result<&mut Stream, Fault> {
        self.streams.get_mut(name).ok_or_else(|| Fault::no_stream(name))
    }
}
