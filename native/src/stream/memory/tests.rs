use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

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

fn data(page: &RecordPage) -> Vec<&[u8]> {
    page.records.iter().map(|record| record.data.as_slice()).collect()
}

const FIRST: &str = "shardId-000000000000";

#[test]
fn what_is_put_is_read_in_order_and_page_by_page() {
    let (stream, time) = clocked(MemoryStream::new());
    let from = iterator(&stream, FIRST, IteratorStart::AtTimestamp(START)).unwrap();
    let numbers: Vec<_> = [b"a", b"b", b"c"].map(|data| put(&stream, data, None).1).into();
    assert!(numbers.is_sorted(), "sequence numbers grow");
    time.fetch_add(700, Ordering::Relaxed);

    let page = read(&stream, &from, 2).unwrap();
    assert_eq!(data(&page), [b"a", b"b"]);
    assert_eq!(page.millis_behind_latest, 700);
    assert_eq!(page.records[0].sequence_number, numbers[0]);
    assert_eq!(page.records[0].arrival, START);

    let page = read(&stream, &page.next_iterator.unwrap(), 2).unwrap();
    assert_eq!((data(&page), page.millis_behind_latest), (vec![b"c".as_slice()], 0));
    let tip = page.next_iterator.unwrap();
    assert!(read(&stream, &tip, 2).unwrap().records.is_empty());
    put(&stream, b"d", None);
    assert_eq!(data(&read(&stream, &tip, 2).unwrap()), [b"d"], "an iterator can be used again");
}

#[test]
fn the_page_before_the_tip_is_behind_even_within_one_millisecond() {
    let (stream, _) = clocked(MemoryStream::new());
    put(&stream, b"a", None);
    put(&stream, b"b", None);
    let from = iterator(&stream, FIRST, IteratorStart::TrimHorizon).unwrap();
    assert_eq!(read(&stream, &from, 1).unwrap().millis_behind_latest, 1);
}

#[test]
fn iterators_start_where_they_are_told() {
    let (stream, time) = clocked(MemoryStream::new());
    put(&stream, b"old", None);
    time.store(START + 10, Ordering::Relaxed);
    put(&stream, b"new", None);
    let at = |from| data(&read(&stream, &iterator(&stream, FIRST, from).unwrap(), 10).unwrap()).len();
    assert_eq!(at(IteratorStart::TrimHorizon), 2);
    assert_eq!(at(IteratorStart::AtTimestamp(START)), 2);
    assert_eq!(at(IteratorStart::AtTimestamp(START + 1)), 1);
    assert_eq!(at(IteratorStart::AtTimestamp(START + 10)), 1);
    time.store(START + 20, Ordering::Relaxed);
    assert_eq!(at(IteratorStart::AtTimestamp(START + 11)), 0);
    let future = iterator(&stream, FIRST, IteratorStart::AtTimestamp(START + 21));
    assert_eq!(future, Err(CallErrorKind::Refused));
    assert_eq!(
        iterator(&stream, "shardId-000000000001", IteratorStart::TrimHorizon),
        Err(CallErrorKind::NotFound)
    );
}

#[test]
fn shards_divide_the_hash_keys_among_them() {
    for count in [1, 2, 3, 7] {
        let stream = MemoryStream::new().with_shards(count);
        let shards = shards(&stream);
        assert_eq!(shards.len(), count);
        assert_eq!((shards[0].hash_keys.start, shards[count - 1].hash_keys.end), (0, u128::MAX));
        for pair in shards.windows(2) {
            assert_eq!(pair[0].hash_keys.end + 1, pair[1].hash_keys.start);
        }
        for shard in &shards {
            assert_eq!(put(&stream, b"x", Some(shard.hash_keys.start)).0, shard.id);
            assert_eq!(put(&stream, b"x", Some(shard.hash_keys.end)).0, shard.id);
        }
    }
}

#[test]
fn partition_keys_reach_every_shard() {
    let stream = MemoryStream::new().with_shards(4);
    let records =
        (0..200).map(|n| PutRecord { data: vec![], partition_key: n.to_string(), explicit_hash_key: None });
    let answer = now_or_never(stream.put(Put { records: records.collect() })).unwrap();
    for shard in shards(&stream) {
        let hit = answer
            .outcomes
            .iter()
            .any(|o| matches!(o, PutOutcome::Stored { shard: s, .. } if *s == shard.id));
        assert!(hit, "{}", shard.id);
    }
}

#[test]
fn an_iterator_expires_after_five_minutes() {
    let (stream, time) = clocked(MemoryStream::new());
    let from = iterator(&stream, FIRST, IteratorStart::TrimHorizon).unwrap();
    time.fetch_add(ITERATOR_LIFE, Ordering::Relaxed);
    assert!(read(&stream, &from, 1).is_ok());
    time.fetch_add(1, Ordering::Relaxed);
    assert_eq!(read(&stream, &from, 1), Err(CallErrorKind::Expired));
}

#[test]
fn records_are_gone_after_the_retention_and_nobody_is_refused_for_it() {
    let (stream, time) = clocked(MemoryStream::new());
    put(&stream, b"a", None);
    time.fetch_add(RETENTION, Ordering::Relaxed);
    let from = iterator(&stream, FIRST, IteratorStart::AtTimestamp(START)).unwrap();
    assert_eq!(read(&stream, &from, 1).unwrap().records.len(), 1);
    time.fetch_add(1, Ordering::Relaxed);
    assert!(read(&stream, &from, 1).unwrap().records.is_empty());
}

#[test]
fn a_full_stream_refuses_only_those_who_missed_something() {
    let (stream, time) = clocked(MemoryStream::new().with_limits(3, usize::MAX));
    put(&stream, b"0", None);
    let behind = iterator(&stream, FIRST, IteratorStart::AtTimestamp(START)).unwrap();
    let caught_up = read(&stream, &behind, 10).unwrap().next_iterator.unwrap();
    for n in 1..=3 {
        time.fetch_add(10, Ordering::Relaxed);
        put(&stream, &[n], None);
    }
    assert_eq!(read(&stream, &behind, 10), Err(CallErrorKind::Refused));
    assert_eq!(iterator(&stream, FIRST, IteratorStart::AtTimestamp(START)), Err(CallErrorKind::Refused));
    assert_eq!(data(&read(&stream, &caught_up, 10).unwrap()), [[1], [2], [3]]);
    assert!(iterator(&stream, FIRST, IteratorStart::AtTimestamp(START + 1)).is_ok());
    assert_eq!(shards(&stream).len(), 1);
}

#[test]
fn memory_is_bounded_in_bytes_too() {
    let stream = MemoryStream::new().with_shards(2).with_limits(usize::MAX, 10_000);
    for n in 0..100 {
        put(&stream, &[0; 1000], Some(if n % 2 == 0 { 0 } else { u128::MAX }));
    }
    let state = stream.shared.state.lock();
    assert!(state.bytes <= 10_000 && state.records >= 8, "{} bytes", state.bytes);
    let stored = state.shards.iter().flat_map(|shard| &shard.records);
    assert_eq!((state.records, state.bytes), stored.fold((0, 0), |(n, b), r| (n + 1, b + r.bytes())));
}

#[test]
fn a_page_is_bounded_in_bytes() {
    let (stream, _) = clocked(MemoryStream::new());
    for _ in 0..12 {
        put(&stream, &vec![0; RECORD_BYTES - 1], None);
    }
    let from = iterator(&stream, FIRST, IteratorStart::TrimHorizon).unwrap();
    let page = read(&stream, &from, 10_000).unwrap();
    assert_eq!(page.records.len(), 9);
    assert!(page.millis_behind_latest > 0);
    let rest = read(&stream, &page.next_iterator.unwrap(), 10_000).unwrap();
    assert_eq!((rest.records.len(), rest.millis_behind_latest), (3, 0));
}

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
    assert_eq!(stream.shared.state.lock().records, 0);
}

#[test]
fn puts_have_kinesis_limits() {
    let stream = MemoryStream::new();
    let record = |size, key: &str| PutRecord {
        data: vec![0; size],
        partition_key: key.into(),
        explicit_hash_key: None,
    };
    let refused =
        |records| now_or_never(stream.put(Put { records })).unwrap_err().kind == CallErrorKind::Refused;
    assert!(refused(vec![]));
    assert!(refused(vec![record(0, "k"); 501]));
    assert!(refused(vec![record(RECORD_BYTES, "k")]));
    assert!(refused(vec![record(RECORD_BYTES - 1, "k"); 6]));
    assert!(refused(vec![record(0, "")]));
    assert!(refused(vec![record(0, &"k".repeat(257))]));
    assert!(
        !now_or_never(stream.put(Put { records: vec![record(0, "k"); 500] })).unwrap().outcomes.is_empty()
    );
}

#[test]
fn answers_and_errors_are_dated_to_the_second() {
    let (stream, _) = clocked(MemoryStream::new());
    let answer = now_or_never(stream.call(Request::ListShards(ListShards::From(0)))).unwrap();
    assert_eq!(answer.date, Some(START - 500));
    let error = now_or_never(stream.call(Request::ListShards(ListShards::Next("x".into())))).unwrap_err();
    assert_eq!((error.date, error.kind), (Some(START - 500), CallErrorKind::Refused));
}

#[test]
fn a_clock_that_goes_back_hides_no_record() {
    let (stream, time) = clocked(MemoryStream::new());
    put(&stream, b"a", None);
    time.store(START - 5000, Ordering::Relaxed);
    put(&stream, b"b", None);
    let from = iterator(&stream, FIRST, IteratorStart::AtTimestamp(START - 5000)).unwrap();
    assert_eq!(data(&read(&stream, &from, 10).unwrap()), [b"a", b"b"]);
}

#[tokio::test]
async fn latency_is_waited_for() {
    let stream = MemoryStream::new().with_latency(Duration::from_millis(20));
    let before = std::time::Instant::now();
    stream.call(Request::ListShards(ListShards::From(0))).await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(20));
}
