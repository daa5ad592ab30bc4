use super::*;

fn strict(shards: u32) -> Kinesis {
    service(Settings { enforce_quotas: true, ..Settings::default() }, shards)
}

#[test]
fn five_reads_a_second_a_shard() {
    let mut kinesis = strict(2);
    let one = iterator(&mut kinesis, T0, 0, &IteratorType::Latest);
    let two = iterator(&mut kinesis, T0, 1, &IteratorType::Latest);
    for _ in 0..5 {
        assert!(kinesis.get_records(T0, &one, None).is_ok());
    }
    assert_eq!(kinesis.get_records(T0, &one, None).unwrap_err().code, code::THROUGHPUT);
    assert!(kinesis.get_records(T0, &two, None).is_ok());
    assert!(kinesis.get_records(T0 + 199, &one, None).is_err());
    assert!(kinesis.get_records(T0 + 200, &one, None).is_ok());
    let reads = kinesis.counters().shard_reads("s", 0);
    assert_eq!(reads, ShardReads { accepted: 6, throttled: 2 });
    assert_eq!(kinesis.counters().stream_reads("s").len(), 2);
    let counted = kinesis.counters().get_records;
    assert_eq!(counted, OperationCount { calls: 9, throttled: 2, refused: 0 });
}

#[test]
fn five_iterators_a_second_a_shard() {
    let mut kinesis = strict(1);
    for _ in 0..5 {
        iterator(&mut kinesis, T0, 0, &IteratorType::Latest);
    }
    let kind = IteratorType::Latest;
    let refusal = kinesis.get_shard_iterator(T0, "s", &shard(0), &kind).unwrap_err();
    assert_eq!(refusal.code, code::THROUGHPUT);
    assert!(refusal.is_throttle());
}

#[test]
fn a_10_mb_answer_blocks_the_shard_for_5_seconds() {
    let mut kinesis = strict(1);
    let data = vec![0; 1024 * 1024 - 1];
    for second in 0..11 {
        let big = PutEntry { data: data.clone(), ..entry("") };
        kinesis.put_records(T0 + second * 1000, "s", vec![big]).unwrap().remove(0).unwrap();
    }
    let now = T0 + 20_000;
    let start = iterator(&mut kinesis, now, 0, &IteratorType::TrimHorizon);
    let page = kinesis.get_records(now, &start, None).unwrap();
    assert_eq!(page.records.len(), 10);
    let next = page.next_iterator.unwrap();
    let early = kinesis.get_records(now + 4990, &next, None).unwrap_err();
    assert_eq!(early.code, code::THROUGHPUT);
    assert_eq!(kinesis.get_records(now + 5000, &next, None).unwrap().records.len(), 1);
}

#[test]
fn small_answers_do_not_use_up_the_bytes() {
    let mut kinesis = strict(1);
    put(&mut kinesis, T0, "small");
    for round in 0..5 {
        let now = T0 + round * 1000;
        let start = iterator(&mut kinesis, now, 0, &IteratorType::TrimHorizon);
        for _ in 0..5 {
            assert!(kinesis.get_records(now, &start, None).is_ok());
        }
    }
}

#[test]
fn a_thousand_records_a_second_and_then_refusals_one_by_one() {
    let mut kinesis = strict(1);
    let outcomes: Vec<_> =
        (0..3).flat_map(|_| kinesis.put_records(T0, "s", vec![entry("x"); 500]).unwrap()).collect();
    let stored = outcomes.iter().filter(|o| o.is_ok()).count();
    assert_eq!((outcomes.len(), stored), (1500, 1000));
    assert_eq!(outcomes[1000].as_ref().unwrap_err().code, code::THROUGHPUT);
    assert_eq!(kinesis.counters().records_refused, 500);
}

#[test]
fn a_mebibyte_a_second_written() {
    let mut kinesis = strict(1);
    let half = || PutEntry { data: vec![0; 512 * 1024 - 1], ..entry("") };
    let outcomes = kinesis.put_records(T0, "s", vec![half(), half(), half()]).unwrap();
    let stored: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(stored, [true, true, false]);
    assert!(kinesis.put_records(T0 + 500, "s", vec![half()]).unwrap()[0].is_ok());
}

#[test]
fn a_thousand_listings_a_second() {
    let mut kinesis = strict(1);
    let input = ListShardsInput::from_timestamp("s", T0);
    for _ in 0..1000 {
        kinesis.list_shards(T0, &input).unwrap();
    }
    assert_eq!(kinesis.list_shards(T0, &input).unwrap_err().code, code::LIMIT);
    assert_eq!(kinesis.counters().list_shards.throttled, 1);
}
