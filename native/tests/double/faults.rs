//! What the network and the service do wrong: it loses nothing, and holds
//! nothing up beyond the budget. Measured in real time, generously, since the
//! machine that runs the tests may be slow.

use std::time::{Duration, Instant};

use kinesis_double::{Effect, FaultRule};
use snowmelt::{CatchUpError, Invalidation};

use crate::support::{STREAM, Service, patient, reach};

const BUDGET: Duration = Duration::from_millis(250);
/// Above the budget; well below what the faults would take.
const TOLERANCE: Duration = Duration::from_millis(900);
const SLOW: Duration = Duration::from_secs(2);

/// A read that is due while one of the reader's calls meets a fault.
async fn suffer(operation: &'static str, effect: Effect) {
    let name = format!("{operation} {effect:?}");
    let service = Service::start(2).await;
    let writer = service.cache();
    let reader = service.builder().build().unwrap();
    reader.insert("k", 1).unwrap();
    reader.insert("true", 1).unwrap();
    if operation == "GetRecords" {
        reader.catch_up_to(&writer.invalidate("x").await.unwrap(), Duration::from_secs(10)).await.unwrap();
    }
    service.pass(Duration::from_secs(3));
    let token = writer.invalidate("k").await.unwrap();
    service.double.fault(FaultRule::next(operation, 2, effect));
    let start = Instant::now();
    assert_eq!(reader.get("true").await, Some(1), "{name}: within the hard bound");
    let took = start.elapsed();
    assert!(took < BUDGET + TOLERANCE, "{name} held a read up for {took:?}");
    assert!(service.double.faults_left() < 2, "{name} did not happen");
    reach(&reader, &token).await;
    assert_eq!((reader.peek("k"), reader.peek("true")), (None, Some(1)), "{name}");
    assert_eq!(reader.stats().gaps, 0, "{name}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_reads_lose_nothing_and_cost_the_budget() {
    let effects = [
        Effect::Status(500),
        Effect::Status(503),
        Effect::Reset,
        Effect::Garbage,
        Effect::Throttle,
        Effect::Error("KMSThrottlingException".into()),
        Effect::Delay(SLOW),
    ];
    let mut cases = Vec::new();
    for operation in ["ListShards", "GetShardIterator", "GetRecords"] {
        cases.extend(effects.iter().map(|effect| tokio::spawn(suffer(operation, effect.clone()))));
    }
    for case in cases {
        case.await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_comes_after_the_budget_still_counts() {
    let service = Service::start(1).await;
    let (reader, writer) = (service.builder().build().unwrap(), service.cache());
    reader.insert("k", 1).unwrap();
    reader.insert("true", 1).unwrap();
    while reader.catch_up().await.is_err() {}
    service.pass(Duration::from_secs(3));
    writer.invalidate("k").await.unwrap();
    service.double.fault(FaultRule::next("GetRecords", 1, Effect::Delay(SLOW)));
    assert_eq!(reader.get("true").await, Some(1));
    assert_eq!(reader.peek("k"), Some(1), "the answer is under way");
    service.take_calls();
    tokio::time::sleep(SLOW + TOLERANCE).await;
    assert_eq!((reader.peek("k"), reader.peek("true")), (None, Some(1)));
    assert!(service.take_calls().is_empty());
}

#[tokio::test]
async fn a_slow_write_holds_no_read_up() {
    let service = Service::start(1).await;
    let writer = service.holding(&["k", "true"]).await;
    service.double.fault(FaultRule::next("PutRecords", 1, Effect::Delay(SLOW)));
    let start = Instant::now();
    let writing = writer.invalidate("k");
    service.pass(Duration::from_secs(3));
    assert_eq!((writer.get("k").await, writer.get("true").await), (None, Some(1)));
    assert!(start.elapsed() < BUDGET + TOLERANCE, "{:?}", start.elapsed());
    writing.await.unwrap();
    assert!(start.elapsed() >= SLOW, "{:?}", start.elapsed());
}

#[tokio::test]
async fn duplicates_and_empty_pages_are_harmless() {
    let service = Service::start(1).await;
    let (reader, writer) = (service.holding(&["k", "true"]).await, service.cache());
    writer.invalidate("k").await.unwrap();
    service.double.faults([
        FaultRule::always("GetRecords", Effect::Duplicates),
        FaultRule::next("GetRecords", 2, Effect::MillisBehind(60_000)),
    ]);
    reader.catch_up().await.unwrap();
    assert_eq!((reader.peek("k"), reader.peek("true"), reader.stats().gaps), (None, Some(1), 0));
    assert!(service.take_calls().iter().filter(|(operation, _)| operation == "GetRecords").count() >= 3);
}

/// An invalidation of several records meets this effect; all of it arrives.
async fn written_through(effect: Effect, lanes: Option<u16>) {
    let name = format!("{effect:?} {lanes:?}");
    let service = Service::start(3).await;
    let cache = || {
        let builder = service.builder();
        patient(if let Some(lanes) = lanes { builder.lanes(lanes) } else { builder })
    };
    let (reader, writer) = (cache(), cache());
    // Ten to a record, so that there are some twenty.
    let keys: Vec<String> = (0..200).map(|n| format!("{n:0>1000}")).collect();
    for key in &keys {
        reader.insert(key, 1).unwrap();
        writer.insert(key, 1).unwrap();
    }
    reader.insert("true", 1).unwrap();
    reader.catch_up().await.unwrap();
    service.double.fault(FaultRule::next("PutRecords", 3, effect));
    let writing = writer.invalidate(Invalidation::keys(&keys));
    assert!(writer.is_empty(), "{name}: the local removal waits for nothing");
    let token = writing.await.unwrap();
    assert_eq!(service.double.faults_left(), 0, "{name} did not happen");
    reach(&reader, &token).await;
    assert_eq!(reader.keys(), ["true"], "{name}");
    assert_eq!(reader.stats().gaps, 0, "{name}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_writes_lose_nothing() {
    let effects = [
        Effect::RefuseRecords(2),
        Effect::RefuseRecords(3),
        Effect::RefuseRecords(1),
        Effect::Status(500),
        Effect::Reset,
        Effect::Throttle,
    ];
    let mut cases = Vec::new();
    for lanes in [None, Some(4)] {
        cases.extend(effects.iter().map(|effect| tokio::spawn(written_through(effect.clone(), lanes))));
    }
    for case in cases {
        case.await.unwrap();
    }
}

#[tokio::test]
async fn only_refused_records_are_sent_again() {
    let service = Service::start(1).await;
    let writer = service.cache();
    let keys: Vec<String> = (0..100).map(|n| format!("{n:0>1000}")).collect();
    service.double.fault(FaultRule::next("PutRecords", 1, Effect::RefuseRecords(2)));
    writer.invalidate(Invalidation::keys(&keys)).await.unwrap();
    let (puts, written) = service.double.kinesis(|kinesis, _| {
        let counters = kinesis.counters();
        (counters.put_records.calls, counters.records_written)
    });
    assert_eq!((puts, written), (2, 10), "ten records of ten keys, each once");
    let reader = service.holding(&["true"]).await;
    assert_eq!(reader.stats().records, 10);
}

#[tokio::test]
async fn a_write_that_fails_for_good_says_so_and_stays_local() {
    let service = Service::start(1).await;
    let writer = service.holding(&["k", "true"]).await;
    service.double.fault(FaultRule::always("PutRecords", Effect::RefuseRecords(1)));
    let start = Instant::now();
    let error = writer.invalidate("k").await.unwrap_err().to_string();
    assert!(error.contains("ProvisionedThroughputExceededException"), "{error}");
    assert!(error.contains("invalidate again"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!((writer.peek("k"), writer.peek("true")), (None, Some(1)));
}

#[tokio::test]
async fn a_due_read_during_throttling_costs_nothing_but_the_budget() {
    let service = Service::start(1).await;
    let reader = service.builder().build().unwrap();
    reader.insert("k", 1).unwrap();
    while reader.catch_up().await.is_err() {}
    service.double.fault(FaultRule::everywhere(Effect::Throttle));
    service.take_calls();
    for second in 2..7 {
        service.pass(Duration::from_secs(1));
        for _ in 0..20 {
            let start = Instant::now();
            assert_eq!(reader.get("k").await, Some(1), "{second} s behind");
            assert!(start.elapsed() < BUDGET + TOLERANCE, "{:?}", start.elapsed());
        }
    }
    let calls = service.take_calls().len();
    assert!((1..=15).contains(&calls), "{calls} calls of 100 reads in 5 s");
    let stats = reader.stats();
    assert!(stats.catch_ups_throttled > 0 && stats.catch_ups_failed == 0, "{stats:?}");
    assert_eq!(reader.catch_up().await, Err(CatchUpError::Throttled));
    // Past the hard bound it is a cache with a TTL of `max_lag`.
    service.pass(Duration::from_secs(6));
    let start = Instant::now();
    assert_eq!(reader.get("k").await, None);
    let loaded = reader.get_or_load("k", || async { Ok::<_, String>(2) }).await;
    assert_eq!((loaded.unwrap(), reader.get("k").await), (2, Some(2)));
    assert!(start.elapsed() < 3 * BUDGET + TOLERANCE, "{:?}", start.elapsed());
    service.double.clear_faults();
    reader.catch_up().await.unwrap();
    assert_eq!(reader.get("k").await, Some(2));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_a_gap_and_then_reckoned_with() {
    let minute = 60_000;
    for skew in [minute, -minute, 3600 * 1000, -3600 * 1000] {
        let service = Service::start(1).await;
        let (reader, writer) = (service.holding(&["k"]).await, service.cache());
        // Within half the margin: nothing.
        service.double.fault(FaultRule::everywhere(Effect::DateSkew(if skew > 0 { 1000 } else { -1000 })));
        reader.catch_up().await.unwrap();
        assert_eq!((reader.stats().gaps, reader.peek("k")), (0, Some(1)));
        service.double.clear_faults();
        service.double.fault(FaultRule::everywhere(Effect::DateSkew(skew)));
        reader.catch_up().await.unwrap();
        assert_eq!((reader.stats().gaps, reader.len()), (1, 0), "{skew}");
        // Told by how much, it goes on.
        reader.insert("k", 2).unwrap();
        service.double.clear_faults();
        reader.catch_up().await.unwrap();
        assert_eq!((reader.stats().gaps, reader.len()), (2, 0), "{skew}: and back");
        reader.insert("k", 3).unwrap();
        reader.insert("true", 3).unwrap();
        reach(&reader, &writer.invalidate("k").await.unwrap()).await;
        assert_eq!((reader.peek("k"), reader.peek("true"), reader.stats().gaps), (None, Some(3), 2));
    }
}

#[tokio::test]
async fn a_sandbox_whose_clock_is_wrong_from_the_start_is_kept_honest() {
    let service = Service::start(1).await;
    // The service is two hours ahead of every sandbox, and stays it.
    service.double.advance(7_200_000);
    let (reader, writer) = (service.cache(), service.cache());
    reader.insert("early", 1).unwrap();
    reader.catch_up().await.unwrap();
    assert_eq!((reader.stats().gaps, reader.len()), (1, 0));
    for round in 2..6 {
        reader.insert("k", round).unwrap();
        reader.insert("true", round).unwrap();
        reach(&reader, &writer.invalidate("k").await.unwrap()).await;
        assert_eq!((reader.peek("k"), reader.peek("true")), (None, Some(round)));
        service.freeze(Duration::from_secs(1800));
    }
    let stream = service.double.kinesis(|kinesis, _| kinesis.describe_stream_summary(STREAM));
    assert_eq!((reader.stats().gaps, stream.unwrap().open_shards), (1, 1));
}
