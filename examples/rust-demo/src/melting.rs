//! The fleet with Snowmelt.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use snowmelt::stream::Stream;
use snowmelt::stream::memory::MemoryStream;
use snowmelt::{Builder, Cache, Invocation};

use crate::clocks::Clocks;
use crate::database::{Database, Row, key};
use crate::fleet::{Sandbox, Tally, play};
use crate::script::{Read, Setting, Step};

/// What a call to Kinesis takes within a region, about.
const LATENCY: Duration = Duration::from_millis(6);

struct Melting {
    cache: Cache<Row>,
    database: Arc<Database>,
}

impl Sandbox for Melting {
    type Invocation = Invocation<Row>;

    async fn begin(&self) -> Invocation<Row> {
        self.cache.invocation().await
    }

    async fn read(&self, read: &Read) -> Result<Row, Box<dyn Error>> {
        let (database, row, raced) = (Arc::clone(&self.database), read.row, read.raced);
        let load = move || async move { database.select(row, raced).await };
        Ok(self.cache.get_or_load(key(row), load).await?)
    }

    async fn write(&self, row: usize) -> Result<(), Box<dyn Error>> {
        Ok(self.database.overwrite(row, Some(&self.cache)).await?)
    }
}

/// On the embedded stream, in virtual time.
pub(crate) async fn run_embedded(
    setting: &Setting,
    script: &[Step],
    clocks: &Clocks,
) -> Result<Tally, Box<dyn Error>> {
    let Clocks::ByHand { service, sandboxes } = clocks else { unreachable!("virtual time is moved by hand") };
    let wall = Arc::clone(service);
    let stream = MemoryStream::new().with_clock(Arc::new(move || wall.wall_millis())).with_latency(LATENCY);
    let stream: Arc<dyn Stream> = Arc::new(stream);
    let on = |builder: Builder<Row>| builder.stream_transport(Arc::clone(&stream));
    let office = on(builder(setting, 0)).clock(Arc::clone(service)).build()?;
    let caches =
        (1..).zip(sandboxes).map(|(seed, clock)| on(builder(setting, seed)).clock(Arc::clone(clock)).build());
    run(setting, script, clocks, office, caches.collect::<Result<_, _>>()?).await
}

/// On Kinesis, in real time.
pub(crate) async fn run_on_kinesis(
    setting: &Setting,
    script: &[Step],
    stream: &str,
) -> Result<Tally, Box<dyn Error>> {
    let build = |seed| builder(setting, seed).stream(stream).build();
    let office = build(0)?;
    let mut caches = Vec::new();
    for seed in 1..=setting.sandboxes {
        let cache = build(seed as u64)?;
        cache.warm().await;
        caches.push(cache);
    }
    run(setting, script, &Clocks::Real, office, caches).await
}

fn builder(setting: &Setting, seed: u64) -> Builder<Row> {
    Cache::builder()
        .namespace("snowmelt-demo")
        .seed(seed)
        .ttl(setting.ttl, setting.ttl)
        // Each invocation catches up, and rather waits than serves what may be
        // a few seconds old: nothing at all is to be stale here.
        .catch_up_every(Duration::ZERO)
        .catch_up_budget(Duration::from_secs(3))
}

async fn run(
    setting: &Setting,
    script: &[Step],
    clocks: &Clocks,
    office: Cache<Row>,
    caches: Vec<Cache<Row>>,
) -> Result<Tally, Box<dyn Error>> {
    let told = office.clone();
    let database = Arc::new(Database::new(setting.rows, Some(office)));
    let melting = |cache| Melting { cache, database: Arc::clone(&database) };
    let sandboxes: Vec<_> = caches.into_iter().map(melting).collect();
    let stale = play(script, clocks, &database, &sandboxes).await?;
    let mut tally = Tally { stale, calls: told.stats().calls(), ..Tally::default() };
    for sandbox in &sandboxes {
        let stats = sandbox.cache.stats();
        tally.hits += stats.hits;
        tally.loads += stats.loads;
        tally.saved += stats.time_saved;
        tally.spent += stats.time_spent;
        tally.calls += stats.calls();
    }
    Ok(tally)
}
