//! Readers of many keys.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use snowmelt::{Builder, Cache, InputError, Invalidation, LoadError, Loaded};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Effect, sandbox, sandbox_with};

const SECOND: Duration = Duration::from_secs(1);

type Answer = Result<HashMap<String, u32>, LoadError<String>>;

/// Loads for each key the number of the batch, and remembers what it was asked
/// for. It knows no key that begins with `no`.
#[derive(Clone, Default)]
struct Origin {
    asked: Arc<Mutex<Vec<String>>>,
    fails: bool,
}

impl Origin {
    async fn load(self, keys: Vec<String>, takes: Duration) -> Result<HashMap<String, u32>, String> {
        let batch = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(keys.join(" "));
            u32::try_from(asked.len()).unwrap()
        };
        sleep(takes).await;
        if self.fails {
            return Err("out of order".to_owned());
        }
        Ok(keys.into_iter().filter(|key| !key.starts_with("no")).map(|key| (key, batch)).collect())
    }

    /// The batches since the last look.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn broken() -> Self {
        Self { fails: true, ..Self::default() }
    }
}

async fn get(cache: &Cache<u32>, origin: &Origin, keys: &str, millis: u64) -> Answer {
    let origin = origin.clone();
    let load = move |keys| origin.clone().load(keys, Duration::from_millis(millis));
    cache.get_many(keys.split(' '), load).await
}

fn spawn(cache: &Cache<u32>, origin: &Origin, keys: &'static str, millis: u64) -> JoinHandle<Answer> {
    let (cache, origin) = (cache.clone(), origin.clone());
    tokio::spawn(async move { get(&cache, &origin, keys, millis).await })
}

fn map<const N: usize>(entries: [(&str, u32); N]) -> HashMap<String, u32> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Values live for 10 s.
fn short(builder: Builder<u32>) -> Builder<u32> {
    builder.ttl(10 * SECOND, 10 * SECOND)
}

#[tokio::test(start_paused = true)]
async fn one_call_loads_what_is_missing() {
    let cache = sandbox().cache;
    let origin = Origin::default();
    cache.insert("b", 7).unwrap();
    let found = get(&cache, &origin, "a b c a", 10).await.unwrap();
    assert_eq!(found, map([("a", 1), ("b", 7), ("c", 1)]));
    assert_eq!(origin.asked(), ["a c"]);
    assert_eq!(get(&cache, &origin, "c a", 10).await.unwrap(), map([("a", 1), ("c", 1)]));
    assert_eq!(origin.asked(), [""; 0]);
    let nothing: Answer = cache.get_many([""; 0], |keys| Origin::default().load(keys, SECOND)).await;
    assert_eq!(nothing.unwrap(), map([]));
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.loads, stats.fills), (3, 2, 2, 3));
}

#[tokio::test(start_paused = true)]
async fn readers_whose_keys_overlap_load_each_key_once_and_wait_for_each_other() {
    let cache = sandbox().cache;
    let origin = Origin::default();
    let start = Instant::now();
    let readers = ["a b c", "c d a", "d b e", "e a"].map(|keys| spawn(&cache, &origin, keys, 50));
    let mut found = Vec::new();
    for reader in readers {
        found.push(timeout(SECOND, reader).await.expect("a deadlock").unwrap().unwrap());
    }
    assert_eq!(origin.asked(), ["a b c", "d", "e"]);
    assert_eq!(found[1], map([("c", 1), ("d", 2), ("a", 1)]));
    assert_eq!(found[3], map([("e", 3), ("a", 1)]));
    assert!(start.elapsed() < Duration::from_millis(60), "one after the other: {:?}", start.elapsed());
    assert_eq!((cache.stats().loads, cache.stats().coalesced), (5, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn opposite_orders_do_not_wait_in_a_circle() {
    for _ in 0..100 {
        let cache: Cache<u32> = Cache::builder().stream("none").build().unwrap();
        let origin = Origin::default();
        let keys = ["a b c d e f", "f e d c b a", "c a e", "b f d"];
        let readers: Vec<_> = (0..16).map(|n| spawn(&cache, &origin, keys[n % 4], 1)).collect();
        for reader in readers {
            timeout(10 * SECOND, reader).await.expect("a deadlock").unwrap().unwrap();
        }
        assert_eq!(cache.stats().loads, 6);
    }
}

#[tokio::test(start_paused = true)]
async fn it_shares_loads_with_readers_of_one_key() {
    let cache = sandbox().cache;
    let origin = Origin::default();
    let batch = spawn(&cache, &origin, "a b", 50);
    yield_now().await;
    let one = cache.clone();
    let one = tokio::spawn(async move {
        one.get_or_load("a", || async { Err::<u32, _>("not called".to_owned()) }).await
    });
    let other = cache.clone();
    let load = async {
        sleep(Duration::from_millis(50)).await;
        Ok::<_, String>(9)
    };
    let other = tokio::spawn(async move { other.get_or_load("c", || load).await });
    yield_now().await;
    assert_eq!(get(&cache, &origin, "b c", 50).await.unwrap(), map([("b", 1), ("c", 9)]));
    assert_eq!((one.await.unwrap().unwrap(), other.await.unwrap().unwrap()), (1, 9));
    assert_eq!(batch.await.unwrap().unwrap(), map([("a", 1), ("b", 1)]));
    assert_eq!(origin.asked(), ["a b"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_fails_all_who_wait_and_caches_nothing() {
    let cache = sandbox().cache;
    let broken = Origin::broken();
    let first = spawn(&cache, &broken, "a b", 50);
    yield_now().await;
    let second = spawn(&cache, &broken, "b c", 50);
    let one = cache.get_or_load("a", || async { Ok::<_, String>(9) }).await;
    assert_eq!(one.unwrap_err().loader_error().unwrap(), "out of order");
    for reader in [first, second] {
        assert_eq!(reader.await.unwrap().unwrap_err().loader_error().unwrap(), "out of order");
    }
    assert_eq!(get(&cache, &Origin::default(), "a b c", 0).await.unwrap().len(), 3);
    cache.validate();
}

#[tokio::test(start_paused = true)]
async fn old_values_stand_in_for_a_batch_that_fails_key_by_key() {
    let sandbox = sandbox_with(|builder| short(builder).stale_if_error(60 * SECOND));
    let cache = &sandbox.cache;
    get(cache, &Origin::default(), "a b", 0).await.unwrap();
    sandbox.pass(11);
    assert_eq!(get(cache, &Origin::broken(), "a b", 0).await.unwrap(), map([("a", 1), ("b", 1)]));
    assert!(get(cache, &Origin::broken(), "a b c", 0).await.is_err(), "there is none for c");
    let rescued = cache.stats().rescued;
    cache.invalidate("b").await.unwrap();
    assert!(get(cache, &Origin::broken(), "b a", 0).await.is_err());
    assert_eq!(cache.stats().rescued, rescued);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_hangs_costs_a_failed_batch_one_budget() {
    let keys = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    // With zero a catch-up is due again as soon as one has failed.
    for every in [Duration::ZERO, SECOND] {
        let sandbox =
            sandbox_with(|builder| short(builder).stale_if_error(60 * SECOND).catch_up_every(every));
        get(&sandbox.cache, &Origin::default(), &keys, 0).await.unwrap();
        sandbox.stream.always(Effect::Hang);
        sandbox.pass(11);
        let start = Instant::now();
        assert_eq!(get(&sandbox.cache, &Origin::broken(), &keys, 0).await.unwrap().len(), 100);
        assert!((250..300).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn one_catch_up_serves_all_keys() {
    let sandbox = sandbox();
    let origin = Origin::default();
    get(&sandbox.cache, &origin, "a b c d", 0).await.unwrap();
    sandbox.pass(2);
    sandbox.cache.catch_up().await.unwrap();
    sandbox.sibling().cache.invalidate(Invalidation::keys(["b", "c"])).await.unwrap();
    sandbox.pass(2);
    sandbox.stream.take_calls();
    let found = get(&sandbox.cache, &origin, "a b c d", 0).await.unwrap();
    assert_eq!(found, map([("a", 1), ("b", 2), ("c", 2), ("d", 1)]));
    assert_eq!(sandbox.stream.take_calls(), ["GetRecords"]);
    assert_eq!(origin.asked(), ["a b c d", "b c"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_missing_in_the_answer_is_not_there() {
    let sandbox = sandbox_with(short);
    let cache = &sandbox.cache;
    let origin = Origin::default();
    let readers: Vec<_> = (0..100).map(|_| spawn(cache, &origin, "a none", 50)).collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap(), map([("a", 1)]));
    }
    assert_eq!((origin.asked().len(), cache.keys()), (1, vec!["a".to_owned()]));
    assert_eq!(get(cache, &origin, "none", 0).await.unwrap(), map([]));
    assert_eq!(origin.asked(), ["none"], "it is not cached");
    assert_eq!(cache.stats().load_failures, 0);

    // A reader of that one key has a loader that may know better.
    let batch = spawn(cache, &origin, "none", 50);
    yield_now().await;
    assert_eq!(cache.get_or_load("none", || async { Ok::<_, String>(5) }).await.unwrap(), 5);
    assert_eq!(batch.await.unwrap().unwrap(), map([]));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_any_more_goes() {
    let sandbox = sandbox_with(|builder| {
        short(builder).stale_while_revalidate(60 * SECOND).stale_if_error(60 * SECOND)
    });
    let cache = &sandbox.cache;
    cache.insert("none", 7).unwrap();
    sandbox.pass(11);
    assert_eq!(get(cache, &Origin::default(), "none", 0).await.unwrap(), map([]));
    assert!(cache.is_empty());

    // Unless it was stored anew meanwhile.
    let reader = spawn(cache, &Origin::default(), "none", 50);
    yield_now().await;
    cache.insert("none", 8).unwrap();
    assert_eq!(reader.await.unwrap().unwrap(), map([]));
    assert_eq!(cache.peek("none"), Some(8));
}

#[tokio::test(start_paused = true)]
async fn a_no_from_before_an_invalidation_is_only_for_those_who_asked_before_it() {
    let cache = sandbox().cache;
    let origin = Origin::default();
    let first = spawn(&cache, &origin, "none", 50);
    sleep(Duration::from_millis(10)).await;
    let second = spawn(&cache, &origin, "none", 50);
    yield_now().await;
    cache.invalidate(Invalidation::prefixes(["no"])).await.unwrap();
    assert_eq!(first.await.unwrap().unwrap(), map([]));
    assert_eq!(second.await.unwrap().unwrap(), map([]));
    assert_eq!(origin.asked(), ["none", "none"], "the second asks again");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_invalidated_while_others_load_it_is_loaded_again() {
    let cache = sandbox().cache;
    let origin = Origin::default();
    let first = spawn(&cache, &origin, "a b", 50);
    sleep(Duration::from_millis(10)).await;
    let second = spawn(&cache, &origin, "b a c", 50);
    yield_now().await;
    cache.invalidate("a").await.unwrap();
    assert_eq!(first.await.unwrap().unwrap(), map([("a", 1), ("b", 1)]));
    assert_eq!(second.await.unwrap().unwrap(), map([("a", 3), ("b", 1), ("c", 2)]));
    assert_eq!(origin.asked(), ["a b", "c", "a"]);
    assert_eq!(cache.peek("a"), Some(3));
}

#[tokio::test(start_paused = true)]
async fn refreshes_of_many_keys_are_one_load_and_one_call_of_the_hook() {
    let hooked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hooked);
    let sandbox = sandbox_with(|builder| {
        short(builder).stale_while_revalidate(60 * SECOND).wait_until(move |refresh| {
            count.fetch_add(1, Ordering::SeqCst);
            drop(refresh);
        })
    });
    let (cache, origin) = (&sandbox.cache, Origin::default());
    get(cache, &origin, "a b", 0).await.unwrap();
    sandbox.pass(11);
    let start = Instant::now();
    assert_eq!(get(cache, &origin, "a b", 50).await.unwrap(), map([("a", 1), ("b", 1)]));
    assert_eq!((start.elapsed(), hooked.load(Ordering::SeqCst)), (Duration::ZERO, 1));
    assert_eq!((cache.stats().stale, cache.stats().refreshes), (2, 2));
    sleep(Duration::from_millis(60)).await;
    assert_eq!((cache.peek("a"), cache.peek("b")), (Some(2), Some(2)));

    // Whoever has to wait for the loader anyway has the new values.
    sandbox.pass(11);
    let found = get(cache, &origin, "c a b", 50).await.unwrap();
    assert_eq!((found, hooked.load(Ordering::SeqCst)), (map([("a", 3), ("b", 3), ("c", 3)]), 1));
    assert_eq!(origin.asked(), ["a b", "a b", "c a b"]);
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_refreshed_ahead_too() {
    let sandbox = sandbox_with(|builder| short(builder).refresh_ahead(0.5).wait_until(drop));
    let (cache, origin) = (&sandbox.cache, Origin::default());
    get(cache, &origin, "a b", 0).await.unwrap();
    sandbox.clock.advance(Duration::from_millis(9_999));
    assert_eq!(get(cache, &origin, "a b", 0).await.unwrap(), map([("a", 1), ("b", 1)]));
    yield_now().await;
    assert_eq!((cache.peek("a"), cache.peek("b")), (Some(2), Some(2)));
    assert_eq!((cache.stats().stale, cache.stats().refreshes), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_takes_long_is_answered_with_old_values_and_goes_on() {
    let sandbox = sandbox_with(|builder| {
        short(builder).stale_if_error(60 * SECOND).soft_load_timeout(Duration::from_millis(100))
    });
    let (cache, origin) = (&sandbox.cache, Origin::default());
    get(cache, &origin, "a b", 0).await.unwrap();
    sandbox.pass(11);
    let start = Instant::now();
    assert_eq!(get(cache, &origin, "a b", 500).await.unwrap(), map([("a", 1), ("b", 1)]));
    assert!((100..110).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    sleep(Duration::from_millis(450)).await;
    assert_eq!((cache.peek("a"), cache.peek("b")), (Some(2), Some(2)));
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_on_without_its_reader_and_a_panic_frees_its_keys() {
    let cache = sandbox().cache;
    let origin = Origin::default();
    let first = spawn(&cache, &origin, "a b", 50);
    yield_now().await;
    let second = spawn(&cache, &origin, "b", 50);
    yield_now().await;
    first.abort();
    assert_eq!(second.await.unwrap().unwrap(), map([("b", 1)]));
    assert_eq!(cache.peek("a"), Some(1));

    let panics = cache.get_many(["c", "d"], |keys| async move {
        assert!(keys.is_empty(), "the loader's own fault");
        Ok::<_, String>(HashMap::<String, u32>::new())
    });
    assert!(matches!(panics.await, Err(LoadError::Panicked)));
    assert_eq!(get(&cache, &origin, "c d", 0).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_loader_returns_is_free() {
    let cache: Cache<u32> = sandbox().cache;
    let found = cache
        .get_many(vec!["a".to_owned(), "b".to_owned()], |_| async {
            // Neither a map, nor of plain values, nor only of what was asked for.
            Ok::<_, String>([
                ("b", Loaded::new(2).tags(["even"])),
                ("z", Loaded::new(26)),
                ("b", Loaded::new(3)),
            ])
        })
        .await
        .unwrap();
    assert_eq!((found, cache.keys()), (map([("b", 2)]), vec!["b".to_owned()]));
    cache.invalidate(Invalidation::tags(["even"])).await.unwrap();
    assert!(cache.is_empty());
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_refused_before_anything_is_begun() {
    let cache = sandbox().cache;
    let origin = Origin::default();
    let error = get(&cache, &origin, "a  b", 0).await.unwrap_err();
    assert!(matches!(error, LoadError::Input(InputError::Empty { what: "key" })), "{error}");
    assert_eq!((cache.stats().loads, origin.asked().len()), (0, 0));
}
