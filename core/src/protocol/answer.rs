//! What came back, in the core's words.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Deserialize;
use serde::de::Deserializer;

use super::output::{
    ChildShardOutput, GetRecordsOutput, GetShardIteratorOutput, HashKeyRangeOutput, ListShardsOutput,
    PutRecordsOutput, PutRecordsResultEntry, RecordOutput, ShardOutput,
};
use super::{Operation, nonsense};
use crate::follower::{
    Answer, Body, CallError, ChildShard, HashKeyRange, RecordPage, SequenceNumber, ShardDescription,
    ShardPage, StreamRecord,
};
use crate::writer::{PutAnswer, PutOutcome};

/// What made no sense in an answer.
type Nonsense = String;

/// A successful answer to `ListShards`, `GetShardIterator` or `GetRecords`.
///
/// `output` is anything that can be deserialized: `&serde_json::Value`, a JSON
/// deserializer, the values of a host's language. `date` is the HTTP `Date`
/// header in milliseconds since the Unix epoch, if there was one: see
/// [`http_date`](super::http_date).
///
/// # Errors
///
/// [`Failed`](crate::follower::CallErrorKind::Failed), if the answer makes no
/// sense. Whatever was given, nothing panics.
pub fn answer<'de, D>(operation: Operation, output: D, date: Option<u64>) -> Result<Answer, CallError>
where
    D: Deserializer<'de>,
{
    let body = match operation {
        Operation::ListShards => read(output).and_then(ListShardsOutput::page).map(Body::Shards),
        Operation::GetShardIterator => {
            read(output).and_then(GetShardIteratorOutput::iterator).map(Body::Iterator)
        }
        Operation::GetRecords => read(output).and_then(GetRecordsOutput::page).map(Body::Records),
        Operation::PutRecords => Err("a put is answered otherwise".into()),
    };
    match body {
        Ok(body) => Ok(Answer { date, body }),
        Err(what) => Err(nonsense(operation, date, &what)),
    }
}

/// [`answer`], from the bytes of an HTTP body.
///
/// # Errors
///
/// As there, and if it is no JSON.
pub fn answer_json(operation: Operation, body: &[u8], date: Option<u64>) -> Result<Answer, CallError> {
    answer(operation, &mut serde_json::Deserializer::from_slice(body), date)
}

/// A successful answer to `PutRecords`.
///
/// # Errors
///
/// As [`answer`]. That there is an outcome for each record that was sent is
/// for the writer to check.
pub fn put_answer<'de, D>(output: D, date: Option<u64>) -> Result<PutAnswer, CallError>
where
    D: Deserializer<'de>,
{
    match read(output).and_then(PutRecordsOutput::outcomes) {
        Ok(outcomes) => Ok(PutAnswer { date, outcomes }),
        Err(what) => Err(nonsense(Operation::PutRecords, date, &what)),
    }
}

/// [`put_answer`], from the bytes of an HTTP body.
///
/// # Errors
///
/// As there, and if it is no JSON.
pub fn put_answer_json(body: &[u8], date: Option<u64>) -> Result<PutAnswer, CallError> {
    put_answer(&mut serde_json::Deserializer::from_slice(body), date)
}

fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(output: D) -> Result<T, Nonsense> {
    T::deserialize(output).map_err(|error| error.to_string())
}

impl ListShardsOutput {
    /// The page of shards it describes.
    ///
    /// # Errors
    ///
    /// What made no sense in it.
    pub fn page(self) -> Result<ShardPage, String> {
        let shards = self.shards.unwrap_or_default();
        Ok(ShardPage {
            shards: shards.into_iter().map(shard).collect::<Result<_, _>>()?,
            next_token: filled(self.next_token),
        })
    }
}

fn shard(shard: ShardOutput) -> Result<ShardDescription, Nonsense> {
    let id = shard.shard_id.unwrap_or_default();
    let start = shard.sequence_number_range.and_then(|range| range.starting_sequence_number);
    let parents = [shard.parent_shard_id, shard.adjacent_parent_shard_id];
    Ok(ShardDescription {
        hash_keys: hash_keys(&id, shard.hash_key_range)?,
        starting_sequence_number: sequence_number(&format!("shard {id}"), start)?,
        parents: parents.into_iter().flatten().collect(),
        id,
    })
}

fn hash_keys(shard: &str, range: Option<HashKeyRangeOutput>) -> Result<HashKeyRange, Nonsense> {
    let range = range.ok_or_else(|| format!("shard {shard} has no range of hash keys"))?;
    let key = |text: Option<String>| {
        let text = text.unwrap_or_default();
        text.parse().map_err(|_| format!("shard {shard} has the hash key {text:?}, not a number"))
    };
    Ok(HashKeyRange { start: key(range.starting_hash_key)?, end: key(range.ending_hash_key)? })
}

fn sequence_number(whose: &str, text: Option<String>) -> Result<SequenceNumber, Nonsense> {
    let text = text.unwrap_or_default();
    SequenceNumber::parse(&text)
        .ok_or_else(|| format!("{whose} has the sequence number {text:?}, not a number"))
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl GetShardIteratorOutput {
    /// The iterator.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn iterator(self) -> Result<String, String> {
        filled(self.shard_iterator).ok_or_else(|| "there is no iterator in it".into())
    }
}

impl GetRecordsOutput {
    /// The page of records.
    ///
    /// An answer without `MillisBehindLatest` is not taken for the tip: its
    /// records are good, but that nothing follows them is not proven.
    ///
    /// # Errors
    ///
    /// What made no sense in it.
    pub fn page(self) -> Result<RecordPage, String> {
        let behind = self.millis_behind_latest.unwrap_or(1);
        let behind = u64::try_from(behind).map_err(|_| format!("it is {behind} ms behind the latest"))?;
        let records = self.records.unwrap_or_default().into_iter().map(record);
        let children = self.child_shards.unwrap_or_default().into_iter().map(child);
        Ok(RecordPage {
            records: records.collect::<Result<_, _>>()?,
            next_iterator: filled(self.next_shard_iterator),
            millis_behind_latest: behind,
            child_shards: children.collect::<Result<_, _>>()?,
        })
    }
}

fn record(record: RecordOutput) -> Result<StreamRecord, Nonsense> {
    Ok(StreamRecord {
        sequence_number: sequence_number("a record", record.sequence_number)?,
        data: record.data.unwrap_or_default(),
        arrival: record.approximate_arrival_timestamp.map_or(Ok(0), millis)?,
    })
}

/// Beyond this many seconds there is no date that a calendar of four digits
/// knows: not a time.
const LAST_SECOND: f64 = 253_402_300_800.0;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn millis(seconds: f64) -> Result<u64, Nonsense> {
    if (0.0..LAST_SECOND).contains(&seconds) {
        return Ok((seconds * 1000.0 + 0.5) as u64);
    }
    Err(format!("a record arrived at {seconds}, not a time"))
}

fn child(child: ChildShardOutput) -> Result<ChildShard, Nonsense> {
    let id = child.shard_id.unwrap_or_default();
    Ok(ChildShard {
        hash_keys: hash_keys(&id, child.hash_key_range)?,
        parents: child.parent_shards.unwrap_or_default(),
        id,
    })
}

impl PutRecordsOutput {
    /// What became of each record.
    ///
    /// # Errors
    ///
    /// What made no sense in it.
    pub fn outcomes(self) -> Result<Vec<PutOutcome>, String> {
        self.records.unwrap_or_default().into_iter().map(outcome).collect()
    }
}

fn outcome(entry: PutRecordsResultEntry) -> Result<PutOutcome, Nonsense> {
    if let Some(code) = entry.error_code {
        return Ok(PutOutcome::Refused { code, message: entry.error_message.unwrap_or_default() });
    }
    let shard = entry.shard_id.ok_or("a stored record came back without its shard")?;
    let sequence_number = sequence_number(&format!("shard {shard}"), entry.sequence_number)?;
    Ok(PutOutcome::Stored { sequence_number, shard })
}
