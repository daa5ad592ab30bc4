//! Every operation of the Kinesis transport, with the real SDK, against the
//! simulated service over loopback HTTP: what it answers, and how it fails.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_kinesis::config::{Credentials, Region};
use kinesis_double::{Double, Effect, FaultRule, Settings};
use snowmelt::stream::Stream;
use snowmelt::stream::kinesis::{KinesisOptions, KinesisStream};
use snowmelt_core::follower::{
    Answer, Body, CallError, CallErrorKind, IteratorStart, ListShards, RecordPage, Request, ShardPage,
};
use snowmelt_core::writer::{Put, PutAnswer, PutOutcome, PutRecord};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
const SHARD: &str = "shardId-000000000000";

fn connect(endpoint: &str, stream: &str) -> KinesisStream {
    let builder = aws_sdk_kinesis::Config::builder()
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .region(Region::new("us-east-1"));
    let options = KinesisOptions::default().endpoint(endpoint).call_timeout(Duration::from_millis(800));
    KinesisStream::from_conf(stream, builder, options).unwrap()
}

async fn double(shards: u32) -> (Double, KinesisStream) {
    let double = Double::start(Settings::default()).await;
    double.kinesis(|kinesis, now| kinesis.create_stream(now, "orders", shards)).unwrap();
    let stream = connect(&double.endpoint(), "orders");
    (double, stream)
}

fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

async fn shards(stream: &KinesisStream) -> ShardPage {
    let request = Request::ListShards(ListShards::From(wall_clock() - 5000));
    match stream.call(request).await.unwrap().body {
        Body::Shards(page) => page,
        other => panic!("{other:?}"),
    }
}

async fn iterator(stream: &KinesisStream, shard: &str, from: IteratorStart) -> Result<String, CallError> {
    let request = Request::ShardIterator { shard: shard.into(), from };
    stream.call(request).await.map(|answer| match answer.body {
        Body::Iterator(iterator) => iterator,
        other => panic!("{other:?}"),
    })
}

async fn read(stream: &KinesisStream, iterator: &str, limit: u32) -> Result<Answer, CallError> {
    let request = Request::Records { shard: SHARD.into(), iterator: iterator.into(), limit };
    stream.call(request).await
}

fn page(answer: Answer) -> RecordPage {
    match answer.body {
        Body::Records(page) => page,
        other => panic!("{other:?}"),
    }
}

async fn put(stream: &KinesisStream, data: &[&str]) -> Result<PutAnswer, CallError> {
    let record = |data: &&str| PutRecord {
        data: data.as_bytes().into(),
        partition_key: "k".into(),
        explicit_hash_key: Some(0),
    };
    stream.put(Put { records: data.iter().map(record).collect() }).await
}

/// The error of a `GetRecords` that meets this effect.
async fn failure(effect: Effect) -> CallError {
    let (double, stream) = double(1).await;
    let from = iterator(&stream, SHARD, IteratorStart::TrimHorizon).await.unwrap();
    double.fault(FaultRule::next("GetRecords", 1, effect));
    let error = read(&stream, &from, 10).await.unwrap_err();
    let tries = double.calls().iter().filter(|call| call.operation == "GetRecords").count();
    assert_eq!(tries, 1, "the SDK tried again");
    assert!(read(&stream, &from, 10).await.is_ok(), "the next call is not harmed");
    error
}

#[tokio::test]
async fn records_go_in_and_come_out() {
    for name in ["orders", ARN] {
        let (double, _) = double(1).await;
        let stream = connect(&double.endpoint(), name);
        let listed = shards(&stream).await;
        assert_eq!((listed.shards.len(), listed.next_token), (1, None));
        assert_eq!(listed.shards[0].hash_keys.end, u128::MAX);
        let from = iterator(&stream, SHARD, IteratorStart::AtTimestamp(wall_clock() - 5000)).await.unwrap();
        let stored = put(&stream, &["a", "b", "c"]).await.unwrap();

        let first = page(read(&stream, &from, 2).await.unwrap());
        assert!(first.millis_behind_latest > 0 || first.records.len() == 3);
        let rest = page(read(&stream, &first.next_iterator.unwrap(), 10).await.unwrap());
        assert_eq!(rest.millis_behind_latest, 0);
        let records: Vec<_> = first.records.into_iter().chain(rest.records).collect();
        let data: Vec<_> = records.iter().map(|record| record.data.as_slice()).collect();
        assert_eq!(data, [b"a", b"b", b"c"]);
        for (record, outcome) in records.iter().zip(&stored.outcomes) {
            let sequence_number = record.sequence_number.clone();
            assert_eq!(*outcome, PutOutcome::Stored { shard: SHARD.into(), sequence_number });
            assert!(record.arrival.abs_diff(wall_clock()) < 60_000);
        }
    }
}

#[tokio::test]
async fn a_list_of_many_shards_is_paged() {
    let (_double, stream) = double(1500).await;
    let mut page = shards(&stream).await;
    let mut count = page.shards.len();
    while let Some(token) = page.next_token {
        let answer = stream.call(Request::ListShards(ListShards::Next(token))).await.unwrap();
        let Body::Shards(next) = answer.body else { panic!() };
        count += next.shards.len();
        page = next;
    }
    assert_eq!(count, 1500);
}

#[tokio::test]
async fn a_closed_shard_names_its_children() {
    let (double, stream) = double(1).await;
    double.kinesis(|kinesis, now| kinesis.split_shard(now, "orders", SHARD, 1 << 127)).unwrap();
    let mut from = iterator(&stream, SHARD, IteratorStart::TrimHorizon).await.unwrap();
    let last = loop {
        let page = page(read(&stream, &from, 10).await.unwrap());
        match page.next_iterator {
            Some(next) => from = next,
            None => break page,
        }
    };
    assert_eq!(last.child_shards.len(), 2);
    assert_eq!(last.child_shards[0].parents, [SHARD]);
    assert_eq!(last.child_shards[1].hash_keys.start, 1 << 127);
    let listed = shards(&stream).await.shards;
    assert!(listed.iter().any(|shard| shard.parents == [SHARD]), "{listed:?}");
}

#[tokio::test]
async fn answers_and_errors_carry_their_date() {
    const DAY: i64 = 86_400_000;
    let (double, stream) = double(1).await;
    double.fault(FaultRule::everywhere(Effect::DateSkew(-DAY)));
    let yesterday = |date: Option<u64>| date.unwrap().abs_diff(wall_clock() - DAY.unsigned_abs()) < 60_000;
    assert!(yesterday(stream.call(Request::ListShards(ListShards::From(0))).await.unwrap().date));
    assert!(yesterday(put(&stream, &["a"]).await.unwrap().date));
    assert!(yesterday(
        iterator(&stream, "shardId-000000000009", IteratorStart::TrimHorizon).await.unwrap_err().date
    ));
    assert!(yesterday(
        connect(&double.endpoint(), "other")
            .call(Request::ListShards(ListShards::From(0)))
            .await
            .unwrap_err()
            .date
    ));
}

#[tokio::test]
async fn an_expired_iterator_is_expired() {
    let (double, stream) = double(1).await;
    let from = iterator(&stream, SHARD, IteratorStart::TrimHorizon).await.unwrap();
    double.advance(300_001);
    assert_eq!(read(&stream, &from, 10).await.unwrap_err().kind, CallErrorKind::Expired);
}

#[tokio::test]
async fn a_position_that_makes_no_sense_is_refused() {
    let (_double, stream) = double(1).await;
    let future = IteratorStart::AtTimestamp(wall_clock() + 3_600_000);
    assert_eq!(iterator(&stream, SHARD, future).await.unwrap_err().kind, CallErrorKind::Refused);
    assert_eq!(read(&stream, "nonsense", 10).await.unwrap_err().kind, CallErrorKind::Refused);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (double, stream) = double(1).await;
    let other = connect(&double.endpoint(), "other");
    let error = other.call(Request::ListShards(ListShards::From(0))).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
    assert!(error.message.contains("no stream other in us-east-1"), "{}", error.message);
    let error = iterator(&stream, "shardId-000000000009", IteratorStart::TrimHorizon).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
    assert_eq!(put(&other, &["a"]).await.unwrap_err().kind, CallErrorKind::NotFound);
}

#[tokio::test]
async fn throttles_refusals_and_faults_are_told_apart() {
    assert_eq!(failure(Effect::Throttle).await.kind, CallErrorKind::Throttled);
    assert_eq!(failure(Effect::Error("KMSThrottlingException".into())).await.kind, CallErrorKind::Throttled);
    assert_eq!(failure(Effect::Status(500)).await.kind, CallErrorKind::Failed);
    assert_eq!(failure(Effect::Status(503)).await.kind, CallErrorKind::Failed);
    assert_eq!(failure(Effect::Garbage).await.kind, CallErrorKind::Failed);
    assert_eq!(failure(Effect::Reset).await.kind, CallErrorKind::Failed);
    let denied = failure(Effect::AccessDenied).await;
    assert_eq!(denied.kind, CallErrorKind::Denied);
    assert!(denied.message.contains("kinesis:GetRecords"), "{}", denied.message);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_timed_out() {
    let error = failure(Effect::Delay(Duration::from_secs(5))).await;
    assert_eq!((error.kind, error.date), (CallErrorKind::TimedOut, None));
    assert!(error.message.contains("within 800ms"), "{}", error.message);
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_named() {
    let (double, _) = double(1).await;
    let endpoint = double.endpoint();
    drop(double);
    let error =
        connect(&endpoint, "orders").call(Request::ListShards(ListShards::From(0))).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Failed);
    assert!(error.message.contains(&endpoint), "{}", error.message);
}

#[tokio::test]
async fn records_are_refused_one_by_one() {
    let (double, stream) = double(1).await;
    double.fault(FaultRule::next("PutRecords", 1, Effect::RefuseRecords(2)));
    let outcomes = put(&stream, &["a", "b", "c", "d"]).await.unwrap().outcomes;
    let refused = |outcome: &PutOutcome| match outcome {
        PutOutcome::Refused { code, .. } => Some(code.clone()),
        PutOutcome::Stored { .. } => None,
    };
    let codes: Vec<_> = outcomes.iter().filter_map(refused).collect();
    assert_eq!((outcomes.len(), codes.len()), (4, 2), "{outcomes:?}");
    assert_eq!(codes[0], "ProvisionedThroughputExceededException");
}

#[tokio::test]
async fn forgotten_connections_are_made_anew() {
    let (_double, stream) = double(1).await;
    stream.warm().await;
    stream.forget_connections();
    stream.forget_connections();
    assert_eq!(shards(&stream).await.shards.len(), 1);
}
