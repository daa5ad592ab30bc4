use super::*;

fn list(kinesis: &mut Kinesis, now: u64, filter: ShardFilter) -> Vec<String> {
    let input = ListShardsInput { stream: Some("s".into()), filter, ..Default::default() };
    kinesis.list_shards(now, &input).unwrap().shards.into_iter().map(|s| s.id).collect()
}

#[test]
fn filters_choose_by_life_time() {
    let mut kinesis = plain(1);
    kinesis.split_shard(T0 + 1000, "s", &shard(0), 1 << 127).unwrap();
    let now = T0 + 2000;
    let all = [shard(0), shard(1), shard(2)];
    assert_eq!(list(&mut kinesis, now, ShardFilter::FromTrimHorizon), all);
    assert_eq!(list(&mut kinesis, now, ShardFilter::AtTrimHorizon), all[..1]);
    assert_eq!(list(&mut kinesis, now, ShardFilter::AtLatest), all[1..]);
    assert_eq!(list(&mut kinesis, now, ShardFilter::AtTimestamp(T0 + 500)), all[..1]);
    assert_eq!(list(&mut kinesis, now, ShardFilter::FromTimestamp(T0 + 500)), all);
    assert_eq!(list(&mut kinesis, now, ShardFilter::FromTimestamp(T0 + 1001)), all[1..]);
    assert_eq!(list(&mut kinesis, now, ShardFilter::AfterShard(1)), all[2..]);
    let future = ListShardsInput::from_timestamp("s", now + 1);
    assert_eq!(kinesis.list_shards(now, &future).unwrap_err().code, code::INVALID_ARGUMENT);
}

#[test]
fn pages_go_on_by_token_until_it_expires() {
    let mut kinesis = plain(5);
    let mut input = ListShardsInput { max_results: Some(2), ..ListShardsInput::from_timestamp("s", T0) };
    let mut ids = Vec::new();
    loop {
        let page = kinesis.list_shards(T0, &input).unwrap();
        ids.extend(page.shards.into_iter().map(|s| s.id));
        let Some(token) = page.next_token else { break };
        let expired = kinesis.list_shards(T0 + 300_000, &ListShardsInput::next(&token));
        assert_eq!(expired.unwrap_err().code, code::EXPIRED_TOKEN);
        input = ListShardsInput { max_results: Some(2), ..ListShardsInput::next(&token) };
    }
    assert_eq!(ids, (0..5).map(shard).collect::<Vec<_>>());
}

#[test]
fn stream_and_token_exclude_each_other() {
    let mut kinesis = plain(2);
    let both = ListShardsInput { stream: Some("s".into()), ..ListShardsInput::next("x") };
    for bad in [both, ListShardsInput::default(), ListShardsInput::next("x")] {
        assert_eq!(kinesis.list_shards(T0, &bad).unwrap_err().code, code::INVALID_ARGUMENT);
    }
    let nowhere = ListShardsInput::from_timestamp("none", T0);
    assert_eq!(kinesis.list_shards(T0, &nowhere).unwrap_err().code, code::NOT_FOUND);
}

#[test]
fn uniform_ranges_cover_all_hash_keys() {
    for count in [1, 2, 3, 7, 100] {
        let mut kinesis = plain(count);
        let input = ListShardsInput::from_timestamp("s", T0);
        let shards = kinesis.list_shards(T0, &input).unwrap().shards;
        assert_eq!(shards[0].range.start, 0);
        assert_eq!(shards.last().unwrap().range.end, u128::MAX);
        assert!(shards.windows(2).all(|p| p[0].range.end + 1 == p[1].range.start));
    }
    let mut kinesis = plain(3);
    let input = ListShardsInput::from_timestamp("s", T0);
    let shards = kinesis.list_shards(T0, &input).unwrap().shards;
    // What the service shows for three shards.
    assert_eq!(shards[1].range.start, 113_427_455_640_312_821_154_458_202_477_256_070_485);
}

#[test]
fn a_summary_counts_the_open_shards() {
    let mut kinesis = plain(2);
    kinesis.update_shard_count(T0, "s", 4).unwrap();
    let summary = kinesis.describe_stream_summary("s").unwrap();
    assert_eq!((summary.open_shards, summary.retention_hours), (4, 24));
    assert_eq!(kinesis.stream_names().collect::<Vec<_>>(), ["s"]);
}
