use std::cell::{Cell, RefCell};
use std::string::ToString;
use std::vec;

use super::*;

const START: u64 = 1_790_000_000_500;
const FIRST: &str = "shardId-000000000000";

/// The model with a time of its own.
struct Stream {
    model: RefCell<MemoryModel>,
    now: Cell<u64>,
}

impl Stream {
    fn new(shards: usize) -> Self {
        let model = MemoryModel::new(MemoryModel::incarnation(START, 0), shards);
        Self { model: RefCell::new(model), now: Cell::new(START) }
    }

    fn pass(&self, millis: u64) {
        self.now.set(self.now.get() + millis);
    }

    fn call(&self, request: &Request) -> Result<Answer, CallError> {
        self.model.borrow_mut().call(request, self.now.get())
    }

    fn puts(&self, put: Put) -> Result<PutAnswer, CallError> {
        self.model.borrow_mut().put(put, self.now.get())
    }

    fn put(&self, data: &[u8], hash_key: Option<u128>) -> (String, SequenceNumber) {
        let record = PutRecord { data: data.into(), partition_key: "k".into(), explicit_hash_key: hash_key };
        let answer = self.puts(Put { records: vec![record] }).unwrap();
        match answer.outcomes.into_iter().next() {
            Some(PutOutcome::Stored { shard, sequence_number }) => (shard, sequence_number),
            other => panic!("{other:?}"),
        }
    }

    fn shards(&self) -> Vec<ShardDescription> {
        match self.call(&Request::ListShards(ListShards::From(0))).unwrap().body {
            Body::Shards(page) => page.shards,
            other => panic!("{other:?}"),
        }
    }

    fn iterator(&self, shard: &str, from: IteratorStart) -> Result<String, CallErrorKind> {
        match self.call(&Request::ShardIterator { shard: shard.into(), from }) {
            Ok(Answer { body: Body::Iterator(iterator), .. }) => Ok(iterator),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.kind),
        }
    }

    fn read(&self, iterator: &str, limit: u32) -> Result<RecordPage, CallErrorKind> {
        match self.call(&Request::Records { shard: String::new(), iterator: iterator.into(), limit }) {
            Ok(Answer { body: Body::Records(page), .. }) => Ok(page),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.kind),
        }
    }
}

fn data(page: &RecordPage) -> Vec<&[u8]> {
    page.records.iter().map(|record| record.data.as_slice()).collect()
}

#[test]
fn what_is_put_is_read_in_order_and_page_by_page() {
    let stream = Stream::new(1);
    let from = stream.iterator(FIRST, IteratorStart::AtTimestamp(START)).unwrap();
    let numbers: Vec<_> = [b"a", b"b", b"c"].map(|data| stream.put(data, None).1).into();
    assert!(numbers.is_sorted(), "sequence numbers grow");
    stream.pass(700);

    let page = stream.read(&from, 2).unwrap();
    assert_eq!(data(&page), [b"a", b"b"]);
    assert_eq!(page.millis_behind_latest, 700);
    assert_eq!(page.records[0].sequence_number, numbers[0]);
    assert_eq!(page.records[0].arrival, START);

    let page = stream.read(&page.next_iterator.unwrap(), 2).unwrap();
    assert_eq!((data(&page), page.millis_behind_latest), (vec![b"c".as_slice()], 0));
    let tip = page.next_iterator.unwrap();
    assert!(stream.read(&tip, 2).unwrap().records.is_empty());
    stream.put(b"d", None);
    assert_eq!(data(&stream.read(&tip, 2).unwrap()), [b"d"], "an iterator can be used again");
}

#[test]
fn the_page_before_the_tip_is_behind_even_within_one_millisecond() {
    let stream = Stream::new(1);
    stream.put(b"a", None);
    stream.put(b"b", None);
    let from = stream.iterator(FIRST, IteratorStart::TrimHorizon).unwrap();
    assert_eq!(stream.read(&from, 1).unwrap().millis_behind_latest, 1);
}

#[test]
fn iterators_start_where_they_are_told() {
    let stream = Stream::new(1);
    stream.put(b"old", None);
    stream.now.set(START + 10);
    stream.put(b"new", None);
    let at = |from| data(&stream.read(&stream.iterator(FIRST, from).unwrap(), 10).unwrap()).len();
    assert_eq!(at(IteratorStart::TrimHorizon), 2);
    assert_eq!(at(IteratorStart::AtTimestamp(START)), 2);
    assert_eq!(at(IteratorStart::AtTimestamp(START + 1)), 1);
    assert_eq!(at(IteratorStart::AtTimestamp(START + 10)), 1);
    stream.now.set(START + 20);
    assert_eq!(at(IteratorStart::AtTimestamp(START + 11)), 0);
    let future = stream.iterator(FIRST, IteratorStart::AtTimestamp(START + 21));
    assert_eq!(future, Err(CallErrorKind::Refused));
    assert_eq!(
        stream.iterator("shardId-000000000001", IteratorStart::TrimHorizon),
        Err(CallErrorKind::NotFound)
    );
}

#[test]
fn shards_divide_the_hash_keys_among_them() {
    for count in [1, 2, 3, 7] {
        let stream = Stream::new(count);
        let shards = stream.shards();
        assert_eq!(shards.len(), count);
        assert_eq!((shards[0].hash_keys.start, shards[count - 1].hash_keys.end), (0, u128::MAX));
        for pair in shards.windows(2) {
            assert_eq!(pair[0].hash_keys.end + 1, pair[1].hash_keys.start);
        }
        for shard in &shards {
            assert_eq!(stream.put(b"x", Some(shard.hash_keys.start)).0, shard.id);
            assert_eq!(stream.put(b"x", Some(shard.hash_keys.end)).0, shard.id);
        }
    }
}

#[test]
fn partition_keys_reach_every_shard() {
    let stream = Stream::new(4);
    let records =
        (0..200).map(|n| PutRecord { data: vec![], partition_key: n.to_string(), explicit_hash_key: None });
    let answer = stream.puts(Put { records: records.collect() }).unwrap();
    for shard in stream.shards() {
        let hit = answer
            .outcomes
            .iter()
            .any(|o| matches!(o, PutOutcome::Stored { shard: s, .. } if *s == shard.id));
        assert!(hit, "{}", shard.id);
    }
}

#[test]
fn an_iterator_expires_after_five_minutes() {
    let stream = Stream::new(1);
    let from = stream.iterator(FIRST, IteratorStart::TrimHorizon).unwrap();
    stream.pass(ITERATOR_LIFE);
    assert!(stream.read(&from, 1).is_ok());
    stream.pass(1);
    assert_eq!(stream.read(&from, 1), Err(CallErrorKind::Expired));
}

#[test]
fn records_are_gone_after_the_retention_and_nobody_is_refused_for_it() {
    let stream = Stream::new(1);
    stream.put(b"a", None);
    stream.pass(RETENTION);
    let from = stream.iterator(FIRST, IteratorStart::AtTimestamp(START)).unwrap();
    assert_eq!(stream.read(&from, 1).unwrap().records.len(), 1);
    stream.pass(1);
    assert!(stream.read(&from, 1).unwrap().records.is_empty());
}

#[test]
fn a_full_stream_refuses_only_those_who_missed_something() {
    let stream = Stream::new(1);
    stream.model.borrow_mut().limit(3, usize::MAX, START);
    stream.put(b"0", None);
    let behind = stream.iterator(FIRST, IteratorStart::AtTimestamp(START)).unwrap();
    let caught_up = stream.read(&behind, 10).unwrap().next_iterator.unwrap();
    for n in 1..=3 {
        stream.pass(10);
        stream.put(&[n], None);
    }
    assert_eq!(stream.read(&behind, 10), Err(CallErrorKind::Refused));
    assert_eq!(stream.iterator(FIRST, IteratorStart::AtTimestamp(START)), Err(CallErrorKind::Refused));
    assert_eq!(data(&stream.read(&caught_up, 10).unwrap()), [[1], [2], [3]]);
    assert!(stream.iterator(FIRST, IteratorStart::AtTimestamp(START + 1)).is_ok());
    assert_eq!(stream.shards().len(), 1);
}

#[test]
fn memory_is_bounded_in_bytes_too() {
    let stream = Stream::new(2);
    stream.model.borrow_mut().limit(usize::MAX, 10_000, START);
    for n in 0..100 {
        stream.put(&[0; 1000], Some(if n % 2 == 0 { 0 } else { u128::MAX }));
    }
    let state = stream.model.borrow();
    assert!(state.bytes <= 10_000 && state.records >= 8, "{} bytes", state.bytes);
    let stored = state.shards.iter().flat_map(|shard| &shard.records);
    assert_eq!((state.records, state.bytes), stored.fold((0, 0), |(n, b), r| (n + 1, b + r.bytes())));
}

#[test]
fn a_page_is_bounded_in_bytes() {
    let stream = Stream::new(1);
    for _ in 0..12 {
        stream.put(&vec![0; RECORD_BYTES - 1], None);
    }
    let from = stream.iterator(FIRST, IteratorStart::TrimHorizon).unwrap();
    let page = stream.read(&from, 10_000).unwrap();
    assert_eq!(page.records.len(), 9);
    assert!(page.millis_behind_latest > 0);
    let rest = stream.read(&page.next_iterator.unwrap(), 10_000).unwrap();
    assert_eq!((rest.records.len(), rest.millis_behind_latest), (3, 0));
}

#[test]
fn puts_have_kinesis_limits() {
    let stream = Stream::new(1);
    let record = |size, key: &str| PutRecord {
        data: vec![0; size],
        partition_key: key.into(),
        explicit_hash_key: None,
    };
    let refused = |records| stream.puts(Put { records }).unwrap_err().kind == CallErrorKind::Refused;
    assert!(refused(vec![]));
    assert!(refused(vec![record(0, "k"); 501]));
    assert!(refused(vec![record(RECORD_BYTES, "k")]));
    assert!(refused(vec![record(RECORD_BYTES - 1, "k"); 6]));
    assert!(refused(vec![record(0, "")]));
    assert!(refused(vec![record(0, &"k".repeat(257))]));
    assert!(!stream.puts(Put { records: vec![record(0, "k"); 500] }).unwrap().outcomes.is_empty());
}

#[test]
fn answers_and_errors_are_dated_to_the_second() {
    let stream = Stream::new(1);
    let answer = stream.call(&Request::ListShards(ListShards::From(0))).unwrap();
    assert_eq!(answer.date, Some(START - 500));
    let error = stream.call(&Request::ListShards(ListShards::Next("x".into()))).unwrap_err();
    assert_eq!((error.date, error.kind), (Some(START - 500), CallErrorKind::Refused));
}

#[test]
fn a_clock_that_goes_back_hides_no_record() {
    let stream = Stream::new(1);
    stream.put(b"a", None);
    stream.now.set(START - 5000);
    stream.put(b"b", None);
    let from = stream.iterator(FIRST, IteratorStart::AtTimestamp(START - 5000)).unwrap();
    assert_eq!(data(&stream.read(&from, 10).unwrap()), [b"a", b"b"]);
}

#[test]
fn another_number_of_shards_makes_the_stream_anew() {
    let stream = Stream::new(2);
    let fingerprint = stream.shards()[0].starting_sequence_number.clone();
    stream.put(b"a", None);
    let old = stream.iterator(FIRST, IteratorStart::TrimHorizon).unwrap();
    stream.model.borrow_mut().reshape(2, MemoryModel::incarnation(START, 1));
    assert_eq!(stream.shards()[0].starting_sequence_number, fingerprint);
    stream.model.borrow_mut().reshape(0, MemoryModel::incarnation(START, 1));
    assert_eq!(stream.shards().len(), 1);
    assert_ne!(stream.shards()[0].starting_sequence_number, fingerprint);
    assert_eq!((stream.model.borrow().records(), stream.model.borrow().bytes()), (0, 0));
    assert_eq!(stream.read(&old, 1), Err(CallErrorKind::Refused));
}

#[test]
fn incarnations_leave_room_for_records_and_differ() {
    let first = MemoryModel::incarnation(START, 0);
    assert_eq!(first & RECORD_NUMBERS, 0);
    assert!(first < MemoryModel::incarnation(START, 1));
    assert!(MemoryModel::incarnation(START, u64::MAX) < MemoryModel::incarnation(START + 1, 0));
    // Whatever a host gives for one, and however it calls.
    let stream = Stream { model: RefCell::new(MemoryModel::new(u128::MAX, 0)), now: Cell::new(u64::MAX) };
    assert!(stream.put(b"a", None).1 < stream.put(b"b", None).1);
    assert_eq!(stream.shards().len(), 1);
}

#[test]
fn an_iterator_that_is_none_is_refused() {
    let stream = Stream::new(1);
    let good = stream.iterator(FIRST, IteratorStart::TrimHorizon).unwrap();
    let shard = good.replacen(":0:", ":7:", 1);
    for text in ["", ":::", "1:2:3:4", "a", &shard, &(good.clone() + ":1"), &good[..good.len() / 2]] {
        assert_eq!(stream.read(text, 1), Err(CallErrorKind::Refused), "{text}");
    }
}
