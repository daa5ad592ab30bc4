//! Positions: what an idle catch-up costs, and what no iterator's end and no
//! freeze may lose.

use std::time::Duration;

use kinesis_double::Settings;
use snowmelt::{CatchUpError, CatchUpToError, Invalidation};

use crate::support::{HOUR, STREAM, Service, patient, reach};

const MINUTE: Duration = Duration::from_secs(60);

async fn idle_on(shards: u32) {
    let service = Service::start(shards).await;
    let cache = service.cache();
    // Nothing cached, nothing asked: not even for the first load.
    assert_eq!(cache.get("k").await, None);
    cache.invocation().await.finish();
    cache.catch_up().await.unwrap();
    service.pass(MINUTE);
    cache.get_or_load("k", || async { Ok::<_, String>(1) }).await.unwrap();
    assert!(service.take_calls().is_empty());
    cache.catch_up().await.unwrap();
    service.take_calls();
    let every: Vec<_> = (0..shards).map(|shard| format!("shardId-{shard:012}")).collect();
    for _ in 0..4 {
        service.pass(Duration::from_secs(2));
        assert_eq!(cache.get("k").await, Some(1));
        assert_eq!(cache.get("k").await, Some(1));
        assert_eq!(service.take_shards_read(), every);
        cache.catch_up().await.unwrap();
        assert_eq!(service.take_shards_read(), every);
        service.pass(Duration::from_secs(2));
        cache.invocation().await.finish();
        assert_eq!(service.take_shards_read(), every);
    }
    // Cold again: nothing to ask for.
    cache.clear();
    service.pass(MINUTE);
    assert_eq!(cache.get("k").await, None);
    cache.catch_up().await.unwrap();
    assert!(service.take_calls().is_empty());
}

#[tokio::test]
async fn an_idle_catch_up_is_one_read_for_each_shard_and_nothing_else() {
    idle_on(1).await;
    idle_on(4).await;
}

#[tokio::test]
async fn in_a_lane_it_is_one_read_however_many_shards_there_are() {
    let service = Service::start(4).await;
    let cache = patient(service.builder().lanes(2));
    cache.insert("k", 1).unwrap();
    cache.catch_up().await.unwrap();
    service.take_calls();
    for _ in 0..3 {
        service.pass(Duration::from_secs(2));
        assert_eq!(cache.get("k").await, Some(1));
        assert_eq!(service.take_shards_read().len(), 1);
    }
}

#[tokio::test]
async fn expired_iterators_are_replaced_without_loss() {
    let service = Service::start(3).await;
    let (reader, writer) = (service.holding(&["a", "b", "c", "d", "e"]).await, service.cache());
    for (key, early) in [("a", true), ("b", false), ("c", true), ("d", false)] {
        service.take_calls();
        let mut token = None;
        if early {
            token = Some(writer.invalidate(key).await.unwrap());
        }
        service.double.kinesis(|kinesis, _| kinesis.expire_iterators());
        let token = match token {
            Some(token) => token,
            None => writer.invalidate(key).await.unwrap(),
        };
        reader.catch_up().await.unwrap();
        assert_eq!(reader.peek(key), None);
        reach(&reader, &token).await;
        let calls = service.take_calls();
        assert!(calls.iter().any(|(_, error)| error.as_deref() == Some("ExpiredIteratorException")));
    }
    assert_eq!((reader.peek("e"), reader.stats().gaps), (Some(1), 0));
    assert_eq!(reader.stats().catch_ups_failed, 0, "an expired iterator is no error");
}

#[tokio::test]
async fn a_freeze_of_minutes_or_hours_loses_nothing() {
    let service = Service::start(2).await;
    let freezes = [6 * MINUTE, HOUR / 2, 2 * HOUR, 11 * HOUR, 20 * HOUR];
    let keys: Vec<String> = (0..freezes.len() * 2).map(|n| format!("k{n}")).collect();
    let (reader, writer) = (service.holding(&["true"]).await, service.cache());
    for (n, freeze) in freezes.into_iter().enumerate() {
        let [before, after] = [&keys[2 * n], &keys[2 * n + 1]];
        for key in [before, after] {
            reader.insert(key, 1).unwrap();
        }
        service.freeze(freeze / 3);
        writer.invalidate(before).await.unwrap();
        service.freeze(freeze * 2 / 3);
        writer.invalidate(after).await.unwrap();
        service.take_calls();
        // An ordinary read is enough: all of this is past the hard bound.
        assert_eq!(reader.get(before).await, None, "after {freeze:?}");
        assert_eq!((reader.peek(after), reader.peek("true")), (None, Some(1)), "after {freeze:?}");
        let calls = service.take_calls();
        assert!(calls.iter().all(|(_, error)| error.is_none()), "iterators known to be dead: {calls:?}");
        assert_eq!(reader.stats().gaps, 0, "after {freeze:?}");
    }
}

#[tokio::test]
async fn a_shard_quiet_for_longer_than_the_retention_is_followed_on() {
    let service = Service::start(1).await;
    let (reader, writer) = (service.holding(&["first", "k", "true"]).await, service.cache());
    // What was seen lies before the trim horizon by the end.
    reach(&reader, &writer.invalidate("first").await.unwrap()).await;
    for _ in 0..15 {
        service.freeze(2 * HOUR);
        assert_eq!(reader.get("k").await, Some(1));
    }
    service.freeze(2 * HOUR);
    writer.invalidate("k").await.unwrap();
    service.double.kinesis(|kinesis, _| kinesis.expire_iterators());
    service.freeze(2 * HOUR);
    assert_eq!(reader.get("k").await, None);
    let stats = reader.stats();
    assert_eq!((reader.peek("true"), stats.gaps, stats.catch_ups_failed), (Some(1), 0, 0));
}

#[tokio::test]
async fn a_position_older_than_the_retention_is_a_gap() {
    let service = Service::start(1).await;
    let reader = service.holding(&["k"]).await;
    service.freeze(25 * HOUR);
    assert_eq!(reader.get("k").await, None);
    assert_eq!((reader.stats().gaps, reader.len()), (1, 0));
}

async fn recreated(shards: u32, then: u32, freeze: Duration, seen_gone: bool) {
    let service = Service::start(shards).await;
    let (reader, writer) = (service.holding(&["k", "other"]).await, service.cache());
    reach(&reader, &writer.invalidate("nothing").await.unwrap()).await;
    service.delete();
    if seen_gone {
        let Err(CatchUpError::Failed { message, .. }) = reader.catch_up().await else { panic!("it is gone") };
        assert!(message.contains(STREAM), "{message}");
    }
    service.pass(Duration::from_secs(2));
    service.create(then);
    service.freeze(freeze);
    reader.catch_up().await.unwrap();
    assert_eq!((reader.stats().gaps, reader.len()), (1, 0), "{shards} {then} {freeze:?} {seen_gone}");
    // And then it is followed like any other.
    reader.insert("k", 2).unwrap();
    reader.insert("other", 2).unwrap();
    reader.catch_up().await.unwrap();
    reach(&reader, &writer.invalidate("k").await.unwrap()).await;
    assert_eq!((reader.peek("k"), reader.peek("other"), reader.stats().gaps), (None, Some(2), 1));
}

#[tokio::test]
async fn a_recreated_stream_is_a_gap() {
    for seen_gone in [false, true] {
        recreated(1, 1, Duration::ZERO, seen_gone).await;
        recreated(2, 2, 10 * MINUTE, seen_gone).await;
        recreated(1, 3, Duration::ZERO, seen_gone).await;
        recreated(3, 1, 10 * MINUTE, seen_gone).await;
    }
}

#[tokio::test]
async fn resharding_while_frozen_and_awake_loses_nothing() {
    let service = Service::start(1).await;
    let writer = service.cache();
    let keys: Vec<String> = (0..12).map(|n| format!("k{n}")).collect();
    let reader = service.holding(&["true"]).await;
    for (n, shards) in [2, 4, 2, 4, 2, 1].into_iter().enumerate() {
        for key in &keys {
            reader.insert(key, 1).unwrap();
        }
        let (first, last) = keys.split_at(6);
        writer.invalidate(Invalidation::keys(first)).await.unwrap();
        service.double.kinesis(|kinesis, now| kinesis.update_shard_count(now, STREAM, shards)).unwrap();
        if n % 2 == 0 {
            service.freeze(HOUR);
        }
        writer.invalidate(Invalidation::keys(last)).await.unwrap();
        reader.catch_up().await.unwrap();
        assert_eq!(reader.keys(), ["true"], "{shards} shards");
        service.pass(Duration::from_secs(5));
    }
    assert_eq!(reader.stats().gaps, 0);
}

#[tokio::test]
async fn a_token_waits_for_what_cannot_be_read_yet() {
    let service = Service::start_with(2, Settings { put_to_get_ms: (900, 900), ..Settings::default() }).await;
    let (reader, writer) = (service.holding(&["k", "true"]).await, service.cache());
    let token = writer.invalidate("k").await.unwrap();
    reader.catch_up().await.unwrap();
    assert_eq!(reader.peek("k"), Some(1), "nobody can read it yet");
    let within = Duration::from_millis(100);
    let error = reader.catch_up_to(&token, within).await.unwrap_err();
    assert_eq!(error, CatchUpToError::Deadline { within, last: None });
    reach(&reader, &token).await;
    assert_eq!((reader.peek("k"), reader.peek("true")), (None, Some(1)));
    // There is nothing that an empty cache could be behind with.
    let token = writer.invalidate("k").await.unwrap();
    let empty = service.cache();
    service.take_calls();
    empty.catch_up_to(&token, within).await.unwrap();
    assert!(service.take_calls().is_empty());
}
