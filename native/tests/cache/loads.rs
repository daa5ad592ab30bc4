//! Loads: contract lines 2 and 9, through the public API.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use snowmelt::{Begin, Cache, FillOutcome, InputError, Invalidation, LoadError, Loaded};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::support::{sandbox, sandbox_with};

/// Counts loads and makes each one's value.
#[derive(Clone, Default)]
struct Origin(Arc<AtomicU32>);

impl Origin {
    async fn load(self, takes: Duration) -> Result<u32, String> {
        let value = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        sleep(takes).await;
        Ok(value)
    }

    fn loads(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

fn read(
    cache: &Cache<u32>,
    origin: &Origin,
    millis: u64,
) -> tokio::task::JoinHandle<Result<u32, LoadError<String>>> {
    let (cache, origin) = (cache.clone(), origin.clone());
    tokio::spawn(
        async move { cache.get_or_load("k", move || origin.load(Duration::from_millis(millis))).await },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_readers_share_one_load() {
    for _ in 0..50 {
        let cache = Cache::builder().stream("none").build().unwrap();
        let origin = Origin::default();
        let readers: Vec<_> = (0..100).map(|_| read(&cache, &origin, 3)).collect();
        for reader in readers {
            assert_eq!(reader.await.unwrap().unwrap(), 1);
        }
        assert_eq!(origin.loads(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_callers_cancellation_cancels_nobody() {
    let sandbox = sandbox();
    let origin = Origin::default();
    let first = read(&sandbox.cache, &origin, 50);
    sleep(Duration::from_millis(10)).await;
    let second = read(&sandbox.cache, &origin, 50);
    sleep(Duration::from_millis(10)).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(second.await.unwrap().unwrap(), 1);
    assert_eq!((origin.loads(), sandbox.cache.peek("k")), (1, Some(1)));
    assert_eq!(sandbox.cache.stats().coalesced, 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_load_fails_its_waiters_and_caches_nothing() {
    let cache: Cache<u32> = sandbox().cache;
    let fail = |cache: Cache<u32>| async move {
        let load = async {
            sleep(Duration::from_millis(20)).await;
            Err::<u32, _>("out of order")
        };
        cache.get_or_load("k", || load).await
    };
    let waiter = tokio::spawn(fail(cache.clone()));
    let error = fail(cache.clone()).await.unwrap_err();
    assert_eq!(error.loader_error(), Some(&"out of order"));
    assert_eq!(error.to_string(), "the value could not be loaded: out of order");
    assert_eq!(waiter.await.unwrap().unwrap_err().loader_error(), Some(&"out of order"));
    assert_eq!(cache.stats().loads, 1);
    let value = cache.get_or_load("k", || async { Ok::<_, String>(5) }).await.unwrap();
    assert_eq!((value, cache.stats().load_failures), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_with_another_error_type_loads_by_itself() {
    let cache: Cache<u32> = sandbox().cache;
    let other = cache.clone();
    let first = tokio::spawn(async move {
        let load = async {
            sleep(Duration::from_millis(20)).await;
            Err::<u32, _>("text")
        };
        other.get_or_load("k", || load).await
    });
    yield_now().await;
    let second = cache.get_or_load("k", || async { Err::<u32, u8>(42) }).await;
    assert_eq!(second.unwrap_err().loader_error(), Some(&42));
    assert_eq!(first.await.unwrap().unwrap_err().loader_error(), Some(&"text"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_its_waiters_and_frees_the_key() {
    let cache: Cache<u32> = sandbox().cache;
    let panics = |cache: Cache<u32>| async move {
        let load = async {
            sleep(Duration::from_millis(20)).await;
            assert_eq!(1, 2, "the loader's own fault");
            Ok::<u32, String>(1)
        };
        cache.get_or_load("k", || load).await
    };
    let waiter = tokio::spawn(panics(cache.clone()));
    assert!(matches!(panics(cache.clone()).await, Err(LoadError::Panicked)));
    assert!(matches!(waiter.await.unwrap(), Err(LoadError::Panicked)));
    assert_eq!(cache.get_or_load("k", || async { Ok::<_, String>(5) }).await.unwrap(), 5);
    cache.validate();
}

#[tokio::test(start_paused = true)]
async fn a_weigher_that_panics_leaves_nobody_waiting() {
    let sandbox = sandbox_with::<u32>(|builder| builder.weigher(|_, value| 10 / value));
    let result = sandbox.cache.get_or_load("k", || async { Ok::<_, String>(0) }).await;
    assert!(matches!(result, Err(LoadError::Panicked)));
}

#[tokio::test(start_paused = true)]
async fn a_load_revoked_by_an_invalidation_costs_a_waiter_two_load_times_at_most() {
    let sandbox = sandbox();
    let (cache, origin) = (&sandbox.cache, Origin::default());
    let start = tokio::time::Instant::now();
    let leader = read(cache, &origin, 100);
    sleep(Duration::from_millis(10)).await;
    let waiter = read(cache, &origin, 100);
    sleep(Duration::from_millis(10)).await;
    cache.invalidate("k").await.unwrap();
    // The leader takes what it began to load itself; the waiter came later.
    assert_eq!(leader.await.unwrap().unwrap(), 1);
    assert_eq!(cache.peek("k"), None);
    sleep(Duration::from_millis(10)).await;
    // Revoked too, but it began after the waiter came.
    cache.invalidate("k").await.unwrap();
    assert_eq!(waiter.await.unwrap().unwrap(), 2);
    assert!(start.elapsed() <= Duration::from_millis(210), "{:?}", start.elapsed());
    assert_eq!((cache.peek("k"), cache.stats().fenced), (None, 2));
}

#[tokio::test(start_paused = true)]
async fn tags_that_are_known_after_the_load_are_fenced_too() {
    let cache: Cache<u32> = sandbox().cache;
    let (go, wait) = oneshot::channel::<()>();
    let other = cache.clone();
    let load = tokio::spawn(async move {
        other
            .get_or_load("k", || async {
                wait.await.map_err(|_| "gone")?;
                Ok::<_, &str>(Loaded::new(1).tags(["tenant:7"]))
            })
            .await
    });
    yield_now().await;
    cache.invalidate(Invalidation::tags(["tenant:7"])).await.unwrap();
    go.send(()).unwrap();
    assert_eq!(load.await.unwrap().unwrap(), 1);
    assert_eq!(cache.peek("k"), None);

    cache.insert("k", Loaded::new(2).tags(["tenant:7"])).unwrap();
    cache.invalidate(Invalidation::tags(["tenant:8"])).await.unwrap();
    assert_eq!(cache.peek("k"), Some(2));
    cache.invalidate(Invalidation::prefixes(["k"])).await.unwrap();
    assert_eq!(cache.peek("k"), None);
}

#[tokio::test(start_paused = true)]
async fn a_freeze_in_the_middle_of_a_load_revokes_it() {
    let sandbox = sandbox();
    let origin = Origin::default();
    let leader = read(&sandbox.cache, &origin, 100);
    sleep(Duration::from_millis(10)).await;
    let waiter = read(&sandbox.cache, &origin, 100);
    sleep(Duration::from_millis(10)).await;
    sandbox.clock.freeze(Duration::from_secs(5));
    let late = read(&sandbox.cache, &origin, 100);
    assert_eq!(leader.await.unwrap().unwrap(), 1, "the caller may use it");
    assert_eq!(late.await.unwrap().unwrap(), 2, "joined by nobody");
    assert_eq!(waiter.await.unwrap().unwrap(), 2);
    assert_eq!((sandbox.cache.peek("k"), sandbox.cache.stats().fenced), (Some(2), 1));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_load_longer_than_its_timeout() {
    let sandbox = sandbox_with::<u32>(|builder| builder.load_timeout(Duration::from_secs(1)));
    let cache = &sandbox.cache;
    let other = cache.clone();
    let stuck = tokio::spawn(async move { other.get_or_load("k", pending::<Result<u32, String>>).await });
    sleep(Duration::from_millis(500)).await;
    let start = tokio::time::Instant::now();
    let value = cache.get_or_load("k", || async { Ok::<_, String>(2) }).await.unwrap();
    assert_eq!(value, 2);
    assert!(start.elapsed() <= Duration::from_millis(510), "{:?}", start.elapsed());
    assert_eq!(cache.peek("k"), Some(2));
    stuck.abort();
}

#[tokio::test(start_paused = true)]
async fn one_can_load_in_ones_own_way() {
    let cache: Cache<u32> = sandbox().cache;
    let Begin::Lead(lease) = cache.begin("k").unwrap() else { panic!("nobody loads yet") };
    assert_eq!(lease.key(), "k");
    let Begin::Join(joined) = cache.begin("k").unwrap() else { panic!("two leases") };
    let waiter = tokio::spawn(joined.wait());
    assert_eq!(cache.fill(lease, 5), FillOutcome::Stored);
    assert_eq!(waiter.await.unwrap(), Some(5));

    let Begin::Lead(lease) = cache.begin("other").unwrap() else { panic!("nobody loads yet") };
    let reader = cache.clone();
    let reader =
        tokio::spawn(async move { reader.get_or_load("other", || async { Ok::<_, String>(7) }).await });
    yield_now().await;
    drop(lease);
    assert_eq!(reader.await.unwrap().unwrap(), 7, "a lease given up is no error of those who wait");
}

#[tokio::test(start_paused = true)]
async fn inserts_say_when_they_were_true() {
    let sandbox = sandbox::<u32>();
    let cache = &sandbox.cache;
    let Begin::Lead(lease) = cache.begin("k").unwrap() else { panic!("nobody loads yet") };
    assert_eq!(cache.insert("k", 2).unwrap(), FillOutcome::Stored);
    assert_eq!(lease.fill(1), FillOutcome::Fenced, "a bare insert revokes a live lease");
    assert_eq!(cache.get("k").await, Some(2));

    let before = std::time::UNIX_EPOCH + Duration::from_millis(sandbox.clock.wall_millis());
    sandbox.pass(1);
    cache.invalidate("k").await.unwrap();
    assert_eq!(cache.insert_as_of("k", 1, before).unwrap(), FillOutcome::Fenced);
    assert_eq!(cache.get("k").await, None);
    assert!(!cache.delete("k"));
}

#[tokio::test]
async fn keys_have_limits() {
    let cache: Cache<u32> = sandbox().cache;
    let load = |key: String| cache.get_or_load(key, || async { Ok::<_, String>(1) });
    let error = load(String::new()).await.unwrap_err();
    assert!(matches!(error, LoadError::Input(InputError::Empty { what: "key" })), "{error}");
    let error = load("k".repeat(64 * 1024 + 1)).await.unwrap_err();
    assert!(matches!(error, LoadError::Input(InputError::TooLong { .. })), "{error}");
    assert_eq!(load("k".repeat(64 * 1024)).await.unwrap(), 1);
    assert!(cache.begin("").is_err() && cache.insert("", 1).is_err());
}
