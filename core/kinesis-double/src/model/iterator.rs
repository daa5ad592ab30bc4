use super::shard::Shard;
use super::token::Iterator as Place;
use super::{Fault, Kinesis, Sequence};

/// Where an iterator begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IteratorType {
    /// At the oldest record kept.
    TrimHorizon,
    /// After the newest record, readable or not.
    Latest,
    /// At the first record put at or after this time (ms since the epoch).
    AtTimestamp(u64),
    /// At the record with this sequence number.
    AtSequenceNumber(String),
    /// After the record with this sequence number.
    AfterSequenceNumber(String),
}

impl IteratorType {
    fn by_sequence(&self) -> bool {
        matches!(self, Self::AtSequenceNumber(_) | Self::AfterSequenceNumber(_))
    }

    /// The next record's index, and the time from which the shard is scanned.
    fn locate(&self, shard: &Shard, now: u64, horizon: u64) -> Result<(u64, u64), Fault> {
        let floor = horizon.max(shard.created_at);
        Ok(match self {
            Self::TrimHorizon => (shard.start(), floor),
            Self::Latest => (shard.end(), now),
            Self::AtTimestamp(at) if *at > now => return Err(in_the_future(*at, now)),
            Self::AtTimestamp(at) => (shard.index_at(*at), floor.max(*at)),
            Self::AtSequenceNumber(text) => at_sequence(shard, text, false, horizon)?,
            Self::AfterSequenceNumber(text) => at_sequence(shard, text, true, horizon)?,
        })
    }
}

impl Kinesis {
    /// Gives an iterator, good for 5 minutes from now, any number of times.
    pub fn get_shard_iterator(
        &mut self,
        now: u64,
        stream: &str,
        shard: &str,
        kind: &IteratorType,
    ) -> Result<String, Fault> {
        let outcome = self.place(now, stream, shard, kind);
        self.counters.get_shard_iterator.note(&outcome);
        outcome.map(|place| place.encode())
    }

    fn place(&mut self, now: u64, name: &str, id: &str, kind: &IteratorType) -> Result<Place, Fault> {
        let (horizon, epoch) = (self.horizon(now), self.epoch);
        let enforce = self.settings.enforce_quotas;
        let stream = self.stream_mut(name)?;
        let life = stream.life;
        let shard = stream.shard_mut(id, horizon)?;
        if enforce && !shard.quotas.get_iterator.take(now, 1) {
            return Err(Fault::throttled(id, name));
        }
        shard.trim(horizon);
        let (index, scanned) = kind.locate(shard, now, horizon)?;
        let (shard, by_sequence) = (shard.number, kind.by_sequence());
        Ok(Place { life, shard, index, scanned, issued: now, epoch, by_sequence })
    }
}

fn in_the_future(at: u64, now: u64) -> Fault {
    Fault::invalid(format!(
        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: {at}, currentTimestampInMillis: {now}"
    ))
}

/// [`IteratorType::locate`] for a sequence number.
fn at_sequence(shard: &Shard, text: &str, after: bool, horizon: u64) -> Result<(u64, u64), Fault> {
    let bad = |why: &str| Fault::invalid(format!("StartingSequenceNumber {text} {why}"));
    let sequence: Sequence = text.parse().map_err(|_| bad("is no sequence number."))?;
    if !sequence.same_shard(shard.first_sequence()) {
        return Err(bad("is invalid because it did not come from this shard."));
    }
    if shard.is_trimmed(sequence, horizon) {
        return Err(bad("is older than the stream's retention."));
    }
    let found = shard.index_of(sequence);
    let record = shard.record(found).filter(|r| r.sequence == sequence);
    let at = record.map_or(sequence.time_ms(), |r| r.put_at).max(shard.created_at);
    Ok((found + u64::from(after && record.is_some()), at))
}
