//! The whole way: caches, the real SDK, and the simulated service over
//! loopback HTTP.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::config::{Credentials, Region};
use kinesis_double::{Double, Effect, FaultRule, Settings};
use snowmelt::stream::kinesis::{KinesisOptions, KinesisStream};
use snowmelt::{Cache, CatchUpError, InvalidateError, Invalidation, ManualClock};

struct Service {
    double: Double,
    clock: Arc<ManualClock>,
}

impl Service {
    async fn start(shards: u32) -> Self {
        let double = Double::start(Settings::default()).await;
        double.kinesis(|kinesis, now| kinesis.create_stream(now, "orders", shards)).unwrap();
        Self { double, clock: ManualClock::new() }
    }

    fn cache(&self) -> Cache<u32> {
        let conf = aws_sdk_kinesis::Config::builder()
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .region(Region::new("us-east-1"));
        let options = KinesisOptions::default().endpoint(self.double.endpoint());
        let stream = KinesisStream::from_conf("orders", conf, options).unwrap();
        let builder = Cache::builder().stream_transport(Arc::new(stream)).clock(Arc::clone(&self.clock));
        // Generous: the machine that runs the tests may be slow.
        builder.catch_up_budget(Duration::from_secs(5)).build().unwrap()
    }

    /// Lets time pass here and there.
    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.double.advance(seconds * 1000);
    }

    fn take_calls(&self) -> Vec<String> {
        let calls = self.double.calls().into_iter().map(|call| call.operation).collect();
        self.double.clear_calls();
        calls
    }
}

#[tokio::test]
async fn an_idle_catch_up_is_one_call_a_shard() {
    let service = Service::start(2).await;
    let cache = service.cache();
    cache.catch_up().await.unwrap();
    assert!(service.take_calls().is_empty(), "an empty cache");
    cache.insert("k", 1).unwrap();
    cache.catch_up().await.unwrap();
    service.take_calls();
    for _ in 0..3 {
        service.pass(2);
        assert_eq!(cache.get("k").await, Some(1));
        assert_eq!(service.take_calls(), ["GetRecords", "GetRecords"]);
    }
}

#[tokio::test]
async fn what_one_writes_the_other_drops_also_through_a_reshard_and_a_long_freeze() {
    let service = Service::start(1).await;
    let (reader, writer) = (service.cache(), service.cache());
    for key in ["a", "b", "c", "d"] {
        reader.insert(key, 1).unwrap();
    }
    writer.invalidate("a").await.unwrap();
    reader.catch_up().await.unwrap();
    assert_eq!((reader.peek("a"), reader.peek("b")), (None, Some(1)));
    service.double.kinesis(|kinesis, now| kinesis.update_shard_count(now, "orders", 2)).unwrap();
    writer.invalidate(Invalidation::keys(["b"])).await.unwrap();
    service.pass(120);
    let token = writer.invalidate("c").await.unwrap();
    service.double.kinesis(|kinesis, _| kinesis.expire_iterators());
    reader.catch_up_to(&token, Duration::from_secs(10)).await.unwrap();
    assert_eq!((reader.peek("b"), reader.peek("c"), reader.peek("d")), (None, None, Some(1)));
    assert_eq!(reader.stats().gaps, 0);
}

#[tokio::test]
async fn faults_cost_a_read_its_budget_and_an_error_names_the_remedy() {
    let service = Service::start(1).await;
    let cache = service.cache();
    cache.insert("k", 1).unwrap();
    service.double.fault(FaultRule::everywhere(Effect::Throttle));
    assert_eq!(cache.catch_up().await, Err(CatchUpError::Throttled));
    service.double.clear_faults();
    service.double.fault(FaultRule::everywhere(Effect::AccessDenied));
    let error = cache.catch_up().await.unwrap_err().to_string();
    assert!(error.contains("kinesis:ListShards"), "{error}");
    let InvalidateError::Write(error) = cache.invalidate("other").await.unwrap_err() else { panic!() };
    assert!(error.message.contains("kinesis:PutRecords"), "{error}");
    assert_eq!(cache.get("k").await, Some(1));
    service.double.clear_faults();
    service.double.fault(FaultRule::next("PutRecords", 1, Effect::Status(500)));
    cache.invalidate("k").await.unwrap();
    assert_eq!(cache.get("k").await, None);
}
