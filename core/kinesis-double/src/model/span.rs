use super::Settings;
use super::shard::Shard;
use super::token::Iterator as Place;

/// What one call reads of a shard.
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) to: u64,
    /// Up to when the time line was passed.
    pub(super) scanned: u64,
    /// Since when there is something the call did not reach, if it is no tip.
    pending: u64,
    pub(super) tip: bool,
}

impl Span {
    /// What a call at `place` passes: at most so much of the shard's time line
    /// as the settings say, `limit` records and a page's bytes (but at least
    /// one record).
    pub(super) fn of(shard: &Shard, now: u64, place: Place, limit: u32, by: &Settings) -> Self {
        let reach = reach(place, by);
        let from = place.index.max(shard.start());
        let readable = shard.readable_end(now);
        let (mut to, mut bytes, mut last) = (from, 0, place.scanned);
        while let Some(record) = shard.record(to).filter(|r| to < readable && r.put_at <= reach) {
            bytes += record.data.len() + record.partition_key.len();
            if to - from >= u64::from(limit) || (bytes > by.page_limit_bytes && to > from) {
                break;
            }
            last = last.max(record.put_at);
            to += 1;
        }
        let tip = to >= readable && reach >= shard.closed_at.unwrap_or(now).min(now);
        let next = shard.record(to).filter(|r| to < readable && r.put_at <= reach);
        let (scanned, pending) = match next {
            _ if tip => (now.max(last), now),
            Some(next) => (last, next.put_at),
            None => (reach, reach),
        };
        Self { from, to, scanned, pending, tip }
    }

    /// The same call, with an empty answer instead.
    pub(super) fn emptied(self, shard: &Shard, now: u64, place: Place) -> Self {
        let pending = shard.record(self.from).map_or(now, |r| r.put_at);
        Self { to: self.from, scanned: place.scanned, pending, tip: false, ..self }
    }

    /// `MillisBehindLatest`.
    pub(super) fn behind(&self, now: u64) -> u64 {
        if self.tip { 0 } else { now.saturating_sub(self.pending).max(1) }
    }
}

/// Up to when a call may pass the shard's time line.
fn reach(place: Place, by: &Settings) -> u64 {
    let scan = if place.by_sequence { by.sequence_scan_ms } else { by.time_scan_ms };
    if scan == 0 { u64::MAX } else { place.scanned.saturating_add(scan) }
}
