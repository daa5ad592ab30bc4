//! The SDK's answers in the core's words.

use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::operation::list_shards::ListShardsOutput;
use aws_sdk_kinesis::operation::put_records::PutRecordsOutput;
use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_sdk_kinesis::types;
use snowmelt_core::follower::{
    ChildShard, HashKeyRange, RecordPage, SequenceNumber, ShardDescription, ShardPage, StreamRecord,
};
use snowmelt_core::writer::{PutOutcome, PutRecord};

/// What made no sense in an answer.
pub(super) type Nonsense = String;

pub(super) fn shard_page(output: ListShardsOutput) -> Result<ShardPage, Nonsense> {
    let shards = output.shards.unwrap_or_default();
    Ok(ShardPage {
        shards: shards.into_iter().map(shard).collect::<Result<_, _>>()?,
        next_token: output.next_token.filter(|token| !token.is_empty()),
    })
}

fn shard(shard: types::Shard) -> Result<ShardDescription, Nonsense> {
    let id = shard.shard_id;
    let start = shard.sequence_number_range.map(|range| range.starting_sequence_number);
    let parents = [shard.parent_shard_id, shard.adjacent_parent_shard_id];
    Ok(ShardDescription {
        hash_keys: hash_keys(&id, shard.hash_key_range.as_ref())?,
        starting_sequence_number: sequence_number(&id, start.as_deref().unwrap_or_default())?,
        parents: parents.into_iter().flatten().collect(),
        id,
    })
}

fn hash_keys(shard: &str, range: Option<&types::HashKeyRange>) -> Result<HashKeyRange, Nonsense> {
    let range = range.ok_or_else(|| format!("shard {shard} has no range of hash keys"))?;
    let key = |text: &str| {
        text.parse().map_err(|_| format!("shard {shard} has the hash key {text:?}, not a number"))
    };
    Ok(HashKeyRange { start: key(&range.starting_hash_key)?, end: key(&range.ending_hash_key)? })
}

fn sequence_number(shard: &str, text: &str) -> Result<SequenceNumber, Nonsense> {
    SequenceNumber::parse(text)
        .ok_or_else(|| format!("shard {shard} has the sequence number {text:?}, not a number"))
}

/// An answer without `MillisBehindLatest` is not taken for the tip: its records
/// are good, but that nothing follows them is not proven.
pub(super) fn record_page(shard: &str, output: GetRecordsOutput) -> Result<RecordPage, Nonsense> {
    let behind = output.millis_behind_latest.map_or(1, |millis| u64::try_from(millis).unwrap_or(0));
    let records = output.records.into_iter().map(|record| stream_record(shard, record));
    let children = output.child_shards.unwrap_or_default();
    Ok(RecordPage {
        records: records.collect::<Result<_, _>>()?,
        next_iterator: output.next_shard_iterator.filter(|iterator| !iterator.is_empty()),
        millis_behind_latest: behind,
        child_shards: children.into_iter().map(child).collect::<Result<_, _>>()?,
    })
}

fn stream_record(shard: &str, record: types::Record) -> Result<StreamRecord, Nonsense> {
    Ok(StreamRecord {
        sequence_number: sequence_number(shard, &record.sequence_number)?,
        data: record.data.into_inner(),
        arrival: record.approximate_arrival_timestamp.as_ref().map_or(0, millis),
    })
}

fn child(child: types::ChildShard) -> Result<ChildShard, Nonsense> {
    Ok(ChildShard {
        hash_keys: hash_keys(&child.shard_id, child.hash_key_range.as_ref())?,
        parents: child.parent_shards,
        id: child.shard_id,
    })
}

fn millis(date: &DateTime) -> u64 {
    date.to_millis().ok().and_then(|millis| u64::try_from(millis).ok()).unwrap_or(0)
}

/// Milliseconds since the Unix epoch as the SDK writes them.
pub(super) fn timestamp(millis: u64) -> DateTime {
    DateTime::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

pub(super) fn put_entry(record: PutRecord) -> Result<types::PutRecordsRequestEntry, Nonsense> {
    types::PutRecordsRequestEntry::builder()
        .data(Blob::new(record.data))
        .partition_key(record.partition_key)
        .set_explicit_hash_key(record.explicit_hash_key.map(|key| key.to_string()))
        .build()
        .map_err(|error| format!("the record could not be built: {error}"))
}

pub(super) fn put_outcomes(sent: usize, output: PutRecordsOutput) -> Result<Vec<PutOutcome>, Nonsense> {
    let answered = output.records.len();
    if answered != sent {
        return Err(format!("{sent} records were put and {answered} outcomes came back"));
    }
    output.records.into_iter().map(put_outcome).collect()
}

fn put_outcome(entry: types::PutRecordsResultEntry) -> Result<PutOutcome, Nonsense> {
    if let Some(code) = entry.error_code {
        return Ok(PutOutcome::Refused { code, message: entry.error_message.unwrap_or_default() });
    }
    let shard = entry.shard_id.ok_or("a stored record came back without its shard")?;
    let number = entry.sequence_number.unwrap_or_default();
    Ok(PutOutcome::Stored { sequence_number: sequence_number(&shard, &number)?, shard })
}
