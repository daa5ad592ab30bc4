use super::*;

#[test]
fn each_iterator_type_starts_where_it_says() {
    let mut kinesis = plain(1);
    let first = put(&mut kinesis, T0 + 10, "a").sequence_number;
    put(&mut kinesis, T0 + 20, "b");
    let now = T0 + 30;
    let mut from = |kind: IteratorType| {
        let start = iterator(&mut kinesis, now, 0, &kind);
        drain(&mut kinesis, now, start)
    };
    assert_eq!(from(IteratorType::TrimHorizon), ["a", "b"]);
    assert!(from(IteratorType::Latest).is_empty());
    assert_eq!(from(IteratorType::AtTimestamp(0)), ["a", "b"]);
    assert_eq!(from(IteratorType::AtTimestamp(T0 + 10)), ["a", "b"]);
    assert_eq!(from(IteratorType::AtTimestamp(T0 + 11)), ["b"]);
    assert!(from(IteratorType::AtTimestamp(now)).is_empty());
    assert_eq!(from(IteratorType::AtSequenceNumber(first.clone())), ["a", "b"]);
    assert_eq!(from(IteratorType::AfterSequenceNumber(first)), ["b"]);
}

#[test]
fn a_timestamp_in_the_future_is_refused() {
    let mut kinesis = plain(1);
    let kind = IteratorType::AtTimestamp(T0 + 1);
    let refusal = kinesis.get_shard_iterator(T0, "s", &shard(0), &kind).unwrap_err();
    assert_eq!(refusal.code, code::INVALID_ARGUMENT);
}

#[test]
fn unknown_shards_iterators_and_limits_are_refused() {
    let mut kinesis = plain(1);
    let kind = IteratorType::Latest;
    for bad in ["shardId-000000000009", "shardId-9", "x"] {
        let refusal = kinesis.get_shard_iterator(T0, "s", bad, &kind).unwrap_err();
        assert_eq!(refusal.code, code::NOT_FOUND);
    }
    let good = iterator(&mut kinesis, T0, 0, &kind);
    let mut forged = good.clone();
    forged.replace_range(30..31, if &good[30..31] == "0" { "1" } else { "0" });
    for bad in ["", "nonsense", "AAAAAAAAAAEé", &good[1..], &forged] {
        let refusal = kinesis.get_records(T0, bad, None).unwrap_err();
        assert_eq!(refusal.code, code::INVALID_ARGUMENT, "{bad}");
    }
    for limit in [0, 10_001] {
        let refusal = kinesis.get_records(T0, &good, Some(limit)).unwrap_err();
        assert_eq!(refusal.code, code::VALIDATION);
    }
}

#[test]
fn an_iterator_may_be_used_again_until_it_expires() {
    let mut kinesis = plain(1);
    put(&mut kinesis, T0, "a");
    let start = iterator(&mut kinesis, T0, 0, &IteratorType::TrimHorizon);
    for at in [0, 1, 299_999] {
        assert_eq!(texts(&kinesis.get_records(T0 + at, &start, None).unwrap()), ["a"]);
    }
    let refusal = kinesis.get_records(T0 + 300_000, &start, None).unwrap_err();
    assert_eq!(refusal.code, code::EXPIRED_ITERATOR);
}

#[test]
fn all_iterators_expire_on_request() {
    let mut kinesis = plain(1);
    let old = iterator(&mut kinesis, T0, 0, &IteratorType::Latest);
    kinesis.expire_iterators();
    let new = iterator(&mut kinesis, T0, 0, &IteratorType::Latest);
    let refusal = kinesis.get_records(T0, &old, None).unwrap_err();
    assert_eq!(refusal.code, code::EXPIRED_ITERATOR);
    assert!(kinesis.get_records(T0, &new, None).is_ok());
}

#[test]
fn pages_obey_limit_and_bytes_and_only_the_last_is_the_tip() {
    let mut kinesis = service(Settings { page_limit_bytes: 10, ..Settings::default() }, 1);
    for data in ["aaaa", "bbbb", "cccc", "a long one, more than a page"] {
        put(&mut kinesis, T0, data);
    }
    let now = T0 + 100;
    let mut next = iterator(&mut kinesis, T0, 0, &IteratorType::TrimHorizon);
    let mut sizes = Vec::new();
    for limit in [Some(1), None, None, None] {
        let page = kinesis.get_records(now, &next, limit).unwrap();
        sizes.push((page.records.len(), page.millis_behind_latest));
        next = page.next_iterator.unwrap();
    }
    assert_eq!(sizes, [(1, 100), (2, 100), (1, 0), (0, 0)]);
}

#[test]
fn records_and_positions_past_the_retention_vanish() {
    let mut kinesis = plain(1);
    let first = put(&mut kinesis, T0, "a").sequence_number;
    put(&mut kinesis, T0 + 2 * HOUR, "b");
    let now = T0 + 25 * HOUR;
    let start = iterator(&mut kinesis, now, 0, &IteratorType::TrimHorizon);
    assert_eq!(drain(&mut kinesis, now, start), ["b"]);
    let early = iterator(&mut kinesis, now, 0, &IteratorType::AtTimestamp(T0));
    assert_eq!(drain(&mut kinesis, now, early), ["b"]);
    for kind in [IteratorType::AtSequenceNumber(first.clone()), IteratorType::AfterSequenceNumber(first)] {
        let refusal = kinesis.get_shard_iterator(now, "s", &shard(0), &kind).unwrap_err();
        assert_eq!(refusal.code, code::INVALID_ARGUMENT);
    }
}

#[test]
fn after_a_quiet_time_a_sequence_number_leads_through_empty_pages() {
    let mut kinesis = plain(1);
    let last = put(&mut kinesis, T0, "a").sequence_number;
    let now = T0 + HOUR;
    put(&mut kinesis, now, "b");
    let mut next = iterator(&mut kinesis, now, 0, &IteratorType::AfterSequenceNumber(last));
    let mut empty = 0;
    loop {
        let page = kinesis.get_records(now, &next, None).unwrap();
        next = page.next_iterator.clone().unwrap();
        if !page.records.is_empty() {
            assert_eq!((texts(&page), page.millis_behind_latest), (vec!["b".into()], 0));
            break;
        }
        assert!(page.millis_behind_latest > 0);
        empty += 1;
    }
    assert_eq!(empty, 5);
    let direct = iterator(&mut kinesis, now, 0, &IteratorType::AtTimestamp(T0 + 1));
    assert_eq!(texts(&kinesis.get_records(now, &direct, None).unwrap()), ["b"]);
}

#[test]
fn an_empty_shard_is_at_its_tip_at_once() {
    let mut kinesis = plain(1);
    let start = iterator(&mut kinesis, T0, 0, &IteratorType::TrimHorizon);
    let page = kinesis.get_records(T0, &start, None).unwrap();
    assert_eq!((page.records.len(), page.millis_behind_latest), (0, 0));
    let next = page.next_iterator.unwrap();
    put(&mut kinesis, T0 + 1, "a");
    assert_eq!(texts(&kinesis.get_records(T0 + 1, &next, None).unwrap()), ["a"]);
}
