use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use snowmelt_core::follower::{
    Body, CallErrorKind, IteratorStart, ListShards, RecordPage, SequenceNumber, ShardDescription,
};
use snowmelt_core::writer::{PutOutcome, PutRecord};

use super::*;

const START: u64 = 1_790_000_000_500;

/// A stream without latency answers at the first poll, without a runtime.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the embedded stream waited for something"),
    }
}

fn clocked(stream: MemoryStream) -> (MemoryStream, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(START));
    let clock = Arc::clone(&time);
    (stream.with_clock(Arc::new(move || clock.load(Ordering::Relaxed))), time)
}

fn put(stream: &MemoryStream, data: &[u8], hash_key: Option<u128>) -> (String, SequenceNumber) {
    let record = PutRecord { data: data.into(), partition_key: "k".into(), explicit_hash_key: hash_key };
    let answer = now_or_never(stream.put(Put { records: vec![record] })).unwrap();
    match answer.outcomes.into_iter().next() {
        Some(PutOutcome::Stored { shard, sequence_number }) => (shard, sequence_number),
        other => panic!("{other:?}"),
    }
}

fn shards(stream: &MemoryStream) -> Vec<ShardDescription> {
    match now_or_never(stream.call(Request::ListShards(ListShards::From(0)))).unwrap().body {
        Body::Shards(page) => page.shards,
        other => panic!("{other:?}"),
    }
}

fn iterator(stream: &MemoryStream, shard: &str, from: IteratorStart) -> Result<String, CallErrorKind> {
    let request = Request::ShardIterator { shard: shard.into(), from };
    match now_or_never(stream.call(request)) {
        Ok(Answer { body: Body::Iterator(iterator), .. }) => Ok(iterator),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.kind),
    }
}

fn read(stream: &MemoryStream, iterator: &str, limit: u32) -> Result<RecordPage, CallErrorKind> {
    let request = Request::Records { shard: String::new(), iterator: iterator.into(), limit };
    match now_or_never(stream.call(request)) {
        Ok(Answer { body: Body::Records(page), .. }) => Ok(page),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.kind),
    }
}

const FIRST: &str = "shardId-000000000000";

#[test]
fn names_are_shared_while_in_use() {
    let one = MemoryStream::named("shared");
    let two = MemoryStream::named("shared");
    let (_, number) = put(&one, b"a", None);
    let from = iterator(&two, FIRST, IteratorStart::TrimHorizon).unwrap();
    assert_eq!(read(&two, &from, 1).unwrap().records[0].sequence_number, number);
    assert_eq!(one.name(), "memory:shared");
    assert!(read(&MemoryStream::named("other"), &from, 1).is_err());
    assert_ne!(MemoryStream::new().name(), MemoryStream::new().name());

    let fingerprint = shards(&one)[0].starting_sequence_number.clone();
    assert_eq!(shards(&two)[0].starting_sequence_number, fingerprint);
    drop((one, two));
    let again = MemoryStream::named("shared");
    assert_ne!(shards(&again)[0].starting_sequence_number, fingerprint, "it was made anew");
    assert_eq!(read(&again, &from, 1), Err(CallErrorKind::Refused));
}

#[test]
fn another_number_of_shards_makes_the_stream_anew() {
    let stream = MemoryStream::named("reshaped").with_shards(2);
    let fingerprint = shards(&stream)[0].starting_sequence_number.clone();
    put(&stream, b"a", None);
    let stream = stream.with_shards(2);
    assert_eq!(shards(&stream)[0].starting_sequence_number, fingerprint);
    let stream = stream.with_shards(1);
    assert_ne!(shards(&stream)[0].starting_sequence_number, fingerprint);
    assert_eq!(stream.shared.state.lock().model.records(), 0);
}

#[tokio::test]
async fn latency_is_waited_for() {
    let stream = MemoryStream::new().with_latency(Duration::from_millis(20));
    let before = std::time::Instant::now();
    stream.call(Request::ListShards(ListShards::From(0))).await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(20));
}

#[test]
fn the_empty_name_is_shared_too() {
    let (one, two) = (MemoryStream::named(""), MemoryStream::named(""));
    let (_, number) = put(&one, b"a", None);
    let from = iterator(&two, FIRST, IteratorStart::TrimHorizon).unwrap();
    assert_eq!(read(&two, &from, 1).unwrap().records[0].sequence_number, number);
    assert_eq!(one.name(), "memory:");
}

#[test]
fn clock_and_limits_are_the_streams_own() {
    let (stream, time) = clocked(MemoryStream::new().with_limits(2, usize::MAX));
    for n in 0..3 {
        put(&stream, &[n], None);
    }
    assert_eq!(stream.shared.state.lock().model.records(), 2);
    let from = iterator(&stream, FIRST, IteratorStart::AtTimestamp(START));
    assert_eq!(from, Err(CallErrorKind::Refused), "a record of that time was dropped");
    time.fetch_add(700, Ordering::Relaxed);
    let from = iterator(&stream, FIRST, IteratorStart::AtTimestamp(START + 1)).unwrap();
    let page = read(&stream, &from, 10).unwrap();
    assert!(page.records.is_empty());
    let answer = now_or_never(stream.call(Request::ListShards(ListShards::From(0)))).unwrap();
    assert_eq!(answer.date, Some(START / 1000 * 1000 + 1000), "the clock's time, to the second");
}
