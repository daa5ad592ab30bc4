//! The cache: keys, tags, lifetimes, what a value is.
//!
//! One cache holds everything that the extension answers. An entry of contracts
//! 1 to 3 is a body, byte for byte as it is answered, so that a hit formats
//! nothing. Its key is the [`Key`] that any writer may invalidate, followed by
//! what tells the variants of one thing apart; it bears that key as a tag, and
//! those of its other names too.
//!
//! What is fresh, what may be stored and what must be dropped is the core's
//! decision, here as everywhere.

mod body;
mod bring;
mod failure;
mod key;
mod ledger;
mod load;
mod room;
mod stored;
mod wanted;

use std::sync::Arc;

use snowmelt::host::Lookup;
use snowmelt::{Builder, Cache, Source};
use snowmelt_core::StreamAddress;

use crate::Pending;
use crate::origin::Origin;
use crate::settings::Settings;
use crate::settings::sources::{PARAMETERS, SECRETS, TableSource};

use ledger::Ledger;

pub(crate) use body::{JSON, TEXT};
pub use failure::Failure;
pub use key::Key;
pub use stored::Stored;
pub use wanted::{Form, How, Wanted};

/// What a read of one thing brings: `None` if there is no such thing.
pub type Outcome = Result<Option<Stored>, Failure>;

/// A read: answered, or on its way.
pub enum Read {
    /// It is cached, and good.
    Now(Stored),
    /// The stream or the origin has to be asked first.
    Later(Pending<Outcome>),
}

/// Answers from the cache, or from the origin. Clones share everything.
#[derive(Clone)]
pub struct Answers {
    cache: Cache<Stored>,
    origin: Arc<dyn Origin>,
    /// Whether parameters and secrets are kept.
    keeps: bool,
    ledger: Arc<Ledger>,
}

impl Answers {
    /// What the settings say of the cache. Changes of parameters, of secrets
    /// and of the tables are read off the stream.
    pub fn builder(settings: &Settings, tables: &[TableSource]) -> Builder<Stored> {
        let builder = Cache::builder()
            .config(settings.config.clone())
            .stream(settings.stream.clone())
            // One thread serves all: a single segment has the most room for
            // fences, and the truest order of eviction.
            .segments(1)
            .keys_as_tags(true)
            .weigher(|key, stored: &Stored| stored.weight(key));
        // A stream of another region is meant if its ARN says so.
        let builder = match StreamAddress::parse(&settings.stream) {
            Ok(StreamAddress { arn: Some(arn), .. }) => builder.region(arn.region),
            _ => builder,
        };
        // With lanes all writers are Snowmelt: a lane is one shard of the
        // stream, and services write to any.
        if settings.config.lanes.is_some() {
            return builder;
        }
        let builder = builder
            .source(Source::parameter_store().key(PARAMETERS))
            .source(Source::secrets_manager().key(SECRETS));
        tables.iter().fold(builder, |builder, table| builder.source(table.into()))
    }

    /// Answers from a cache made from [`builder`](Self::builder), and from the
    /// origin.
    pub fn new(cache: Cache<Stored>, settings: &Settings, origin: Arc<dyn Origin>) -> Self {
        let aws = &settings.aws;
        Self { cache, origin, keeps: aws.enabled && aws.size > 0, ledger: Ledger::new(aws.size) }
    }

    /// The cache, for contract 4, the lifecycle and the metrics.
    pub fn cache(&self) -> &Cache<Stored> {
        &self.cache
    }

    /// Reads one thing. What is cached is there at once, unless the stream has
    /// to be asked first or a refresh is wanted.
    ///
    /// A read that misses shares the load that is under way. Neither a failure
    /// nor that there is no such thing is kept.
    ///
    /// # Panics
    ///
    /// The future, outside of a tokio runtime.
    pub fn read(&self, wanted: Wanted) -> Read {
        self.cache.awake();
        let arrival = self.cache.arrive();
        if !self.keeps(&wanted) {
            let this = self.clone();
            return Read::Later(Box::pin(async move { this.unkept(wanted, arrival).await }));
        }
        if wanted.how.refresh_now {
            let this = self.clone();
            return Read::Later(Box::pin(async move { this.refresh(wanted, arrival).await }));
        }
        let due = match self.cache.look(&wanted.key) {
            Lookup::Hit(stored) | Lookup::Ahead(stored) => {
                stored.touch();
                return Read::Now(stored);
            }
            Lookup::Due => true,
            Lookup::Miss => false,
        };
        let this = self.clone();
        Read::Later(Box::pin(async move {
            if due {
                this.cache.catch_up_for_read().await;
                if let Some(stored) = this.cache.get_now(&wanted.key) {
                    stored.touch();
                    return Ok(Some(stored));
                }
            }
            this.load(wanted, arrival).await
        }))
    }

    /// [`read`](Self::read), waited for.
    ///
    /// # Errors
    ///
    /// If the origin did not answer, or the key cannot be used.
    pub async fn fetch(&self, wanted: Wanted) -> Outcome {
        match self.read(wanted) {
            Read::Now(stored) => Ok(Some(stored)),
            Read::Later(outcome) => outcome.await,
        }
    }

    fn keeps(&self, wanted: &Wanted) -> bool {
        !wanted.how.ttl.is_zero() && (self.keeps || !wanted.is_counted())
    }
}
