use std::collections::VecDeque;
use std::sync::Arc;

use super::hash::HashRange;
use super::quota::ShardQuotas;
use super::sequence::{END_INDEX, Sequence};

/// A stored record.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) sequence: Sequence,
    /// When it was put; never falls within a shard. Positions and retention go
    /// by this, not by the arrival time that readers are shown.
    pub(super) put_at: u64,
    pub(super) readable_at: u64,
    pub(super) arrival: u64,
    pub(super) partition_key: Arc<str>,
    pub(super) data: Arc<[u8]>,
}

/// One shard of one life of a stream.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) number: u32,
    pub(super) range: HashRange,
    pub(super) parent: Option<u32>,
    pub(super) adjacent_parent: Option<u32>,
    pub(super) children: Vec<u32>,
    pub(super) created_at: u64,
    pub(super) closed_at: Option<u64>,
    pub(super) quotas: ShardQuotas,
    created_secs: u64,
    records: VecDeque<Stored>,
    /// Records ever trimmed: the absolute index of the first one kept.
    base: u64,
    last_trimmed: Option<Sequence>,
}

pub(super) struct Birth {
    pub(super) number: u32,
    pub(super) range: HashRange,
    pub(super) parent: Option<u32>,
    pub(super) adjacent_parent: Option<u32>,
    pub(super) at: u64,
    pub(super) secs: u64,
}

impl Shard {
    pub(super) fn new(birth: &Birth) -> Self {
        Self {
            number: birth.number,
            range: birth.range,
            parent: birth.parent,
            adjacent_parent: birth.adjacent_parent,
            children: Vec::new(),
            created_at: birth.at,
            closed_at: None,
            quotas: ShardQuotas::new(),
            created_secs: birth.secs,
            records: VecDeque::new(),
            base: 0,
            last_trimmed: None,
        }
    }

    pub(super) fn id(&self) -> String {
        shard_id(self.number)
    }

    /// The shard's `StartingSequenceNumber`; its first record's is greater.
    pub(super) fn first_sequence(&self) -> Sequence {
        Sequence::new(self.created_secs, self.number, 0, self.created_at)
    }

    /// The shard's `EndingSequenceNumber`, above every record's.
    pub(super) fn last_sequence(&self) -> Option<Sequence> {
        let at = self.closed_at?;
        Some(Sequence::new(self.created_secs, self.number, END_INDEX, at))
    }

    pub(super) fn append(&mut self, mut record: Stored) -> Sequence {
        if let Some(last) = self.records.back() {
            record.put_at = record.put_at.max(last.put_at);
            record.readable_at = record.readable_at.max(last.readable_at);
        }
        let index = self.end() + 1;
        record.sequence = Sequence::new(self.created_secs, self.number, index, record.put_at);
        let sequence = record.sequence;
        self.records.push_back(record);
        sequence
    }

    /// The absolute index of the first record kept.
    pub(super) fn start(&self) -> u64 {
        self.base
    }

    /// The absolute index after the last record.
    pub(super) fn end(&self) -> u64 {
        self.base + self.records.len() as u64
    }

    /// The absolute index after the last record readable at `now`.
    pub(super) fn readable_end(&self, now: u64) -> u64 {
        match self.records.back() {
            Some(last) if last.readable_at > now => {
                self.base + self.records.partition_point(|r| r.readable_at <= now) as u64
            }
            _ => self.end(),
        }
    }

    pub(super) fn record(&self, index: u64) -> Option<&Stored> {
        let offset = index.checked_sub(self.base)?;
        self.records.get(usize::try_from(offset).ok()?)
    }

    /// The absolute index of the first record put at or after `at`.
    pub(super) fn index_at(&self, at: u64) -> u64 {
        self.base + self.records.partition_point(|r| r.put_at < at) as u64
    }

    /// The absolute index of the first record not below `sequence`.
    pub(super) fn index_of(&self, sequence: Sequence) -> u64 {
        self.base + self.records.partition_point(|r| r.sequence < sequence) as u64
    }

    /// Drops what was put more than the retention ago.
    pub(super) fn trim(&mut self, horizon: u64) {
        while self.records.front().is_some_and(|r| r.put_at < horizon) {
            self.last_trimmed = self.records.pop_front().map(|r| r.sequence);
            self.base += 1;
        }
    }

    /// Whether a position at `sequence` lies before what the shard still has.
    pub(super) fn is_trimmed(&self, sequence: Sequence, horizon: u64) -> bool {
        // A sequence number tells its time to the second, so up to 999 ms late.
        self.last_trimmed.is_some_and(|last| sequence <= last)
            || sequence.time_ms().saturating_add(999) < horizon
    }

    /// A closed shard all of whose records are past the retention is gone.
    pub(super) fn is_gone(&self, horizon: u64) -> bool {
        self.closed_at.is_some_and(|at| at < horizon)
    }
}

/// `shardId-` and twelve digits.
pub(super) fn shard_id(number: u32) -> String {
    format!("shardId-{number:012}")
}

/// The number in a shard id of the service's own form.
pub(super) fn shard_number(id: &str) -> Option<u32> {
    let digits = id.strip_prefix("shardId-")?;
    let plain = digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}
