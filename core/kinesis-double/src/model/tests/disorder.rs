use super::*;

#[test]
fn a_put_record_is_readable_after_its_delay_and_in_order() {
    let mut kinesis = service(Settings { put_to_get_ms: (50, 500), ..Settings::default() }, 1);
    let mut next = iterator(&mut kinesis, T0, 0, &IteratorType::TrimHorizon);
    put(&mut kinesis, T0, "0");
    let page = kinesis.get_records(T0 + 49, &next, None).unwrap();
    assert_eq!((page.records.len(), page.millis_behind_latest), (0, 0), "unreadable is no lag");
    for i in 1..100 {
        put(&mut kinesis, T0 + i, &i.to_string());
    }
    let mut seen = Vec::new();
    for step in 0..700 {
        let page = kinesis.get_records(T0 + step, &next, None).unwrap();
        seen.extend(texts(&page));
        next = page.next_iterator.unwrap();
    }
    let wanted: Vec<_> = (0..100).map(|i| i.to_string()).collect();
    assert_eq!(seen, wanted);
}

#[test]
fn latest_skips_what_is_put_but_not_yet_readable() {
    let mut kinesis = service(Settings { put_to_get_ms: (100, 100), ..Settings::default() }, 1);
    put(&mut kinesis, T0, "a");
    let start = iterator(&mut kinesis, T0 + 1, 0, &IteratorType::Latest);
    assert!(drain(&mut kinesis, T0 + 200, start).is_empty());
}

#[test]
fn arrival_times_stray_within_the_jitter() {
    let mut kinesis = service(Settings { arrival_jitter_ms: 20, ..Settings::default() }, 1);
    for i in 0..200 {
        put(&mut kinesis, T0 + i, "x");
    }
    let start = iterator(&mut kinesis, T0 + 200, 0, &IteratorType::TrimHorizon);
    let page = kinesis.get_records(T0 + 200, &start, None).unwrap();
    let times: Vec<_> = page.records.iter().map(|r| r.arrival).collect();
    assert!(times.iter().zip(T0..).all(|(at, put)| at.abs_diff(put) <= 20));
    assert!(!times.is_sorted());
}

#[test]
fn duplicates_come_under_two_numbers() {
    let mut kinesis = service(Settings { duplicate_per_mille: 1000, ..Settings::default() }, 1);
    let ok = put(&mut kinesis, T0, "a");
    let start = iterator(&mut kinesis, T0, 0, &IteratorType::TrimHorizon);
    let page = kinesis.get_records(T0, &start, None).unwrap();
    assert_eq!(texts(&page), ["a", "a"]);
    assert!(big(&page.records[0].sequence_number) < big(&page.records[1].sequence_number));
    assert_eq!(page.records[1].sequence_number, ok.sequence_number);
    assert_eq!(kinesis.counters().records_written, 2);
}

#[test]
fn overlapping_pages_repeat_but_come_to_an_end() {
    let mut kinesis = service(Settings { overlap_per_mille: 1000, ..Settings::default() }, 1);
    for i in 0..10 {
        put(&mut kinesis, T0, &i.to_string());
    }
    let mut next = iterator(&mut kinesis, T0, 0, &IteratorType::TrimHorizon);
    let mut numbers = Vec::new();
    for _ in 0..12 {
        let page = kinesis.get_records(T0, &next, Some(4)).unwrap();
        numbers.extend(texts(&page));
        next = page.next_iterator.unwrap();
    }
    assert!(numbers.len() > 10, "{numbers:?}");
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 10);
}

#[test]
fn empty_pages_are_no_tip_and_lose_nothing() {
    let mut kinesis = service(Settings { empty_page_per_mille: 500, ..Settings::default() }, 1);
    for i in 0..20 {
        put(&mut kinesis, T0, &i.to_string());
    }
    let mut next = iterator(&mut kinesis, T0, 0, &IteratorType::TrimHorizon);
    let (mut read, mut empty) = (0, 0);
    while read < 20 {
        let page = kinesis.get_records(T0, &next, Some(1)).unwrap();
        read += page.records.len();
        empty += usize::from(page.records.is_empty());
        assert_eq!(page.millis_behind_latest == 0, read == 20);
        next = page.next_iterator.unwrap();
    }
    assert!(empty > 0);
}

#[test]
fn one_seed_tells_one_story() {
    let story = |seed| {
        let mut kinesis = Kinesis::new(Settings::realistic(), seed);
        kinesis.create_stream(T0, "s", 3).unwrap();
        let mut log = Vec::new();
        for step in 0..500_u64 {
            let now = T0 + step * 97;
            let data = step.to_string();
            let key = PutEntry { partition_key: data.clone(), ..entry(&data) };
            log.push(format!("{:?}", kinesis.put_records(now, "s", vec![key])));
            let kind = IteratorType::AtTimestamp(now - 1000);
            if let Ok(it) = kinesis.get_shard_iterator(now, "s", &shard(1), &kind) {
                log.push(format!("{:?}", kinesis.get_records(now, &it, Some(7))));
            }
        }
        log
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1), story(2));
}
