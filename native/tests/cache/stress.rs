//! Many threads, two caches, one stream, and an oracle that knows the
//! database: after a catch-up that succeeded, nothing that was invalidated
//! before it began is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use snowmelt::stream::memory::MemoryStream;
use snowmelt::{Builder, Cache, CatchUpError, Invalidation, LoadError, Loaded};

const KEYS: usize = 32;
const THREADS: u64 = 8;

/// The versions of all keys, and which of them everyone was told of.
struct World {
    database: [AtomicU64; KEYS],
    told: [AtomicU64; KEYS],
    stop: AtomicBool,
    checked: AtomicU64,
    caches: [Cache<u64>; 2],
}

/// What a load does.
#[derive(Clone, Copy)]
struct Load {
    slow: bool,
    fails: bool,
}

/// What a load brought, if it did not fail.
fn brought<T>(answer: Result<T, LoadError<String>>) -> Option<T> {
    match answer {
        Ok(found) => Some(found),
        Err(LoadError::Load(_)) => None,
        Err(other) => panic!("{other}"),
    }
}

impl World {
    fn new(options: impl Fn(usize, Builder<u64>) -> Builder<u64>) -> Arc<Self> {
        let stream = MemoryStream::new().with_shards(3);
        let cache = |n| {
            let builder = Cache::builder().stream_transport(Arc::new(stream.clone()));
            // Generous: the machine that runs the tests may be slow.
            options(n, builder.catch_up_budget(Duration::from_secs(20))).build().unwrap()
        };
        Arc::new(Self {
            database: std::array::from_fn(|_| AtomicU64::new(1)),
            told: std::array::from_fn(|_| AtomicU64::new(1)),
            stop: AtomicBool::new(false),
            checked: AtomicU64::new(0),
            caches: std::array::from_fn(cache),
        })
    }

    /// A commit, and then an invalidation by key, tag or prefix.
    async fn write(&self, at: usize, cache: &Cache<u64>, random: u64) {
        let version = self.database[at].fetch_add(1, Ordering::SeqCst) + 1;
        let what = match random % 4 {
            0 => Invalidation::tags([format!("tag{}", at % 4)]),
            1 => Invalidation::prefixes([format!("key{at}/")]),
            _ => Invalidation::key(format!("key{at}/")),
        };
        cache.invalidate(what).await.unwrap();
        self.told[at].fetch_max(version, Ordering::SeqCst);
    }

    async fn load(self: &Arc<Self>, at: usize, cache: &Cache<u64>, how: Load) -> Option<u64> {
        let world = Arc::clone(self);
        let loader = move || async move { world.select(at, how).await };
        brought(cache.get_or_load(format!("key{at}/"), loader).await)
    }

    /// Three keys at once; the versions of the first.
    async fn load_many(self: &Arc<Self>, at: usize, cache: &Cache<u64>, how: Load) -> Option<u64> {
        let keys = [at, (at + 1) % KEYS, (at + 7) % KEYS].map(|at| format!("key{at}/"));
        let world = Arc::clone(self);
        let loader = move |keys: Vec<String>| {
            let world = Arc::clone(&world);
            async move {
                let mut rows = Vec::new();
                for key in keys {
                    let at = key["key".len()..key.len() - 1].parse().expect("a number");
                    rows.push((key, world.select(at, how).await?));
                }
                Ok::<_, String>(rows)
            }
        };
        brought(cache.get_many(keys.clone(), loader).await).map(|found| found[&keys[0]])
    }

    async fn select(&self, at: usize, how: Load) -> Result<Loaded<u64>, String> {
        let version = self.database[at].load(Ordering::SeqCst);
        if how.slow {
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
        if how.fails {
            return Err("out of order".to_owned());
        }
        Ok(Loaded::new(version).tags([format!("tag{}", at % 4)]))
    }

    async fn check(self: &Arc<Self>, at: usize, cache: &Cache<u64>, how: Load) {
        let told = self.told[at].load(Ordering::SeqCst);
        // On a busy machine one may take longer than it may.
        let mut tries = 1;
        while let Err(error) = cache.catch_up().await {
            assert!(error == CatchUpError::OutOfBudget && tries < 50, "{error}");
            tries += 1;
        }
        let found = [
            cache.get(format!("key{at}/")).await,
            self.load(at, cache, how).await,
            self.load_many(at, cache, how).await,
        ];
        for version in found.into_iter().flatten() {
            assert!(version >= told, "key {at}: version {version} of {found:?}, {told} was told before");
        }
        self.checked.fetch_add(1, Ordering::Relaxed);
    }

    async fn live(self: Arc<Self>, mut random: u64) {
        while !self.stop.load(Ordering::Relaxed) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(random >> 40).unwrap() % KEYS;
            let cache = &self.caches[usize::try_from(random >> 33).unwrap() % 2];
            let how = Load { slow: random & (1 << 45) != 0, fails: (random >> 24).is_multiple_of(8) };
            match (random >> 20) % 16 {
                0 | 1 => self.write(at, cache, random >> 50).await,
                2..5 => self.check(at, cache, Load { slow: false, ..how }).await,
                5 => drop(cache.get(format!("key{at}/")).await),
                6 => drop(self.load_many(at, cache, how).await),
                _ => drop(self.load(at, cache, how).await),
            }
        }
    }
}

/// Lets many tasks live in a world, and looks at it afterwards.
async fn run(world: &Arc<World>) {
    let workers: Vec<_> = (0..THREADS).map(|n| tokio::spawn(Arc::clone(world).live(n * 77 + 1))).collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    for cache in &world.caches {
        cache.validate();
        let stats = cache.stats();
        assert!(stats.hits > 0 && stats.fills > 0 && stats.fenced > 0 && stats.records > 0, "{stats:?}");
        assert_eq!(stats.gaps, 0, "{stats:?}");
    }
    let checked = world.checked.load(Ordering::Relaxed);
    assert!(checked > 100, "only {checked} checks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn never_stale_after_a_catch_up() {
    run(&World::new(|_, builder| builder)).await;
}

/// The same with old values at hand for everything: none of them was
/// invalidated.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn old_values_are_never_invalidated_ones() {
    let second = Duration::from_secs(1);
    let world = World::new(|n, builder| {
        let builder = builder
            .ttl(Duration::from_millis(1), Duration::from_millis(20))
            .refresh_ahead(0.3)
            .soft_load_timeout(Duration::from_millis(1));
        // In one cache nobody waits, in the other old values stand in for errors only.
        if n == 0 {
            builder.stale_while_revalidate(second).wait_until(drop)
        } else {
            builder.stale_if_error(second)
        }
    });
    run(&world).await;
    let stats = [0, 1].map(|n| world.caches[n].stats());
    assert!(stats[0].stale > 0 && stats[0].refreshes > 0 && stats[1].rescued > 0, "{stats:?}");
}
