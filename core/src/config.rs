//! Every option of a cache, with its default.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::ConfigError;
use crate::invalidation::{RecordFormat, Source, Sources};
use crate::refresh::Share;

/// The most tags that one entry can bear.
pub const MAX_TAGS: usize = 256;

/// How a cache behaves. Start from [`Config::default`], change what matters,
/// and let [`Config::validate`] (called by the engine) tell what cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The name of the stream that is followed and written to, as position
    /// tokens know it. `None` follows nothing: TTL and coalescing only.
    pub stream: Option<String>,
    /// Shortest lifetime of an entry, from the start of its load. Default
    /// 4 min.
    pub ttl_min: Duration,
    /// Longest lifetime of an entry. Default 5 min, at most 49 days.
    pub ttl_max: Duration,
    /// Soft bound on staleness: past it a read first tries to catch up. 0
    /// means once in each invocation. Default 1 s.
    pub catch_up_every: Duration,
    /// Hard bound on staleness: past it an entry is not served. Default 10 s.
    pub max_lag: Duration,
    /// How far behind the time may be that reads are judged by. `max_lag` and
    /// the lifetimes end earlier by as much (by a fifth of themselves at
    /// most), so that they are true of the real time. What the host's clock
    /// is, and no option of a user's. Default 0.
    pub clock_resolution: Duration,
    /// Clock skew + put-to-get delay + disorder of arrival times, allowed for
    /// wherever a time is used as a position. Default 5 s, at least 1 s.
    pub margin: Duration,
    /// A load that began less than this after an invalidation of its key is
    /// not stored: the remedy where loads read from a lagging replica. It is
    /// reckoned in the cache's time, in which a wall clock that is set forward
    /// counts as time that passed. Default 0.
    pub settle: Duration,
    /// The stream's retention period. Default 24 h, as Kinesis has it.
    pub retention: Duration,
    /// The most that a reader waits for a catch-up. Default 250 ms.
    pub catch_up_budget: Duration,
    /// After this a call to the stream is given up. Default 3 s.
    pub call_timeout: Duration,
    /// After this a load is revoked and joined by nobody. Default 30 s.
    pub load_timeout: Duration,
    /// After this a load for which there is an old value that may be served
    /// (see the windows below) is answered with that, and goes on. `None` waits.
    /// Default `None`; at most `load_timeout`.
    pub soft_load_timeout: Option<Duration>,
    /// For so long past its lifetime a value is served while one reader loads
    /// it anew (RFC 5861); never past `max_lag`, nor once it was invalidated.
    /// Default 0, at most 49 days.
    pub stale_while_revalidate: Duration,
    /// For so long past its lifetime, or past `max_lag`, a value is served if
    /// it cannot be loaded anew (RFC 5861), and is said to be such. What was
    /// invalidated never is. Default 0, at most 49 days.
    pub stale_if_error: Duration,
    /// Past this share of its lifetime one reader may load a value anew early,
    /// chosen with the probability of `XFetch`, so that a fleet does not refresh in
    /// step. Default [`Share::OFF`].
    pub refresh_ahead: Share,
    /// Lifetime of a value that says that there is nothing
    /// ([`Loaded::absent`](crate::Loaded::absent)); 0 keeps none. Such a value
    /// has no stale window. Default `None`: as any other; at most 49 days.
    pub negative_ttl: Option<Duration>,
    /// The most entries. Default 10,000.
    pub max_entries: usize,
    /// The most weight of all entries together. Default 67,108,864, which is
    /// 64 MiB where values weigh their bytes, and no bound where each weighs 1.
    pub max_weight: u64,
    /// The most loads that can be under way with the right to store. Default
    /// 1,000.
    pub max_leases: usize,
    /// The most invalidations remembered for loads under way. Default 4,096.
    pub max_fences: usize,
    /// Into how many separately guarded segments the store is split; a power
    /// of two. Each has its share of the bounds. Default 1.
    pub segments: usize,
    /// If all writers are Snowmelt: into how many lanes the fleet's reads are
    /// spread. Default `None`: every shard is followed.
    pub lanes: Option<u16>,
    /// Records of other namespaces are not applied. Default empty.
    pub namespace: String,
    /// What a foreign record that cannot be decoded does. Default
    /// [`OnUndecodable::Skip`].
    pub on_undecodable: OnUndecodable,
    /// What `invalidate` writes. Both formats are always read. Default
    /// [`RecordFormat::Snowmelt`].
    pub record_format: RecordFormat,
    /// Change logs of other services that are read beside invalidations, at
    /// most 1,000; not together with `lanes`. Default none.
    pub sources: Vec<Source>,
    /// Whether each key that is invalidated, by a record of whatever format or
    /// by [`Engine::invalidate`](crate::Engine::invalidate), counts as a tag
    /// too: entries that bear it are dropped, and loads of them are fenced, so
    /// that all variants of one thing (versions, encodings) go with its one
    /// key. A prefix is not a tag, and `delete` drops one entry. An entry may
    /// be in any segment, so that each key is then looked up and fenced in all
    /// of them: [`max_fences`](Self::max_fences), which the segments share,
    /// covers the fewer invalidations the more segments there are. Default
    /// false.
    pub keys_as_tags: bool,
    /// A backlog of more records than this is given up as a gap. Default
    /// 100,000.
    pub give_up_records: u64,
    /// A backlog of more bytes than this is given up as a gap. Default 64 MiB.
    pub give_up_bytes: u64,
    /// The most records asked for at once, 1 to 10,000. Default 1,000.
    pub page_records: u32,
}

/// What a foreign record that cannot be decoded does to the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUndecodable {
    /// Nothing: it is skipped, counted, and the first one is reported.
    #[default]
    Skip,
    /// It empties the cache, since it might have been an invalidation.
    Flush,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stream: None,
            ttl_min: Duration::from_secs(240),
            ttl_max: Duration::from_secs(300),
            catch_up_every: Duration::from_secs(1),
            max_lag: Duration::from_secs(10),
            clock_resolution: Duration::ZERO,
            margin: Duration::from_secs(5),
            settle: Duration::ZERO,
            retention: Duration::from_secs(24 * 3600),
            catch_up_budget: Duration::from_millis(250),
            call_timeout: Duration::from_secs(3),
            load_timeout: Duration::from_secs(30),
            soft_load_timeout: None,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            refresh_ahead: Share::OFF,
            negative_ttl: None,
            max_entries: 10_000,
            max_weight: 64 << 20,
            max_leases: 1_000,
            max_fences: 4_096,
            segments: 1,
            lanes: None,
            namespace: String::new(),
            on_undecodable: OnUndecodable::Skip,
            record_format: RecordFormat::Snowmelt,
            sources: Vec::new(),
            keys_as_tags: false,
            give_up_records: 100_000,
            give_up_bytes: 64 << 20,
            page_records: 1_000,
        }
    }
}

const LONGEST: Duration = Duration::from_millis(u32::MAX as u64);

impl Config {
    /// Checks every option, alone and against the others.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_times()?;
        self.validate_sizes()?;
        self.validate_stream()?;
        Sources::new(&self.sources).map(drop)
    }

    fn validate_times(&self) -> Result<(), ConfigError> {
        let second = Duration::from_secs(1);
        within("ttl_min", self.ttl_min, Duration::from_millis(1), LONGEST)?;
        within("ttl_max", self.ttl_max, self.ttl_min, LONGEST)?;
        within("max_lag", self.max_lag, Duration::from_millis(1), LONGEST)?;
        within("catch_up_every", self.catch_up_every, Duration::ZERO, self.max_lag)?;
        within("clock_resolution", self.clock_resolution, Duration::ZERO, second)?;
        within("margin", self.margin, second, Duration::from_secs(3600))?;
        within("settle", self.settle, Duration::ZERO, Duration::from_secs(3600))?;
        within("retention", self.retention, Duration::from_secs(60), Duration::from_secs(366 * 86_400))?;
        within("catch_up_budget", self.catch_up_budget, Duration::from_millis(1), Duration::from_secs(60))?;
        within("call_timeout", self.call_timeout, Duration::from_millis(1), Duration::from_secs(60))?;
        within("load_timeout", self.load_timeout, Duration::from_millis(1), Duration::from_secs(900))?;
        within("stale_while_revalidate", self.stale_while_revalidate, Duration::ZERO, LONGEST)?;
        within("stale_if_error", self.stale_if_error, Duration::ZERO, LONGEST)?;
        within("negative_ttl", self.negative_ttl.unwrap_or_default(), Duration::ZERO, LONGEST)?;
        if let Some(soft) = self.soft_load_timeout {
            let least = Duration::from_millis(1);
            if !(least..=self.load_timeout).contains(&soft) {
                let most = self.load_timeout;
                let remedy = format!("use a duration from {least:?} to `load_timeout`, which is {most:?}");
                return Err(ConfigError::new("soft_load_timeout", format!("{soft:?}"), remedy));
            }
        }
        if self.retention <= self.margin + self.settle {
            return Err(refused("retention", &self.retention, "make it longer than `margin` + `settle`"));
        }
        Ok(())
    }

    fn validate_sizes(&self) -> Result<(), ConfigError> {
        in_range("max_entries", self.max_entries as u64, 1, 1 << 31)?;
        in_range("max_weight", self.max_weight, 1, u64::MAX)?;
        in_range("max_leases", self.max_leases as u64, 1, 1 << 24)?;
        in_range("max_fences", self.max_fences as u64, 1, 1 << 24)?;
        in_range("segments", self.segments as u64, 1, 1 << 12)?;
        if !self.segments.is_power_of_two() {
            return Err(refused("segments", &self.segments, "use a power of two, such as 16"));
        }
        let least = self.max_entries.min(self.max_leases).min(self.max_fences);
        if self.segments > least {
            let remedy = "use no more segments than `max_entries`, `max_leases` and `max_fences` each allow";
            return Err(refused("segments", &self.segments, remedy));
        }
        Ok(())
    }

    fn validate_stream(&self) -> Result<(), ConfigError> {
        in_range("page_records", u64::from(self.page_records), 1, 10_000)?;
        in_range("give_up_records", self.give_up_records, 1, u64::MAX)?;
        in_range("give_up_bytes", self.give_up_bytes, 1, u64::MAX)?;
        if let Some(lanes) = self.lanes {
            in_range("lanes", u64::from(lanes), 1, 500)?;
            if !self.sources.is_empty() {
                let remedy = "leave it out: a lane is one shard, and the services that `source` reads from \
                    write to all of them";
                return Err(refused("lanes", &lanes, remedy));
            }
        }
        if self.namespace.len() > 256 {
            let bytes = format!("{} bytes long", self.namespace.len());
            return Err(ConfigError::new("namespace", bytes, "use at most 256 bytes"));
        }
        Ok(())
    }
}

fn within(option: &'static str, value: Duration, least: Duration, most: Duration) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let remedy = format!("use a duration from {least:?} to {most:?}");
    Err(ConfigError::new(option, format!("{value:?}"), remedy))
}

fn in_range(option: &'static str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let remedy = format!("use a number from {least} to {most}");
    Err(ConfigError::new(option, value.to_string(), remedy))
}

fn refused(option: &'static str, value: &impl core::fmt::Debug, remedy: &'static str) -> ConfigError {
    ConfigError::new(option, format!("{value:?}"), remedy)
}
