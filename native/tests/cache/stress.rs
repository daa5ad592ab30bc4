//! Many threads, two caches, one stream, and an oracle that knows the
//! database: after a catch-up that succeeded, nothing that was invalidated
//! before it began is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use snowmelt::stream::memory::MemoryStream;
use snowmelt::{Cache, Invalidation, Loaded};

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

impl World {
    fn new() -> Arc<Self> {
        let stream = MemoryStream::new().with_shards(3);
        let cache = |_| {
            let builder = Cache::builder().stream_transport(Arc::new(stream.clone()));
            // Generous: the machine that runs the tests may be slow.
            builder.catch_up_budget(Duration::from_secs(20)).build().unwrap()
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

    async fn load(self: &Arc<Self>, at: usize, cache: &Cache<u64>, slow: bool) -> u64 {
        let world = Arc::clone(self);
        let loader = move || async move {
            let version = world.database[at].load(Ordering::SeqCst);
            if slow {
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
            Ok::<_, String>(Loaded::new(version).tags([format!("tag{}", at % 4)]))
        };
        cache.get_or_load(format!("key{at}/"), loader).await.unwrap()
    }

    async fn check(self: &Arc<Self>, at: usize, cache: &Cache<u64>) {
        let told = self.told[at].load(Ordering::SeqCst);
        cache.catch_up().await.unwrap();
        if let Some(version) = cache.get(format!("key{at}/")).await {
            assert!(version >= told, "key {at}: version {version} served, {told} was told before");
        }
        let version = self.load(at, cache, false).await;
        assert!(version >= told, "key {at}: version {version} loaded, {told} was told before");
        self.checked.fetch_add(1, Ordering::Relaxed);
    }

    async fn live(self: Arc<Self>, mut random: u64) {
        while !self.stop.load(Ordering::Relaxed) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(random >> 40).unwrap() % KEYS;
            let cache = &self.caches[usize::try_from(random >> 33).unwrap() % 2];
            match (random >> 20) % 16 {
                0 | 1 => self.write(at, cache, random >> 50).await,
                2..5 => self.check(at, cache).await,
                5 => drop(cache.get(format!("key{at}/")).await),
                _ => drop(self.load(at, cache, random & (1 << 45) != 0).await),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn never_stale_after_a_catch_up() {
    let world = World::new();
    let workers: Vec<_> = (0..THREADS).map(|n| tokio::spawn(Arc::clone(&world).live(n * 77 + 1))).collect();
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
