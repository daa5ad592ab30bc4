//! Invalidations on their way out: contract line 11, through the public API.

use std::time::Duration;

use snowmelt::{Cache, CatchUpToError, InputError, InvalidateError, Invalidation};
use snowmelt_core::follower::CallErrorKind;
use tokio::time::sleep;

use crate::support::{Effect, sandbox};

#[tokio::test(start_paused = true)]
async fn the_local_part_is_done_before_anything_is_awaited() {
    let sandbox = sandbox::<u32>();
    sandbox.cache.insert("k", 1).unwrap();
    let write = sandbox.cache.invalidate("k");
    assert_eq!(sandbox.cache.peek("k"), None);
    write.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_write_goes_on_when_nobody_waits_for_it() {
    let sandbox = sandbox::<u32>();
    sandbox.stream.next([Effect::Delay(Duration::from_millis(20))]);
    drop(sandbox.cache.invalidate("k"));
    let reader = sandbox.sibling();
    reader.cache.insert("k", 1).unwrap();
    sleep(Duration::from_millis(50)).await;
    reader.cache.catch_up().await.unwrap();
    assert_eq!(reader.cache.peek("k"), None);
}

#[test]
fn outside_of_a_runtime_the_local_part_works() {
    let cache: Cache<u32> = Cache::builder().stream("memory:outside").build().unwrap();
    cache.insert("k", 1).unwrap();
    let write = cache.invalidate("k");
    assert_eq!(cache.peek("k"), None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(write).unwrap();
    assert_eq!(cache.stats().put_records_calls, 1);
}

#[tokio::test(start_paused = true)]
async fn only_the_refused_records_are_written_again() {
    let sandbox = sandbox::<u32>();
    let reader = sandbox.sibling();
    // Long names, so that they fill several records.
    let keys: Vec<String> = (0..10).map(|n| format!("{n}").repeat(20_000)).collect();
    for key in &keys {
        reader.cache.insert(key, 1).unwrap();
    }
    sandbox.stream.next([Effect::Refuse(1), Effect::Fail(CallErrorKind::Failed), Effect::Refuse(1)]);
    sandbox.cache.invalidate(Invalidation::keys(keys)).await.unwrap();
    assert_eq!(sandbox.stream.take_calls().len(), 4);
    reader.cache.catch_up().await.unwrap();
    assert_eq!(reader.cache.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_refuses_is_an_error_and_the_removal_stays() {
    let sandbox = sandbox::<u32>();
    for (kind, calls) in [(CallErrorKind::Denied, 1), (CallErrorKind::Throttled, 6)] {
        sandbox.cache.insert("k", 1).unwrap();
        sandbox.stream.always(Effect::Fail(kind));
        let error = sandbox.cache.invalidate("k").await.unwrap_err();
        let InvalidateError::Write(error) = error else { panic!("{error}") };
        assert_eq!((error.kind, error.unwritten), (kind, 1));
        assert_eq!(sandbox.stream.take_calls().len(), calls);
        assert_eq!(sandbox.cache.peek("k"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_that_hangs_is_given_up() {
    let sandbox = sandbox::<u32>();
    sandbox.stream.next([Effect::Hang]);
    sandbox.cache.invalidate("k").await.unwrap();
    assert_eq!(sandbox.stream.take_calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_lets_a_reader_wait_for_a_write() {
    let writer = sandbox::<u32>();
    let reader = writer.sibling();
    reader.cache.insert("k", 1).unwrap();
    reader.cache.insert("other", 1).unwrap();
    let token = writer.cache.invalidate("k").await.unwrap().to_string().parse().unwrap();
    reader.stream.next([Effect::Fail(CallErrorKind::Throttled), Effect::Fail(CallErrorKind::Failed)]);
    reader.cache.catch_up_to(&token, Duration::from_secs(2)).await.unwrap();
    assert_eq!((reader.cache.peek("k"), reader.cache.peek("other")), (None, Some(1)));
    // Nothing that could be stale: nothing to wait for.
    let token = writer.cache.invalidate("other").await.unwrap();
    reader.cache.clear();
    reader.cache.catch_up_to(&token, Duration::from_secs(2)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_token_has_a_deadline_and_a_stream() {
    let writer = sandbox::<u32>();
    let reader = writer.sibling();
    reader.cache.insert("k", 1).unwrap();
    reader.stream.always(Effect::Fail(CallErrorKind::Throttled));
    let token = writer.cache.invalidate("k").await.unwrap();
    let start = tokio::time::Instant::now();
    let error = reader.cache.catch_up_to(&token, Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, CatchUpToError::Deadline { last: Some(_), .. }), "{error}");
    assert!(start.elapsed() <= Duration::from_millis(1100), "{:?}", start.elapsed());

    let stranger = sandbox::<u32>();
    let error = stranger.cache.catch_up_to(&token, Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error, CatchUpToError::Input(InputError::OtherStream));
}

#[tokio::test]
async fn an_invalidation_that_says_nothing_does_nothing() {
    let sandbox = sandbox::<u32>();
    for (what, error) in [
        (Invalidation::default(), InputError::NothingToInvalidate),
        (Invalidation::key(""), InputError::Empty { what: "key" }),
        (Invalidation::prefixes([""]), InputError::Empty { what: "prefix" }),
    ] {
        assert_eq!(sandbox.cache.invalidate(what).await, Err(InvalidateError::Input(error)));
    }
    assert!(sandbox.stream.take_calls().is_empty());
}

#[tokio::test]
async fn without_a_stream_it_is_local() {
    let cache: Cache<u32> = Cache::builder().stream("none").build().unwrap();
    cache.insert("k", 1).unwrap();
    let token = cache.invalidate("k").await.unwrap();
    assert_eq!(cache.peek("k"), None);
    cache.catch_up().await.unwrap();
    cache.catch_up_to(&token, Duration::from_secs(1)).await.unwrap();
}
