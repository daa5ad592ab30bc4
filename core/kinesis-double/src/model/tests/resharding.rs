use super::*;

fn all_shards(kinesis: &mut Kinesis, now: u64) -> Vec<ShardDescription> {
    let input = ListShardsInput { stream: Some("s".into()), ..Default::default() };
    kinesis.list_shards(now, &input).unwrap().shards
}

#[test]
fn a_split_shard_ends_with_its_children_named() {
    let mut kinesis = plain(1);
    put(&mut kinesis, T0, "a");
    let middle = 1 << 127;
    kinesis.split_shard(T0 + 10, "s", &shard(0), middle).unwrap();
    put(&mut kinesis, T0 + 20, "b");
    let start = iterator(&mut kinesis, T0 + 30, 0, &IteratorType::TrimHorizon);
    let page = kinesis.get_records(T0 + 30, &start, None).unwrap();
    assert_eq!((texts(&page), page.millis_behind_latest), (vec!["a".into()], 0));
    assert_eq!(page.next_iterator, None);
    let parents = vec![shard(0)];
    let children = [
        ChildShard { id: shard(1), parents: parents.clone(), range: HashRange { start: 0, end: middle - 1 } },
        ChildShard { id: shard(2), parents, range: HashRange { start: middle, end: u128::MAX } },
    ];
    assert_eq!(page.child_shards, children);
    let child = iterator(&mut kinesis, T0 + 30, 2, &IteratorType::TrimHorizon);
    assert_eq!(drain(&mut kinesis, T0 + 30, child), ["b"]);
}

#[test]
fn a_closed_shard_has_an_ending_number_and_its_children_greater_ones() {
    let mut kinesis = plain(1);
    let last = put(&mut kinesis, T0, "a").sequence_number;
    kinesis.split_shard(T0, "s", &shard(0), 5).unwrap();
    let shards = all_shards(&mut kinesis, T0);
    let end = big(shards[0].ending_sequence_number.as_ref().unwrap());
    assert!(big(&shards[0].starting_sequence_number) < big(&last));
    assert!(big(&last) < end);
    for child in &shards[1..] {
        assert!(end < big(&child.starting_sequence_number));
        assert_eq!(child.parent, Some(shard(0)));
        assert_eq!(child.ending_sequence_number, None);
    }
}

#[test]
fn both_parents_of_a_merge_name_the_child() {
    let mut kinesis = plain(2);
    kinesis.merge_shards(T0, "s", &shard(1), &shard(0)).unwrap();
    for parent in [0, 1] {
        let start = iterator(&mut kinesis, T0, parent, &IteratorType::Latest);
        let page = kinesis.get_records(T0, &start, None).unwrap();
        assert_eq!(page.next_iterator, None);
        assert_eq!(page.child_shards.len(), 1);
        assert_eq!(page.child_shards[0].parents, [shard(1), shard(0)]);
        assert_eq!(page.child_shards[0].range, HashRange { start: 0, end: u128::MAX });
    }
    let child = all_shards(&mut kinesis, T0).remove(2);
    assert_eq!((child.parent, child.adjacent_parent), (Some(shard(1)), Some(shard(0))));
}

#[test]
fn impossible_reshardings_are_refused() {
    let mut kinesis = plain(3);
    let refused = |outcome: Result<(), Fault>, wanted| {
        assert_eq!(outcome.unwrap_err().code, wanted);
    };
    refused(kinesis.split_shard(T0, "s", &shard(0), 0), code::INVALID_ARGUMENT);
    refused(kinesis.split_shard(T0, "s", &shard(0), u128::MAX), code::INVALID_ARGUMENT);
    refused(kinesis.split_shard(T0, "s", &shard(7), 1), code::NOT_FOUND);
    refused(kinesis.merge_shards(T0, "s", &shard(0), &shard(2)), code::INVALID_ARGUMENT);
    refused(kinesis.merge_shards(T0, "s", &shard(0), &shard(0)), code::INVALID_ARGUMENT);
    refused(kinesis.update_shard_count(T0, "s", 7), code::INVALID_ARGUMENT);
    refused(kinesis.update_shard_count(T0, "s", 1), code::INVALID_ARGUMENT);
    kinesis.split_shard(T0, "s", &shard(0), 9).unwrap();
    refused(kinesis.split_shard(T0, "s", &shard(0), 9), code::INVALID_ARGUMENT);
}

/// All data of these shards and their descendants, found by `ChildShards` alone.
fn lineage(kinesis: &mut Kinesis, mut todo: Vec<String>) -> Vec<String> {
    let (mut seen, mut got) = (Vec::new(), Vec::new());
    while let Some(id) = todo.pop() {
        if seen.contains(&id) {
            continue;
        }
        let start = kinesis.get_shard_iterator(T0, "s", &id, &IteratorType::TrimHorizon).unwrap();
        let page = kinesis.get_records(T0, &start, None).unwrap();
        got.extend(texts(&page));
        todo.extend(page.child_shards.into_iter().map(|c| c.id));
        seen.push(id);
    }
    got
}

#[test]
fn update_shard_count_ends_uniform_and_loses_nothing() {
    let mut kinesis = plain(4);
    let mut wanted = Vec::new();
    for (round, target) in [(0_u64, 6), (1, 3), (2, 5), (3, 4)] {
        for i in 0..20_u64 {
            let data = (round * 20 + i).to_string();
            let record = PutEntry { partition_key: data.clone(), ..entry(&data) };
            kinesis.put_records(T0, "s", vec![record]).unwrap();
            wanted.push(data);
        }
        kinesis.update_shard_count(T0, "s", target).unwrap();
        let open: Vec<_> = all_shards(&mut kinesis, T0)
            .into_iter()
            .filter(|s| s.ending_sequence_number.is_none())
            .map(|s| s.range.start)
            .collect();
        assert_eq!(open.len(), target as usize);
        assert!((0..target).all(|i| open.contains(&super::hash::uniform_start(i, target))));
    }
    let mut got = lineage(&mut kinesis, (0..4).map(shard).collect());
    got.sort_by_key(|d| d.parse::<u64>().unwrap());
    assert_eq!(got, wanted);
}

#[test]
fn a_closed_shard_is_gone_after_the_retention() {
    let mut kinesis = plain(1);
    kinesis.split_shard(T0, "s", &shard(0), 5).unwrap();
    let edge = T0 + 24 * HOUR;
    assert_eq!(all_shards(&mut kinesis, edge).len(), 3);
    let before = iterator(&mut kinesis, edge, 0, &IteratorType::TrimHorizon);
    let now = edge + 1;
    assert_eq!(all_shards(&mut kinesis, now).len(), 2);
    let kind = IteratorType::TrimHorizon;
    let refusal = kinesis.get_shard_iterator(now, "s", &shard(0), &kind).unwrap_err();
    assert_eq!(refusal.code, code::NOT_FOUND);
    assert_eq!(kinesis.get_records(now, &before, None).unwrap_err().code, code::NOT_FOUND);
}

#[test]
fn the_last_page_may_be_an_empty_one() {
    let mut kinesis = service(Settings { closing_page_per_mille: 1000, ..Settings::default() }, 1);
    put(&mut kinesis, T0, "a");
    kinesis.split_shard(T0, "s", &shard(0), 5).unwrap();
    let start = iterator(&mut kinesis, T0, 0, &IteratorType::TrimHorizon);
    let page = kinesis.get_records(T0, &start, None).unwrap();
    assert_eq!((page.records.len(), page.child_shards.len()), (1, 0));
    let last = kinesis.get_records(T0, &page.next_iterator.unwrap(), None).unwrap();
    assert_eq!((last.records.len(), last.child_shards.len()), (0, 2));
    assert_eq!(last.next_iterator, None);
}
