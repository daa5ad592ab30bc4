//! A simulated service, and caches on it that share a clock with it.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::config::{Credentials, Region};
use kinesis_double::{Double, PutEntry, Settings};
use snowmelt::stream::kinesis::{KinesisOptions, KinesisStream};
use snowmelt::{Builder, Cache, ManualClock, PositionToken};

pub(crate) const STREAM: &str = "orders";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// The transport as an application makes it, but for the credentials, which
/// an application has in its environment.
pub(crate) fn connect(endpoint: &str, stream: &str) -> Arc<KinesisStream> {
    let conf = aws_sdk_kinesis::Config::builder()
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .region(Region::new("us-east-1"));
    let options = KinesisOptions::default().endpoint(endpoint);
    Arc::new(KinesisStream::from_conf(stream, conf, options).unwrap())
}

pub(crate) struct Service {
    pub(crate) double: Double,
    clock: Arc<ManualClock>,
}

impl Service {
    pub(crate) async fn start(shards: u32) -> Self {
        Self::start_with(shards, Settings::default()).await
    }

    pub(crate) async fn start_with(shards: u32, settings: Settings) -> Self {
        let double = Double::start(settings).await;
        let service = Self { double, clock: ManualClock::new() };
        service.create(shards);
        service
    }

    pub(crate) fn create(&self, shards: u32) {
        self.double.kinesis(|kinesis, now| kinesis.create_stream(now, STREAM, shards)).unwrap();
    }

    pub(crate) fn delete(&self) {
        self.double.kinesis(|kinesis, now| kinesis.delete_stream(now, STREAM)).unwrap();
    }

    /// A cache with the default bounds, but lifetimes of days.
    pub(crate) fn builder(&self) -> Builder<u32> {
        let builder = Cache::builder().stream_transport(connect(&self.double.endpoint(), STREAM));
        builder.clock(Arc::clone(&self.clock)).ttl(40 * HOUR, 48 * HOUR)
    }

    /// The same, with time enough for a catch-up.
    pub(crate) fn cache(&self) -> Cache<u32> {
        patient(self.builder())
    }

    /// A cache that holds these keys and has caught up since.
    pub(crate) async fn holding(&self, keys: &[&str]) -> Cache<u32> {
        let cache = self.cache();
        for key in keys {
            cache.insert(key, 1).unwrap();
        }
        cache.catch_up().await.unwrap();
        cache
    }

    /// Lets time pass for the service and for sandboxes that run.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.double.advance(u64::try_from(time.as_millis()).unwrap());
    }

    /// The same, with the sandboxes frozen.
    pub(crate) fn freeze(&self, time: Duration) {
        self.clock.freeze(time);
        self.double.advance(u64::try_from(time.as_millis()).unwrap());
    }

    /// The operations since the last look, with the errors they met.
    pub(crate) fn take_calls(&self) -> Vec<(String, Option<String>)> {
        let calls = self.double.calls();
        self.double.clear_calls();
        calls.into_iter().map(|call| (call.operation, call.error)).collect()
    }

    /// The shards of the `GetRecords` calls since the last look, which must
    /// have been the only ones.
    pub(crate) fn take_shards_read(&self) -> Vec<String> {
        let calls = self.double.calls();
        self.double.clear_calls();
        assert!(calls.iter().all(|call| call.operation == "GetRecords" && call.error.is_none()), "{calls:?}");
        let mut shards: Vec<_> = calls.into_iter().filter_map(|call| call.shard).collect();
        shards.sort();
        shards
    }

    /// Puts a record on the first shard, whatever is in it.
    pub(crate) fn put(&self, data: impl Into<Vec<u8>>) {
        let entry = PutEntry { data: data.into(), partition_key: "x".into(), explicit_hash_key: Some(0) };
        let put = self.double.kinesis(|kinesis, now| kinesis.put_records(now, STREAM, vec![entry]));
        put.unwrap().remove(0).unwrap();
    }
}

/// A cache with time enough for a catch-up on a machine that is busy.
pub(crate) fn patient(builder: Builder<u32>) -> Cache<u32> {
    builder.catch_up_budget(Duration::from_secs(10)).build().unwrap()
}

/// Catches up with a write; whatever is slow gets ten seconds.
pub(crate) async fn reach(cache: &Cache<u32>, token: &PositionToken) {
    cache.catch_up_to(token, Duration::from_secs(10)).await.unwrap();
}
