/// How the simulated service behaves. [`Settings::default`] is the service's
/// documented face without quotas and without disorder; [`Settings::realistic`]
/// adds both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a record is kept (service default: 24 h).
    pub retention_ms: u64,
    /// How long an iterator may be used after it was given (service: 5 min).
    pub iterator_lifetime_ms: u64,
    /// How long a `ListShards` paging token may be used (service: 300 s).
    pub token_lifetime_ms: u64,
    /// Whether the documented quotas refuse calls; see [`crate::model::quota`].
    pub enforce_quotas: bool,
    /// Least and greatest delay before a put record is readable. Records of a
    /// shard become readable in their order.
    pub put_to_get_ms: (u64, u64),
    /// How far `ApproximateArrivalTimestamp` strays from the time by which the
    /// service itself finds a record for `AT_TIMESTAMP`, in both directions.
    pub arrival_jitter_ms: u64,
    /// Of 1000 put records, how many are stored twice, under two numbers (as a
    /// producer's retry after a lost answer does).
    pub duplicate_per_mille: u32,
    /// Of 1000 pages of more than one record, after how many the next page
    /// begins with records already delivered.
    pub overlap_per_mille: u32,
    /// The most bytes in one `GetRecords` answer (service: 10 MB).
    pub page_limit_bytes: usize,
    /// Of 1000 `GetRecords` answers that could carry records, how many are
    /// empty instead, with `MillisBehindLatest` above 0.
    pub empty_page_per_mille: u32,
    /// Of 1000 answers that reach a closed shard's end with records, how many
    /// still give a next iterator (and are behind the tip), so that only an
    /// empty answer ends the shard.
    pub closing_page_per_mille: u32,
    /// How much time on a shard one call passes when its iterator came from a
    /// sequence number; 0 = all. A shard that was quiet for longer answers
    /// empty pages far behind the tip until the calls have passed the silence.
    pub sequence_scan_ms: u64,
    /// The same for iterators from `TRIM_HORIZON`, `LATEST`, `AT_TIMESTAMP`.
    pub time_scan_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retention_ms: 24 * 3_600_000,
            iterator_lifetime_ms: 300_000,
            token_lifetime_ms: 300_000,
            enforce_quotas: false,
            put_to_get_ms: (0, 0),
            arrival_jitter_ms: 0,
            duplicate_per_mille: 0,
            overlap_per_mille: 0,
            page_limit_bytes: 10 * 1024 * 1024,
            empty_page_per_mille: 0,
            closing_page_per_mille: 0,
            sequence_scan_ms: 600_000,
            time_scan_ms: 4 * 3_600_000,
        }
    }
}

impl Settings {
    /// Quotas on, and every kind of disorder that the service is known for.
    pub fn realistic() -> Self {
        Self {
            enforce_quotas: true,
            put_to_get_ms: (10, 700),
            arrival_jitter_ms: 200,
            duplicate_per_mille: 10,
            overlap_per_mille: 10,
            empty_page_per_mille: 50,
            closing_page_per_mille: 300,
            ..Self::default()
        }
    }
}
