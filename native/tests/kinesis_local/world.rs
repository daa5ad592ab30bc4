//! A database, writers that invalidate after each commit, and sandboxes that
//! cache; the database is the oracle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_kinesis::config::{Credentials, Region};
use parking_lot::Mutex;
use snowmelt::stream::kinesis::{KinesisOptions, KinesisStream};
use snowmelt::{Builder, Cache, DataId, Invalidation, Loaded, PositionToken, RecordFormat};
use test_servers::KinesisLocal;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

const ROWS: usize = 24;
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A cache on a stream of the shared server.
pub(crate) fn builder(stream: &str) -> Builder<u64> {
    let conf = aws_sdk_kinesis::Config::builder()
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .region(Region::new("us-east-1"));
    let options = KinesisOptions::default().endpoint(KinesisLocal::shared().endpoint());
    let options = options.call_timeout(Duration::from_secs(15));
    let stream = KinesisStream::from_conf(stream, conf, options).unwrap();
    // Generous: kinesis-local answers about a hundred reads a second, on a
    // machine that may be slow.
    let builder = Cache::builder().stream_transport(Arc::new(stream));
    builder.catch_up_budget(PATIENCE).call_timeout(Duration::from_secs(15)).max_lag(Duration::from_secs(60))
}

/// Asks the server for something that takes a while.
pub(crate) async fn server<R: Send + 'static>(
    ask: impl FnOnce(&'static KinesisLocal) -> R + Send + 'static,
) -> R {
    spawn_blocking(|| ask(KinesisLocal::shared())).await.unwrap()
}

/// What a row is cached as: in the form that scache knows too.
fn key(row: usize) -> String {
    DataId { source: "shop.users.id".into(), id: row.to_string() }.to_string()
}

struct Row {
    version: AtomicU64,
    /// The newest version whose invalidation was acknowledged, and its token.
    told: Mutex<(u64, Option<PositionToken>)>,
}

pub(crate) struct World {
    rows: Vec<Row>,
    pub(crate) sandboxes: Vec<Cache<u64>>,
    writers: [Cache<u64>; 2],
    pub(crate) written: AtomicU64,
    /// The row whose invalidation was acknowledged last.
    recent: AtomicUsize,
    checked: AtomicU64,
    /// How often a read after a catch-up was served from memory.
    hits: AtomicU64,
    stop: AtomicBool,
}

impl World {
    /// Some sandboxes, a writer of Snowmelt's records and one of scache's.
    pub(crate) fn new(stream: &str, sandboxes: usize, lanes: Option<u16>) -> Arc<Self> {
        let with_lanes = |mut builder: Builder<u64>| {
            if let Some(lanes) = lanes {
                builder = builder.lanes(lanes);
            }
            builder
        };
        // Seeds of all sorts, so that lanes are too.
        let sandbox = |n| with_lanes(builder(stream)).seed(n as u64).build().unwrap();
        let row = |_| Row { version: AtomicU64::new(1), told: Mutex::new((1, None)) };
        let formats = [RecordFormat::Snowmelt, RecordFormat::Scache];
        let writer = |format| with_lanes(builder(stream)).record_format(format).build().unwrap();
        Arc::new(Self {
            rows: (0..ROWS).map(row).collect(),
            sandboxes: (0..sandboxes).map(sandbox).collect(),
            writers: formats.map(writer),
            written: AtomicU64::new(0),
            recent: AtomicUsize::new(0),
            checked: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        })
    }

    /// Everything cached everywhere, and caught up once.
    pub(crate) async fn warm(self: &Arc<Self>) {
        for sandbox in &self.sandboxes {
            for row in 0..ROWS {
                self.load(row, sandbox).await;
            }
            sandbox.catch_up().await.unwrap();
        }
    }

    async fn load(self: &Arc<Self>, row: usize, sandbox: &Cache<u64>) -> u64 {
        let world = Arc::clone(self);
        let loader = move || async move {
            let version = world.rows[row].version.load(Ordering::SeqCst);
            sleep(Duration::from_millis(1)).await;
            Ok::<_, String>(Loaded::new(version).tags([format!("group{}", row % 4)]))
        };
        sandbox.get_or_load(key(row), loader).await.unwrap()
    }

    /// Commits, then invalidates, in one format or the other.
    async fn write(&self, random: u64) {
        let row = usize::try_from(random >> 8).unwrap() % ROWS;
        let version = self.rows[row].version.fetch_add(1, Ordering::SeqCst) + 1;
        let [snowmelt, scache] = &self.writers;
        let (writer, what) = match random % 16 {
            0 => (snowmelt, Invalidation::tags([format!("group{}", row % 4)])),
            2 => (snowmelt, Invalidation::prefixes([key(row)])),
            n if n % 2 == 0 => (snowmelt, Invalidation::key(key(row))),
            _ => (scache, Invalidation::key(key(row))),
        };
        let token = writer.invalidate(what).await.unwrap();
        self.written.fetch_add(1, Ordering::SeqCst);
        let mut told = self.rows[row].told.lock();
        if told.0 < version {
            *told = (version, Some(token));
        }
        drop(told);
        self.recent.store(row, Ordering::SeqCst);
    }

    /// One read after an explicit catch-up: mostly of what changed last, which
    /// a catch-up that ended too early would not know of.
    async fn check(self: &Arc<Self>, sandbox: &Cache<u64>, random: u64) {
        let any = usize::try_from(random >> 16).unwrap() % ROWS;
        let row = if random & 6 == 0 { any } else { self.recent.load(Ordering::SeqCst) };
        let (told, token) = self.rows[row].told.lock().clone();
        match token.filter(|_| random.is_multiple_of(2)) {
            Some(token) => {
                let token = token.to_string().parse().unwrap();
                sandbox.catch_up_to(&token, PATIENCE).await.unwrap();
            }
            None => sandbox.catch_up().await.unwrap(),
        }
        if let Some(version) = sandbox.get(key(row)).await {
            assert!(version >= told, "row {row}: version {version} served, {told} was told before");
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        let version = self.load(row, sandbox).await;
        assert!(version >= told, "row {row}: version {version} loaded, {told} was told before");
        self.checked.fetch_add(1, Ordering::Relaxed);
    }

    /// Writers and readers, until [`World::settle`].
    pub(crate) fn live(self: &Arc<Self>) -> Vec<JoinHandle<()>> {
        let writer = |n: u64| {
            let world = Arc::clone(self);
            tokio::spawn(async move {
                let mut random = Random(n);
                while !world.stop.load(Ordering::Relaxed) {
                    world.write(random.next()).await;
                    sleep(Duration::from_millis(15)).await;
                }
            })
        };
        // The last sandbox is left asleep, for whoever wakes it.
        let awake = self.sandboxes.len() - 1;
        let reader = |n: usize| {
            let world = Arc::clone(self);
            tokio::spawn(async move {
                let (sandbox, mut random) = (world.sandboxes[n].clone(), Random(1000 + n as u64));
                while !world.stop.load(Ordering::Relaxed) {
                    world.check(&sandbox, random.next()).await;
                    // Long enough for something to change meanwhile.
                    sleep(Duration::from_millis(random.next() % 120)).await;
                }
            })
        };
        (1..3).map(writer).chain((0..awake).map(reader)).collect()
    }

    /// Lets everyone go on for a while, and wakes the sleeper at its end.
    pub(crate) async fn go_on(self: &Arc<Self>, time: Duration) {
        let written = self.written.load(Ordering::SeqCst);
        sleep(time).await;
        assert!(self.written.load(Ordering::SeqCst) > written, "the writers stand still");
        let sleeper = self.sandboxes.last().unwrap();
        for random in 0..8 {
            self.check(sleeper, random << 16 | random).await;
        }
    }

    /// Stops everyone; then each cache holds what the database holds, or less.
    pub(crate) async fn settle(&self, tasks: Vec<JoinHandle<()>>) {
        self.stop.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.unwrap();
        }
        for sandbox in &self.sandboxes {
            sandbox.catch_up().await.unwrap();
            for (row, database) in self.rows.iter().enumerate() {
                let now = database.version.load(Ordering::SeqCst);
                let cached = sandbox.peek(key(row));
                assert!(cached.is_none_or(|version| version == now), "row {row}: {cached:?}, {now} is true");
            }
            sandbox.validate();
            assert_eq!((sandbox.stats().gaps, sandbox.stats().undecodable), (0, 0), "{:?}", sandbox.stats());
        }
        let (checked, hits) = (self.checked.load(Ordering::Relaxed), self.hits.load(Ordering::Relaxed));
        assert!(checked > 50 && hits > 10, "{checked} checks, {hits} of them served from memory");
    }
}

/// Knuth's 64-bit linear congruence, its upper bits.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}
