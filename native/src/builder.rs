//! How a cache is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use snowmelt_core::{
    Config, ConfigError, Engine, Event, OnUndecodable, RecordFormat, Share, Source, StreamSpec, Timeline,
};
use tokio::sync::Notify;

use crate::cache::Cache;
use crate::clock::{Clock, ManualClock, RESOLUTION, entropy};
use crate::error::BuildError;
use crate::fetch_options::{Hook, Refreshing};
use crate::report::{Report, Reporter, Sink};
use crate::shared::{EventSink, Judges, Shared};
use crate::stream::Stream;
use crate::stream::kinesis::{KinesisOptions, KinesisStream};
use crate::stream::memory::MemoryStream;

/// Describes a cache; made by [`Cache::builder`].
///
/// Only the stream has to be given. Options are checked, alone and against
/// each other, by [`build`](Self::build).
///
/// ```
/// use std::time::Duration;
/// use snowmelt::Cache;
///
/// let cache: Cache<String> = Cache::builder()
///     .stream("memory:shop")
///     .ttl(Duration::from_secs(60), Duration::from_secs(90))
///     .max_entries(50_000)
///     .build()?;
/// # Ok::<(), snowmelt::BuildError>(())
/// ```
#[must_use = "it makes nothing until `build` is called"]
pub struct Builder<V> {
    stream: Option<Given>,
    region: Option<String>,
    endpoint: Option<String>,
    config: Config,
    segments: Option<usize>,
    seed: Option<u64>,
    judges: Judges<V>,
    wait_until: Option<Hook>,
    /// Checked by `build`.
    refresh_ahead: Option<f64>,
    report: Report,
    sink: Option<Sink>,
    clock: Option<Arc<ManualClock>>,
    events: Option<EventSink>,
}

/// Where the invalidations are.
enum Given {
    Named(String),
    Own(Arc<dyn Stream>),
}

/// The stream as the cache uses it.
#[derive(Default)]
struct Opened {
    stream: Option<Arc<dyn Stream>>,
    kinesis: Option<KinesisStream>,
}

/// Options that the core knows by the same name.
macro_rules! core_options {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        $($(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            self.config.$name = $name;
            self
        })*
    };
}

impl<V: Clone + Send + Sync + 'static> Builder<V> {
    pub(crate) fn new() -> Self {
        Self {
            stream: None,
            region: None,
            endpoint: None,
            config: Config::default(),
            segments: None,
            seed: None,
            judges: Judges { weigher: None, absence: None },
            wait_until: None,
            refresh_ahead: None,
            report: Report::Off,
            sink: None,
            clock: None,
            events: None,
        }
    }

    /// The stream: the name or the ARN of a Kinesis data stream,
    /// `memory:NAME` for one within this process (the name may be empty), or `none` for none at all
    /// (lifetimes and shared loads only). Must be given; see [`StreamSpec`].
    pub fn stream(mut self, stream: impl Into<String>) -> Self {
        self.stream = Some(Given::Named(stream.into()));
        self
    }

    /// A transport of one's own, instead of [`stream`](Self::stream).
    pub fn stream_transport(mut self, stream: Arc<dyn Stream>) -> Self {
        self.stream = Some(Given::Own(stream));
        self
    }

    /// The Kinesis stream's region. Default: `AWS_REGION`, then
    /// `AWS_DEFAULT_REGION`, then the one in the stream's ARN.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The URL of the Kinesis endpoint. Default: `AWS_ENDPOINT_URL_KINESIS`,
    /// then `AWS_ENDPOINT_URL`, then the region's own.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The shortest and the longest lifetime of an entry, from the start of
    /// its load; each entry's is drawn between them, so that entries loaded
    /// together do not end together. Default 4 min and 5 min; at most 49 days.
    pub fn ttl(self, shortest: Duration, longest: Duration) -> Self {
        self.ttl_min(shortest).ttl_max(longest)
    }

    core_options! {
        /// Shortest lifetime of an entry. Default 4 min.
        ttl_min: Duration,
        /// Longest lifetime of an entry. Default 5 min, at most 49 days.
        ttl_max: Duration,
        /// Soft bound on staleness: past it a read first tries to catch up.
        /// Zero means once in each [`invocation`](Cache::invocation). Default
        /// 1 s.
        catch_up_every: Duration,
        /// Hard bound on staleness: past it an entry is not served. Default
        /// 10 s.
        max_lag: Duration,
        /// Clock skew, put-to-get delay and disorder of arrival times allowed
        /// for wherever a time is used as a position. Default 5 s, at least
        /// 1 s.
        margin: Duration,
        /// A load that began less than this after an invalidation of its key
        /// is not stored: for loads from a replica that lags. Default 0.
        settle: Duration,
        /// The stream's retention period. Default 24 h, as Kinesis has it.
        retention: Duration,
        /// The most that a read waits for a catch-up. Default 250 ms.
        catch_up_budget: Duration,
        /// After this a call to the stream is given up. Default 3 s.
        call_timeout: Duration,
        /// After this a load is joined by nobody, and not stored. The loader
        /// itself is not stopped. Whoever waits for it is given an old value
        /// then, as if it had failed; without one, who joined it loads anew,
        /// and who began it waits on. Default 30 s.
        load_timeout: Duration,
        /// For so long past its lifetime a value is served while one reader
        /// loads it anew (RFC 5861); never past `max_lag`, nor once it was
        /// invalidated. That reader waits for the load unless there is a hook:
        /// see [`wait_until`](Self::wait_until). Default 0, at most 49 days.
        stale_while_revalidate: Duration,
        /// For so long past its lifetime, or past `max_lag`, a value is served
        /// if it cannot be loaded anew (RFC 5861), as
        /// [`How::StaleOnError`](crate::How::StaleOnError). Once it was
        /// invalidated it never is. Default 0, at most 49 days.
        stale_if_error: Duration,
        /// The most entries. Default 10,000.
        max_entries: usize,
        /// The most weight of all entries together, in the weigher's unit.
        /// Each segment has an equal share of it, and an entry heavier than
        /// that is not stored. Default 67,108,864: 64 MiB where values weigh
        /// their bytes, as HTTP responses do, and no bound where each weighs 1.
        max_weight: u64,
        /// The most loads under way that may still be stored. Default 1,000.
        max_leases: usize,
        /// The most invalidations remembered for loads under way. Default
        /// 4,096.
        max_fences: usize,
        /// What a foreign record that cannot be decoded does. Default
        /// [`OnUndecodable::Skip`]. A Snowmelt record of a newer version
        /// empties the cache in any case.
        on_undecodable: OnUndecodable,
        /// What [`Cache::invalidate`] writes; both formats are always read.
        /// Default [`RecordFormat::Snowmelt`].
        record_format: RecordFormat,
        /// Whether each invalidated key counts as a tag too, so that all entries
        /// that bear it go with it: the variants of one thing. See
        /// [`Config::keys_as_tags`](snowmelt_core::Config::keys_as_tags).
        /// Default false.
        keys_as_tags: bool,
        /// A backlog of more records than this is given up: the cache is
        /// emptied instead. Default 100,000.
        give_up_records: u64,
        /// A backlog of more bytes than this is given up. Default 64 MiB.
        give_up_bytes: u64,
        /// The most records asked for at once, 1 to 10,000. Default 1,000.
        page_records: u32,
    }

    /// After this a load for which there is an old value that may be served
    /// (see [`stale_while_revalidate`](Self::stale_while_revalidate) and
    /// [`stale_if_error`](Self::stale_if_error)) is answered with that, and
    /// goes on. Counted from the load's start, for all who wait for it. Default:
    /// never; at most `load_timeout`.
    pub fn soft_load_timeout(mut self, timeout: Duration) -> Self {
        self.config.soft_load_timeout = Some(timeout);
        self
    }

    /// Past this share of its lifetime, between 0 and 1, one reader may load a
    /// value anew early: each with the probability of `XFetch`, so that a fleet
    /// does not refresh in step. It waits for that load unless there is a hook:
    /// see [`wait_until`](Self::wait_until). Only reads that can load refresh.
    /// Default: off.
    pub fn refresh_ahead(mut self, share: f64) -> Self {
        self.refresh_ahead = Some(share);
        self
    }

    /// Lifetime of a value that says that there is nothing: see
    /// [`absent`](Self::absent). Zero: none is kept. Default: that of any other;
    /// at most 49 days.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.config.negative_ttl = Some(ttl);
        self
    }

    /// Which values say that there is nothing, where a load does not say so
    /// itself: they live for [`negative_ttl`](Self::negative_ttl). Default:
    /// none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use snowmelt::Cache;
    ///
    /// let cache: Cache<Option<String>> = Cache::builder()
    ///     .stream("memory:shop")
    ///     .negative_ttl(Duration::from_secs(5))
    ///     .absent(Option::is_none)
    ///     .build()?;
    /// # Ok::<(), snowmelt::BuildError>(())
    /// ```
    pub fn absent(mut self, absent: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        self.judges.absence = Some(Arc::new(absent));
        self
    }

    /// Lets a refresh go on when its reader has been answered: with a hook the
    /// reader that refreshes is given the old value at once, too. The hook
    /// is called by that reader, before its answer, with a future that ends
    /// when the refresh landed. It must not wait.
    ///
    /// A service that is never frozen needs no more than `.wait_until(drop)`.
    /// A Lambda function is frozen once it has answered (and its extensions are
    /// done), and a refresh that is cut by that is lost: its value is not stored, and
    /// the next reader begins another. So keep the futures, and await them
    /// before the freeze: at the end of the handler, or, so that the answer does not
    /// wait for them, in an internal extension that asks for its next event only then
    /// (`with_internal_extension` of the crate `lambda-extension`, with a signal from the
    /// handler).
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use snowmelt::{Cache, Refreshing};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let refreshes: Arc<Mutex<Vec<Refreshing>>> = Arc::default();
    /// let kept = Arc::clone(&refreshes);
    /// let cache: Cache<String> = Cache::builder()
    ///     .stream("memory:shop")
    ///     .stale_while_revalidate(std::time::Duration::from_secs(60))
    ///     .wait_until(move |refresh| kept.lock().unwrap().push(refresh))
    ///     .build()?;
    ///
    /// // In the handler, after the work:
    /// let under_way = std::mem::take(&mut *refreshes.lock().unwrap());
    /// for refresh in under_way {
    ///     refresh.await;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Default: none, and the reader that refreshes waits for its load; if that
    /// fails while the old value may still be served, it is given that.
    pub fn wait_until(mut self, hook: impl Fn(Refreshing) + Send + Sync + 'static) -> Self {
        self.wait_until = Some(Arc::new(hook));
        self
    }

    /// If all writers are Snowmelt: into how many lanes the fleet's reads are
    /// spread, 1 to 500; writers and readers must agree. A reader then follows
    /// one shard, and the fleet can have 5 × `lanes` × `max_lag` (in seconds)
    /// active caches. Default: every cache follows every shard.
    pub fn lanes(mut self, lanes: u16) -> Self {
        self.config.lanes = Some(lanes);
        self
    }

    /// Keeps services and stages on one stream apart: a cache applies records
    /// of its own namespace only, and writes into it. At most 256 bytes.
    /// Default empty.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.config.namespace = namespace.into();
        self
    }

    /// A change log that is read beside invalidations: a DynamoDB table's, or
    /// what EventBridge tells of parameters and secrets. May be called again
    /// for further ones; see [`Source`] for what their templates may say.
    ///
    /// ```
    /// use snowmelt::{Cache, Source};
    ///
    /// let cache: Cache<String> = Cache::builder()
    ///     .stream("memory:shop")
    ///     .source(Source::dynamodb("users").key("users/{id}").tag("tenant:{tenant}"))
    ///     .source(Source::parameter_store().key("config/{name}"))
    ///     .build()?;
    /// # Ok::<(), snowmelt::BuildError>(())
    /// ```
    pub fn source(mut self, source: Source) -> Self {
        self.config.sources.push(source);
        self
    }

    /// Into how many parts with a lock of their own the cache is split; a
    /// power of two. Default: four for each core, but none smaller than 256
    /// entries.
    pub fn segments(mut self, segments: usize) -> Self {
        self.segments = Some(segments);
        self
    }

    /// How heavy a value is, where a load does not say; see
    /// [`max_weight`](Self::max_weight). Default: 1.
    pub fn weigher(mut self, weigher: impl Fn(&str, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.judges.weigher = Some(Arc::new(weigher));
        self
    }

    /// What spreads lifetimes, lanes and retries. Default: another for each
    /// cache, from the system's randomness and the time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// What is reported at the end of each invocation. Default
    /// [`Report::Off`].
    pub fn report(mut self, report: Report) -> Self {
        self.report = report;
        self
    }

    /// Where reports go, a line at a time. Default: the standard output.
    pub fn report_to(mut self, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.sink = Some(Arc::new(sink));
        self
    }

    /// Every option that the core knows, at once.
    #[doc(hidden)]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Told of what happens on the stream, on the runtime's threads, instead
    /// of `tracing`. Must not wait.
    #[doc(hidden)]
    pub fn event_sink(mut self, sink: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.events = Some(Arc::new(sink));
        self
    }

    #[doc(hidden)]
    pub fn clock(mut self, clock: Arc<ManualClock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Makes the cache. Does no I/O.
    ///
    /// # Errors
    ///
    /// If no stream was given, or options cannot be used as they are; the
    /// message names the remedy.
    pub fn build(mut self) -> Result<Cache<V>, BuildError> {
        let opened = self.open()?;
        if let Some(given) = self.refresh_ahead {
            self.config.refresh_ahead = share(given)?;
        }
        self.config.stream = opened.stream.as_ref().map(|stream| stream.name().to_owned());
        self.config.segments = self.segments.unwrap_or_else(|| default_segments(&self.config));
        if self.clock.is_none() {
            self.config.clock_resolution = RESOLUTION;
        }
        let clock = Clock::new(self.clock);
        let reading = clock.precise();
        let (now, _) = Timeline::new().observe(reading.monotonic, reading.wall);
        let engine = Engine::new(self.config, self.seed.unwrap_or_else(entropy), now)?;
        Ok(Cache::over(Shared {
            engine,
            clock,
            stream: opened.stream,
            kinesis: opened.kinesis,
            judges: self.judges,
            wait_until: self.wait_until,
            events: self.events,
            reporter: Reporter { report: self.report, sink: self.sink },
            changed: Notify::new(),
            answered: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        }))
    }

    fn open(&mut self) -> Result<Opened, BuildError> {
        let named = match self.stream.take() {
            None => return Err(StreamSpec::not_set("not given").into()),
            Some(Given::Own(stream)) => return Ok(Opened { stream: Some(stream), kinesis: None }),
            Some(Given::Named(named)) => named,
        };
        Ok(match named.parse::<StreamSpec>()? {
            StreamSpec::None => Opened::default(),
            StreamSpec::Memory(name) => {
                Opened { stream: Some(Arc::new(MemoryStream::named(&name))), kinesis: None }
            }
            StreamSpec::Kinesis(name) => {
                let stream = KinesisStream::from_env(&name, self.kinesis_options())?;
                Opened { stream: Some(Arc::new(stream.clone())), kinesis: Some(stream) }
            }
        })
    }

    fn kinesis_options(&mut self) -> KinesisOptions {
        let mut options = KinesisOptions::default().call_timeout(self.config.call_timeout);
        options.region = self.region.take();
        options.endpoint = self.endpoint.take();
        options
    }
}

fn share(given: f64) -> Result<Share, ConfigError> {
    let remedy = "give a number between 0 and 1, such as 0.8, or leave it out";
    Share::new(given).ok_or_else(|| ConfigError::new("refresh_ahead", given.to_string(), remedy))
}

/// Entries that a segment has at the least: fewer make its share of the
/// bounds, and so its evictions, too coarse.
const SEGMENT_ENTRIES: usize = 256;
const MAX_SEGMENTS: usize = 4096;

fn default_segments(config: &Config) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = (config.max_entries / SEGMENT_ENTRIES)
        .min(config.max_leases)
        .min(config.max_fences)
        .clamp(1, MAX_SEGMENTS);
    let wanted = (4 * cores).next_power_of_two();
    // The largest power of two that is not above `most`.
    wanted.min(1 << most.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract lines 3 and 8 hold in real time only if the core knows by how
    /// much the clock is behind that it is given.
    #[test]
    fn the_core_is_told_how_far_behind_the_clock_may_be() {
        let told = |builder: Builder<u8>| {
            let cache = builder.stream("none").build().expect("these options fit together");
            cache.shared.engine.config().clock_resolution
        };
        assert_eq!(told(Cache::builder()), RESOLUTION);
        assert_eq!(told(Cache::builder().clock(ManualClock::new())), std::time::Duration::ZERO);
    }

    #[test]
    fn segments_suit_the_bounds() {
        let of = |max_entries, max_leases| {
            let mut config = Config::default();
            (config.max_entries, config.max_leases) = (max_entries, max_leases);
            default_segments(&config)
        };
        assert_eq!(of(1, 1000), 1);
        assert_eq!(of(600, 1000), 2);
        assert_eq!(of(1 << 20, 3), 2);
        assert!(of(1 << 20, 1000).is_power_of_two());
    }
}
