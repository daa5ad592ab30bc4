//! Catching up: contract lines 1, 3, 4 and 5, through the public API.

use std::time::Duration;

use snowmelt::{CatchUpError, Loaded};
use snowmelt_core::follower::CallErrorKind;
use tokio::time::{Instant, sleep};

use crate::support::{Effect, sandbox, sandbox_with};

#[tokio::test(start_paused = true)]
async fn caught_up_before_served() {
    let reader = sandbox::<u32>();
    let writer = reader.sibling();
    reader.cache.insert("k", 1).unwrap();
    reader.cache.insert("other", 2).unwrap();
    writer.cache.invalidate("k").await.unwrap();
    assert_eq!(reader.cache.get("k").await, Some(1), "within the soft bound");
    reader.pass(3);
    assert_eq!(reader.cache.get("k").await, None);
    assert_eq!(reader.cache.get("other").await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_thaw_after_the_hard_bound_catches_up_and_keeps_what_is_true() {
    let reader = sandbox::<u32>();
    let writer = reader.sibling();
    reader.cache.insert("k", 1).unwrap();
    reader.cache.insert("other", 2).unwrap();
    reader.clock.freeze(Duration::from_secs(100));
    writer.cache.invalidate("k").await.unwrap();
    assert_eq!(reader.cache.get("other").await, Some(2));
    assert_eq!(reader.cache.get("k").await, None);
}

#[tokio::test(start_paused = true)]
async fn cold_costs_nothing() {
    let sandbox = sandbox::<u32>();
    assert_eq!(sandbox.cache.get("k").await, None);
    sandbox.cache.invocation().await.finish();
    sandbox.cache.catch_up().await.unwrap();
    sandbox.cache.get_or_load("k", || async { Ok::<_, String>(1) }).await.unwrap();
    assert!(sandbox.stream.take_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn readers_share_a_catch_up() {
    let sandbox = sandbox::<u32>();
    sandbox.cache.insert("k", 1).unwrap();
    sandbox.cache.catch_up().await.unwrap();
    assert_eq!(sandbox.stream.take_calls(), ["ListShards", "GetShardIterator", "GetRecords"]);
    sandbox.pass(3);
    sandbox.stream.always(Effect::Delay(Duration::from_millis(20)));
    let readers: Vec<_> = (0..50)
        .map(|_| {
            let cache = sandbox.cache.clone();
            tokio::spawn(async move { cache.get("k").await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), Some(1));
    }
    assert_eq!(sandbox.stream.take_calls(), ["GetRecords"]);
}

#[tokio::test(start_paused = true)]
async fn the_catch_up_goes_on_when_the_reader_that_began_it_goes_away() {
    let sandbox = sandbox::<u32>();
    sandbox.cache.insert("k", 1).unwrap();
    sandbox.pass(3);
    sandbox.stream.always(Effect::Delay(Duration::from_millis(30)));
    let cache = sandbox.cache.clone();
    let first = tokio::spawn(async move { cache.get("k").await });
    sleep(Duration::from_millis(10)).await;
    let cache = sandbox.cache.clone();
    let second = tokio::spawn(async move { cache.get("k").await });
    sleep(Duration::from_millis(5)).await;
    first.abort();
    assert_eq!(second.await.unwrap(), Some(1));
    assert_eq!(sandbox.cache.stats().catch_ups_succeeded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_at_most_the_budget_when_the_stream_hangs() {
    let sandbox = sandbox::<u32>();
    sandbox.cache.insert("k", 1).unwrap();
    sandbox.pass(3);
    sandbox.stream.always(Effect::Hang);
    let start = Instant::now();
    assert_eq!(sandbox.cache.get("k").await, Some(1), "within the hard bound");
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(240) && waited <= Duration::from_millis(260), "{waited:?}");
    assert_eq!(sandbox.cache.catch_up().await, Err(CatchUpError::OutOfBudget));
    // The hung call is given up after its own timeout, and all is well again.
    sandbox.stream.always(Effect::Pass);
    sleep(Duration::from_secs(3)).await;
    sandbox.cache.catch_up().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn out_of_reach_it_is_a_cache_with_a_ttl_of_max_lag() {
    let sandbox = sandbox::<u32>();
    sandbox.cache.insert("k", 1).unwrap();
    sandbox.stream.always(Effect::Fail(CallErrorKind::Failed));
    for _ in 0..7 {
        sandbox.pass(1);
        assert_eq!(sandbox.cache.get("k").await, Some(1));
    }
    sandbox.pass(3);
    assert_eq!(sandbox.cache.get("k").await, None);
    let loaded = sandbox.cache.get_or_load("k", || async { Ok::<_, String>(2) }).await;
    assert_eq!(loaded.unwrap(), 2);
    assert_eq!(sandbox.cache.get("k").await, Some(2));
    let stats = sandbox.cache.stats();
    assert!(stats.catch_ups_failed > 0 && stats.catch_ups_succeeded == 0, "{stats:?}");
    let error = sandbox.cache.catch_up().await.unwrap_err();
    assert!(error.to_string().contains("scripted Failed"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn throttled_catch_ups_cost_a_read_nothing() {
    let sandbox = sandbox::<u32>();
    sandbox.cache.insert("k", 1).unwrap();
    sandbox.stream.always(Effect::Fail(CallErrorKind::Throttled));
    sandbox.pass(3);
    assert_eq!(sandbox.cache.get("k").await, Some(1));
    assert_eq!(sandbox.stream.take_calls().len(), 1);
    assert_eq!(sandbox.cache.get("k").await, Some(1));
    assert!(sandbox.stream.take_calls().is_empty(), "paced: not tried again at once");
    assert_eq!(sandbox.cache.catch_up().await, Err(CatchUpError::Throttled));
}

#[tokio::test(start_paused = true)]
async fn connections_that_idled_through_a_freeze_are_dropped() {
    let sandbox = sandbox::<u32>();
    sandbox.cache.insert("k", 1).unwrap();
    sandbox.cache.catch_up().await.unwrap();
    sandbox.pass(2);
    sandbox.cache.catch_up().await.unwrap();
    assert_eq!(sandbox.stream.forgotten(), 0);
    sandbox.clock.freeze(Duration::from_secs(60));
    sandbox.cache.catch_up().await.unwrap();
    assert_eq!(sandbox.stream.forgotten(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_day_in_the_freezer_is_a_gap_or_an_empty_cache() {
    let sandbox = sandbox_with::<u32>(|builder| {
        let days = Duration::from_secs(3 * 86_400);
        builder.ttl(days, days)
    });
    sandbox.cache.insert("k", 1).unwrap();
    sandbox.cache.catch_up().await.unwrap();
    sandbox.clock.freeze(Duration::from_secs(2 * 86_400));
    assert_eq!(sandbox.cache.get("k").await, None);
    assert_eq!((sandbox.cache.stats().gaps, sandbox.cache.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_outlives_its_ttl() {
    let sandbox = sandbox::<u32>();
    sandbox.cache.insert("k", Loaded::new(1).ttl(Duration::from_millis(1500))).unwrap();
    sandbox.pass(1);
    assert_eq!(sandbox.cache.get_now("k"), Some(1));
    sandbox.clock.freeze(Duration::from_secs(1));
    assert_eq!((sandbox.cache.get_now("k"), sandbox.cache.peek("k")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_follower_keeps_the_lag_small_and_stops_with_its_handle() {
    let reader = sandbox::<u32>();
    let writer = reader.sibling();
    let follower = reader.cache.spawn_follower();
    sleep(Duration::from_secs(5)).await;
    assert!(reader.stream.take_calls().is_empty(), "nothing cached, nothing followed");
    reader.cache.insert("k", 1).unwrap();
    sleep(Duration::from_secs(4)).await;
    writer.cache.invalidate("k").await.unwrap();
    reader.cache.insert("other", 1).unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(reader.cache.peek("k"), None);
    sleep(Duration::from_secs(60)).await;
    let calls = reader.stream.take_calls().len();
    assert!((50..75).contains(&calls), "{calls} calls in about a minute");
    assert!(reader.cache.stats().lag.unwrap() < Duration::from_millis(1300));
    assert!(!follower.is_finished());
    drop(follower);
    sleep(Duration::from_secs(10)).await;
    assert!(reader.stream.take_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_follower_does_not_keep_the_cache() {
    let sandbox = sandbox::<u32>();
    let follower = sandbox.cache.spawn_follower();
    sleep(Duration::from_secs(1)).await;
    drop(sandbox);
    sleep(Duration::from_secs(2)).await;
    assert!(follower.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_restored_copy_goes_on() {
    let reader = sandbox::<u32>();
    let writer = reader.sibling();
    reader.cache.insert("k", 1).unwrap();
    reader.cache.insert("other", 1).unwrap();
    reader.cache.catch_up().await.unwrap();
    writer.cache.invalidate("k").await.unwrap();
    reader.clock.freeze(Duration::from_secs(60));
    reader.cache.restored();
    reader.cache.catch_up().await.unwrap();
    assert_eq!((reader.cache.peek("k"), reader.cache.peek("other")), (None, Some(1)));
}
