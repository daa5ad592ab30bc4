//! The refresh policies, through the public API.

use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use snowmelt::{BuildError, Builder, Cache, FetchOptions, Fetched, How, LoadError, Loaded, Refreshing};
use snowmelt_core::follower::CallErrorKind;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Effect, Sandbox, sandbox_with};

type Answer = Result<Fetched<u32, String>, LoadError<String>>;

const SECOND: Duration = Duration::from_secs(1);

/// A loader that counts its calls and is told what to do.
#[derive(Clone, Default)]
struct Origin(Arc<AtomicU32>);

impl Origin {
    fn loads(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    /// Loads the number of the load.
    async fn load(self, takes: Duration) -> Result<u32, String> {
        let value = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        sleep(takes).await;
        Ok(value)
    }
}

/// What the hook was given.
#[derive(Clone, Default)]
struct Background(Arc<Mutex<Vec<Refreshing>>>);

impl Background {
    fn hook(&self) -> impl Fn(Refreshing) + Send + Sync + 'static {
        let kept = Arc::clone(&self.0);
        move |refresh| kept.lock().unwrap().push(refresh)
    }

    /// Waits for all of them, and counts them.
    async fn land(&self) -> usize {
        let under_way = std::mem::take(&mut *self.0.lock().unwrap());
        let count = under_way.len();
        for refresh in under_way {
            refresh.await;
        }
        count
    }
}

/// Values live for 10 s, and there is a value, 1.
async fn cached(options: impl FnOnce(Builder<u32>) -> Builder<u32>) -> (Sandbox<u32>, Origin) {
    let sandbox = sandbox_with(|builder| options(builder.ttl(10 * SECOND, 10 * SECOND)));
    let origin = Origin::default();
    let first = fetch(&sandbox.cache, &origin, 0).await.unwrap();
    assert_eq!(told(&first), (1, How::Loaded));
    (sandbox, origin)
}

fn spawn(cache: &Cache<u32>, origin: &Origin, millis: u64) -> JoinHandle<Answer> {
    let (cache, origin) = (cache.clone(), origin.clone());
    tokio::spawn(async move { fetch(&cache, &origin, millis).await })
}

async fn fetch(cache: &Cache<u32>, origin: &Origin, millis: u64) -> Answer {
    let origin = origin.clone();
    cache.fetch("k", move || origin.load(Duration::from_millis(millis))).await
}

async fn fetch_broken(cache: &Cache<u32>) -> Answer {
    cache.fetch("k", || async { Err::<u32, _>("out of order".to_owned()) }).await
}

fn told(fetched: &Fetched<u32, String>) -> (u32, How) {
    (fetched.value, fetched.how)
}

fn message(fetched: &Fetched<u32, String>) -> Option<String> {
    fetched.error.as_ref()?.loader_error().cloned()
}

#[tokio::test(start_paused = true)]
async fn one_of_a_thousand_readers_refreshes_and_the_others_have_the_old_value() {
    let (sandbox, origin) = cached(|builder| builder.stale_while_revalidate(60 * SECOND)).await;
    sandbox.pass(11);
    let readers: Vec<_> = (0..1000).map(|_| spawn(&sandbox.cache, &origin, 50)).collect();
    let mut loaded = 0;
    for reader in readers {
        match told(&reader.await.unwrap().unwrap()) {
            (2, How::Loaded) => loaded += 1,
            (1, How::Stale) => {}
            other => panic!("{other:?}"),
        }
    }
    let stats = sandbox.cache.stats();
    assert_eq!((loaded, origin.loads()), (1, 2));
    assert_eq!((stats.stale, stats.refreshes, stats.coalesced, stats.rescued), (999, 1, 0, 0));
    assert_eq!(told(&fetch(&sandbox.cache, &origin, 0).await.unwrap()), (2, How::Hit));
}

#[tokio::test(start_paused = true)]
async fn with_a_hook_nobody_waits_for_a_refresh() {
    let background = Background::default();
    let hook = background.hook();
    let (sandbox, origin) =
        cached(|builder| builder.stale_while_revalidate(60 * SECOND).wait_until(hook)).await;
    sandbox.pass(11);
    let start = Instant::now();
    let readers: Vec<_> = (0..1000).map(|_| spawn(&sandbox.cache, &origin, 50)).collect();
    for reader in readers {
        assert_eq!(told(&reader.await.unwrap().unwrap()), (1, How::Stale));
    }
    assert!(start.elapsed() < Duration::from_millis(50), "somebody waited");
    assert_eq!(background.land().await, 1);
    assert!(start.elapsed() >= Duration::from_millis(50), "the hook's future ended early");
    assert_eq!(told(&fetch(&sandbox.cache, &origin, 0).await.unwrap()), (2, How::Hit));
    let stats = sandbox.cache.stats();
    assert_eq!((stats.stale, stats.refreshes, stats.loads, origin.loads()), (1000, 1, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_hook_of_the_call_counts_for_the_call() {
    let (sandbox, origin) = cached(|builder| builder.stale_while_revalidate(60 * SECOND)).await;
    sandbox.pass(11);
    let background = Background::default();
    let options = FetchOptions::new().wait_until(background.hook());
    let load = origin.clone();
    let old = sandbox.cache.fetch_with("k", &options, move || load.load(SECOND)).await.unwrap();
    assert_eq!(told(&old), (1, How::Stale));
    assert_eq!(background.land().await, 1);
    assert_eq!(sandbox.cache.peek("k"), Some(2));
}

#[tokio::test(start_paused = true)]
async fn past_the_window_all_wait() {
    let (sandbox, origin) = cached(|builder| builder.stale_while_revalidate(60 * SECOND)).await;
    sandbox.pass(71);
    let first = spawn(&sandbox.cache, &origin, 50);
    let second = spawn(&sandbox.cache, &origin, 50);
    assert_eq!(told(&first.await.unwrap().unwrap()), (2, How::Loaded));
    assert_eq!(told(&second.await.unwrap().unwrap()), (2, How::Coalesced));
    assert_eq!(sandbox.cache.stats().stale, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_goes_on_without_the_reader_that_began_it() {
    let (sandbox, origin) = cached(|builder| builder.stale_while_revalidate(60 * SECOND)).await;
    sandbox.pass(11);
    let first = spawn(&sandbox.cache, &origin, 50);
    yield_now().await;
    let second = spawn(&sandbox.cache, &origin, 50);
    yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(told(&second.await.unwrap().unwrap()), (1, How::Stale));
    sleep(Duration::from_millis(60)).await;
    assert_eq!((sandbox.cache.peek("k"), origin.loads()), (Some(2), 2));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_leaves_the_old_value_until_its_window_ends() {
    let (sandbox, origin) = cached(|builder| builder.stale_while_revalidate(60 * SECOND)).await;
    sandbox.pass(11);
    let old = fetch_broken(&sandbox.cache).await.unwrap();
    assert_eq!((told(&old), message(&old)), ((1, How::Stale), Some("out of order".into())));
    let old = sandbox.cache.fetch("k", panics).await.unwrap();
    assert_eq!(told(&old), (1, How::Stale));
    assert!(matches!(old.error, Some(LoadError::Panicked)));
    assert_eq!(told(&fetch(&sandbox.cache, &origin, 0).await.unwrap()), (2, How::Loaded), "the key is free");
    sandbox.pass(71);
    assert_eq!(fetch_broken(&sandbox.cache).await.unwrap_err().loader_error().unwrap(), "out of order");
    sandbox.cache.validate();
}

async fn panics() -> Result<u32, String> {
    panic!("the loader's own fault")
}

#[tokio::test(start_paused = true)]
async fn a_background_refresh_that_panics_ends_and_frees_the_key() {
    let background = Background::default();
    let hook = background.hook();
    let (sandbox, origin) =
        cached(|builder| builder.stale_while_revalidate(60 * SECOND).wait_until(hook)).await;
    sandbox.pass(11);
    let old = sandbox.cache.fetch("k", panics).await.unwrap();
    assert_eq!(told(&old), (1, How::Stale));
    assert!(old.error.is_none(), "nobody knows yet");
    assert_eq!(background.land().await, 1);
    assert_eq!(told(&fetch(&sandbox.cache, &origin, 0).await.unwrap()), (1, How::Stale));
    assert_eq!(background.land().await, 1);
    assert_eq!(sandbox.cache.peek("k"), Some(2));
}

#[tokio::test(start_paused = true)]
async fn what_is_invalidated_during_its_refresh_is_served_to_nobody() {
    for hooked in [true, false] {
        let (sandbox, origin) = cached(|builder| {
            let builder = builder.stale_while_revalidate(60 * SECOND).stale_if_error(60 * SECOND);
            if hooked { builder.wait_until(drop) } else { builder }
        })
        .await;
        let cache = &sandbox.cache;
        sandbox.pass(11);
        let refresher = spawn(cache, &origin, 50);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(told(&fetch(cache, &origin, 50).await.unwrap()), (1, How::Stale));
        cache.invalidate("k").await.unwrap();
        assert!(fetch_broken(cache).await.is_err(), "not even if the load fails");
        let after = fetch(cache, &origin, 100).await.unwrap();
        assert_eq!(told(&after), (3, How::Loaded));
        // Its load began before the invalidation, and was not stored.
        let refreshed = told(&refresher.await.unwrap().unwrap());
        assert_eq!(refreshed, if hooked { (1, How::Stale) } else { (2, How::Loaded) });
        assert_eq!((cache.peek("k"), cache.stats().fenced), (Some(3), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_elsewhere_ends_the_window_too() {
    let (sandbox, origin) =
        cached(|builder| builder.stale_while_revalidate(60 * SECOND).stale_if_error(600 * SECOND)).await;
    sandbox.sibling().cache.invalidate("k").await.unwrap();
    sandbox.pass(11);
    assert_eq!(told(&fetch(&sandbox.cache, &origin, 0).await.unwrap()), (2, How::Loaded));
    sandbox.sibling().cache.invalidate("k").await.unwrap();
    // Only kept for the case that a load fails: no read has caught up for it.
    sandbox.pass(90);
    assert!(fetch_broken(&sandbox.cache).await.is_err());
    assert_eq!(sandbox.cache.stats().rescued, 0);
}

#[tokio::test(start_paused = true)]
async fn an_old_value_in_place_of_an_error_is_said_to_be_one() {
    let (sandbox, _) = cached(|builder| builder.stale_if_error(60 * SECOND)).await;
    let cache = &sandbox.cache;
    sandbox.pass(69);
    let old = fetch_broken(cache).await.unwrap();
    assert_eq!((told(&old), message(&old)), ((1, How::StaleOnError), Some("out of order".into())));
    let value = cache.get_or_load("k", || async { Err::<u32, _>("again") }).await.unwrap();
    assert_eq!((value, cache.stats().rescued), (1, 2));
    assert_eq!((cache.get("k").await, cache.peek("k")), (None, None), "for readers who load only");
    sandbox.pass(2);
    assert!(fetch_broken(cache).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn all_who_waited_for_a_failed_load_have_the_old_value() {
    let (sandbox, _) = cached(|builder| builder.stale_if_error(60 * SECOND)).await;
    sandbox.pass(11);
    let fail = |cache: Cache<u32>| async move {
        let load = async {
            sleep(Duration::from_millis(20)).await;
            Err::<u32, _>("out of order".to_owned())
        };
        cache.fetch("k", || load).await
    };
    let readers: Vec<_> = (0..10).map(|_| tokio::spawn(fail(sandbox.cache.clone()))).collect();
    for reader in readers {
        let old = reader.await.unwrap().unwrap();
        assert_eq!((told(&old), message(&old)), ((1, How::StaleOnError), Some("out of order".into())));
    }
    let stats = sandbox.cache.stats();
    assert_eq!((stats.loads, stats.load_failures, stats.rescued), (2, 1, 10));
}

#[tokio::test(start_paused = true)]
async fn out_of_reach_of_the_stream_only_errors_bring_the_old_value_back() {
    let (sandbox, origin) =
        cached(|builder| builder.stale_while_revalidate(600 * SECOND).stale_if_error(60 * SECOND)).await;
    sandbox.stream.always(Effect::Fail(CallErrorKind::Failed));
    sandbox.pass(11);
    let old = fetch_broken(&sandbox.cache).await.unwrap();
    assert_eq!(told(&old), (1, How::StaleOnError), "past `max_lag`");
    assert_eq!(told(&fetch(&sandbox.cache, &origin, 0).await.unwrap()), (2, How::Loaded));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_takes_long_is_answered_with_the_old_value_and_goes_on() {
    let (sandbox, origin) =
        cached(|builder| builder.stale_if_error(60 * SECOND).soft_load_timeout(Duration::from_millis(100)))
            .await;
    let cache = &sandbox.cache;
    sandbox.pass(11);
    let start = Instant::now();
    let leader = spawn(cache, &origin, 500);
    sleep(Duration::from_millis(60)).await;
    // Counted from the start of the load, for all who wait for it.
    let joined = fetch(cache, &origin, 500).await.unwrap();
    let leader = leader.await.unwrap().unwrap();
    assert!((100..110).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    for old in [leader, joined] {
        assert_eq!(told(&old), (1, How::StaleOnError));
        assert!(matches!(old.error, Some(LoadError::TimedOut)));
    }
    assert_eq!(told(&fetch(cache, &origin, 0).await.unwrap()), (1, How::StaleOnError), "at once");
    sleep(Duration::from_millis(450)).await;
    assert_eq!((told(&fetch(cache, &origin, 0).await.unwrap()), origin.loads()), ((2, How::Hit), 2));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_left_behind_is_given_to_the_hook() {
    let background = Background::default();
    let hook = background.hook();
    let (sandbox, origin) = cached(|builder| builder.stale_if_error(60 * SECOND).wait_until(hook)).await;
    sandbox.pass(11);
    let options = FetchOptions::new().soft_load_timeout(Duration::ZERO);
    let load = origin.clone();
    let old = sandbox.cache.fetch_with("k", &options, move || load.load(SECOND)).await.unwrap();
    assert_eq!(told(&old), (1, How::StaleOnError));
    assert_eq!(background.land().await, 1);
    assert_eq!(sandbox.cache.peek("k"), Some(2));
}

#[tokio::test(start_paused = true)]
async fn without_an_old_value_the_soft_timeout_is_none() {
    let sandbox = sandbox_with(|builder| builder.soft_load_timeout(Duration::from_millis(10)));
    let origin = Origin::default();
    let leader = spawn(&sandbox.cache, &origin, 500);
    yield_now().await;
    let joined = spawn(&sandbox.cache, &origin, 500);
    assert_eq!(told(&leader.await.unwrap().unwrap()), (1, How::Loaded));
    assert_eq!(told(&joined.await.unwrap().unwrap()), (1, How::Coalesced));
}

#[tokio::test(start_paused = true)]
async fn a_load_past_its_timeout_is_given_up_for_an_old_value() {
    let (sandbox, origin) = cached(|builder| builder.stale_if_error(60 * SECOND).load_timeout(SECOND)).await;
    sandbox.pass(11);
    let start = Instant::now();
    let hang = |cache: Cache<u32>| async move { cache.fetch("k", pending::<Result<u32, String>>).await };
    let leader = tokio::spawn(hang(sandbox.cache.clone()));
    yield_now().await;
    let joined = tokio::spawn(hang(sandbox.cache.clone()));
    for reader in [leader, joined] {
        let old = timeout(5 * SECOND, reader).await.expect("it waits for ever").unwrap().unwrap();
        assert_eq!(told(&old), (1, How::StaleOnError));
        assert!(matches!(old.error, Some(LoadError::TimedOut)));
    }
    assert!((1000..1010).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert_eq!(told(&fetch(&sandbox.cache, &origin, 0).await.unwrap()), (2, How::Loaded));
}

#[tokio::test(start_paused = true)]
async fn a_hooks_future_ends_though_the_loader_hangs() {
    let background = Background::default();
    let hook = background.hook();
    let (sandbox, _) =
        cached(|builder| builder.stale_while_revalidate(60 * SECOND).load_timeout(SECOND).wait_until(hook))
            .await;
    sandbox.pass(11);
    let start = Instant::now();
    let old = sandbox.cache.fetch("k", pending::<Result<u32, String>>).await.unwrap();
    assert_eq!((told(&old), background.land().await), ((1, How::Stale), 1));
    assert!((1000..1010).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_freeze_cuts_a_background_refresh_and_the_next_reader_begins_another() {
    let (sandbox, origin) =
        cached(|builder| builder.stale_while_revalidate(600 * SECOND).wait_until(drop)).await;
    sandbox.pass(11);
    assert_eq!(told(&fetch(&sandbox.cache, &origin, 100).await.unwrap()), (1, How::Stale));
    sleep(Duration::from_millis(50)).await;
    sandbox.clock.freeze(60 * SECOND);
    assert_eq!(told(&fetch(&sandbox.cache, &origin, 100).await.unwrap()), (1, How::Stale));
    sleep(Duration::from_millis(70)).await;
    assert_eq!(sandbox.cache.peek("k"), None, "what was loaded across a freeze is not stored");
    sleep(Duration::from_millis(70)).await;
    assert_eq!((sandbox.cache.peek("k"), origin.loads()), (Some(3), 3));
}

#[tokio::test(start_paused = true)]
async fn one_reader_refreshes_ahead() {
    for hooked in [true, false] {
        let background = Background::default();
        let hook = background.hook();
        let (sandbox, origin) = cached(|builder| {
            let builder = builder.refresh_ahead(0.5);
            if hooked { builder.wait_until(hook) } else { builder }
        })
        .await;
        // Here nobody draws a refresh, and here everybody does.
        sandbox.clock.advance(Duration::from_millis(4_900));
        assert_eq!(told(&fetch(&sandbox.cache, &origin, 0).await.unwrap()), (1, How::Hit));
        sandbox.clock.advance(Duration::from_millis(5_099));
        let failed = fetch_broken(&sandbox.cache).await.unwrap();
        assert_eq!(told(&failed), (1, How::Hit), "nothing is lost if it fails");
        assert_eq!(message(&failed).is_some(), !hooked);
        background.land().await;

        let first = spawn(&sandbox.cache, &origin, 0);
        let second = spawn(&sandbox.cache, &origin, 0);
        let first = told(&first.await.unwrap().unwrap());
        assert_eq!(first, if hooked { (1, How::Hit) } else { (2, How::Loaded) });
        assert_eq!(told(&second.await.unwrap().unwrap()), (1, How::Hit));
        assert_eq!(background.land().await, usize::from(hooked));
        assert_eq!((sandbox.cache.peek("k"), origin.loads()), (Some(2), 2));
        assert_eq!((sandbox.cache.stats().refreshes, sandbox.cache.stats().stale), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn plain_reads_refresh_nothing() {
    let (sandbox, origin) =
        cached(|builder| builder.refresh_ahead(0.5).stale_while_revalidate(60 * SECOND)).await;
    sandbox.clock.advance(Duration::from_millis(9_990));
    assert_eq!(sandbox.cache.get("k").await, Some(1));
    sandbox.pass(2);
    assert_eq!((sandbox.cache.get("k").await, origin.loads()), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn there_is_nothing_has_a_lifetime_of_its_own() {
    let sandbox = sandbox_with::<Option<u32>>(|builder| {
        builder.negative_ttl(2 * SECOND).absent(Option::is_none).stale_if_error(60 * SECOND)
    });
    let cache = &sandbox.cache;
    let load = |key: &'static str, loaded: Loaded<Option<u32>>| {
        cache.get_or_load(key, || async { Ok::<_, String>(loaded) })
    };
    load("none", Loaded::new(None)).await.unwrap();
    load("kept", Loaded::new(None).absent(false)).await.unwrap();
    load("zero", Loaded::new(Some(0)).absent(true)).await.unwrap();
    load("one", Loaded::new(Some(1))).await.unwrap();
    cache.insert("inserted", None).unwrap();
    sandbox.pass(1);
    assert_eq!((cache.peek("none"), cache.peek("inserted")), (Some(None), Some(None)));
    sandbox.pass(2);
    let peek = ["none", "kept", "zero", "one", "inserted"].map(|key| cache.peek(key));
    assert_eq!(peek, [None, Some(None), None, Some(Some(1)), None]);
    let failed = cache.get_or_load("none", || async { Err::<Option<u32>, _>("out of order") });
    assert!(failed.await.is_err(), "nobody is better off with an old no");
}

#[tokio::test(start_paused = true)]
async fn a_value_can_be_shared_and_not_kept() {
    let sandbox =
        sandbox_with::<Option<u32>>(|builder| builder.negative_ttl(Duration::ZERO).absent(Option::is_none));
    let calls = Arc::new(AtomicU32::new(0));
    let read = || {
        let (cache, calls) = (sandbox.cache.clone(), Arc::clone(&calls));
        tokio::spawn(async move {
            let load = async move {
                calls.fetch_add(1, Ordering::SeqCst);
                sleep(SECOND).await;
                Ok::<Option<u32>, String>(None)
            };
            cache.fetch("k", || load).await.unwrap().how
        })
    };
    let readers: Vec<_> = (0..100).map(|_| read()).collect();
    let mut hows = Vec::new();
    for reader in readers {
        hows.push(reader.await.unwrap());
    }
    assert_eq!(hows.iter().filter(|how| **how == How::Coalesced).count(), 99);
    assert_eq!((calls.load(Ordering::SeqCst), sandbox.cache.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_value_can_have_windows_of_its_own() {
    let (sandbox, origin) = cached(|builder| builder.stale_while_revalidate(60 * SECOND)).await;
    let cache = &sandbox.cache;
    cache.insert("k", Loaded::new(7).stale_while_revalidate(SECOND).stale_if_error(5 * SECOND)).unwrap();
    sandbox.pass(12);
    let old = fetch_broken(cache).await.unwrap();
    assert_eq!(told(&old), (7, How::StaleOnError));
    cache.insert("k", Loaded::new(8).ttl(SECOND).refresh_ahead(0.5)).unwrap();
    sandbox.clock.advance(Duration::from_millis(999));
    assert_eq!(told(&fetch(cache, &origin, 0).await.unwrap()), (2, How::Loaded), "ahead");
}

#[tokio::test(start_paused = true)]
async fn errors_are_given_to_those_who_decide_themselves() {
    let (sandbox, _) = cached(|builder| builder.stale_if_error(60 * SECOND)).await;
    sandbox.pass(11);
    let options = FetchOptions::new().gives_errors();
    let broken = || async { Err::<u32, _>("not to be shared".to_owned()) };
    let error = sandbox.cache.fetch_with("k", &options, broken).await.unwrap_err();
    assert_eq!(error.loader_error().unwrap(), "not to be shared");
    let old = sandbox.cache.rescue_or("k", error).await.unwrap();
    assert_eq!((told(&old), message(&old)), ((1, How::StaleOnError), Some("not to be shared".into())));
}

#[test]
fn a_share_that_is_none_is_refused() {
    for share in [0.0, 1.0, -1.0, f64::NAN] {
        let built = Cache::<u32>::builder().stream("none").refresh_ahead(share).build();
        let Err(BuildError::Option(error)) = built else { panic!("{share} was taken") };
        let expected = format!(
            "option `refresh_ahead` is {share}: give a number between 0 and 1, such as 0.8, or leave it out"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn the_words_are_the_same_in_all_languages() {
    let hows = [How::Hit, How::Loaded, How::Coalesced, How::Stale, How::StaleOnError];
    assert_eq!(hows.map(How::as_str), ["hit", "loaded", "coalesced", "stale", "stale_on_error"]);
}
