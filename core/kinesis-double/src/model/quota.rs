//! The documented quotas of a shard ("Quotas and limits" in the Kinesis Data
//! Streams developer guide, and the API reference of each operation):
//! 5 `GetRecords` and 5 `GetShardIterator` a second, 2 MB a second read, with
//! calls after a 10 MB answer refused for 5 s, 1 MB and 1000 records a second
//! written. How the service measures a second is not documented; here a bucket
//! holds one second's worth.

/// A token bucket in thousandths of a token, so that a millisecond's refill is
/// a whole number.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    rate: u64,
    level: u64,
    at: u64,
}

impl Bucket {
    /// `rate` tokens a second, and as many in store.
    pub(super) fn new(rate: u64) -> Self {
        Self { rate, level: rate * 1000, at: 0 }
    }

    fn refill(&mut self, now: u64) {
        let passed = now.saturating_sub(self.at).min(1000);
        self.level = (self.level + passed * self.rate).min(self.rate * 1000);
        self.at = self.at.max(now);
    }

    pub(super) fn has(&mut self, now: u64, tokens: u64) -> bool {
        self.refill(now);
        self.level >= tokens * 1000
    }

    /// Takes the tokens if they are there; a refused call takes none.
    pub(super) fn take(&mut self, now: u64, tokens: u64) -> bool {
        let has = self.has(now, tokens);
        if has {
            self.level -= tokens * 1000;
        }
        has
    }
}

const READ_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;

/// The 2 MB/s read quota. The size of an answer is only known after the call
/// was let in, so the debt of a large one is paid by the calls after it.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadBytes {
    /// When all that was read is paid for.
    paid_at: u64,
}

impl ReadBytes {
    pub(super) fn open(&self, now: u64) -> bool {
        self.paid_at <= now + 1000
    }

    pub(super) fn charge(&mut self, now: u64, bytes: u64) {
        let mut cost = bytes * 1000 / READ_BYTES_PER_SECOND;
        // One second's worth may be read at once; an answer larger than that
        // has used up the store too, so that 10 MB block for a whole 5 s.
        if bytes > READ_BYTES_PER_SECOND {
            cost += 1000;
        }
        self.paid_at = self.paid_at.max(now) + cost;
    }
}

/// All quotas of one shard.
#[derive(Debug, Clone)]
pub(super) struct ShardQuotas {
    pub(super) get_records: Bucket,
    pub(super) get_iterator: Bucket,
    pub(super) read_bytes: ReadBytes,
    write_records: Bucket,
    write_bytes: Bucket,
}

impl ShardQuotas {
    pub(super) fn new() -> Self {
        Self {
            get_records: Bucket::new(5),
            get_iterator: Bucket::new(5),
            read_bytes: ReadBytes::default(),
            write_records: Bucket::new(1000),
            write_bytes: Bucket::new(1024 * 1024),
        }
    }

    /// One `GetRecords`: the count and the bytes of the answers before it.
    pub(super) fn read(&mut self, now: u64) -> bool {
        self.read_bytes.open(now) && self.get_records.take(now, 1)
    }

    /// One record written; both quotas or none are charged.
    pub(super) fn write(&mut self, now: u64, bytes: u64) -> bool {
        self.write_bytes.has(now, bytes)
            && self.write_records.take(now, 1)
            && self.write_bytes.take(now, bytes)
    }
}
