//! The SDK's outputs as the core has them, member by member. What they mean is
//! decided there.

use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::operation::list_shards::ListShardsOutput;
use aws_sdk_kinesis::operation::put_records::PutRecordsOutput;
use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_sdk_kinesis::types;
use snowmelt_core::follower::{RecordPage, ShardPage};
use snowmelt_core::protocol;
use snowmelt_core::writer::{PutOutcome, PutRecord};

/// What made no sense in an answer.
pub(super) type Nonsense = String;

pub(super) fn shard_page(output: ListShardsOutput) -> Result<ShardPage, Nonsense> {
    let shards = output.shards.map(|shards| shards.into_iter().map(shard).collect());
    protocol::ListShardsOutput { shards, next_token: output.next_token }.page()
}

fn shard(shard: types::Shard) -> protocol::ShardOutput {
    let range = shard.sequence_number_range;
    protocol::ShardOutput {
        shard_id: Some(shard.shard_id),
        parent_shard_id: shard.parent_shard_id,
        adjacent_parent_shard_id: shard.adjacent_parent_shard_id,
        hash_key_range: shard.hash_key_range.map(hash_keys),
        sequence_number_range: range.map(|range| protocol::SequenceNumberRangeOutput {
            starting_sequence_number: Some(range.starting_sequence_number),
        }),
    }
}

fn hash_keys(range: types::HashKeyRange) -> protocol::HashKeyRangeOutput {
    protocol::HashKeyRangeOutput {
        starting_hash_key: Some(range.starting_hash_key),
        ending_hash_key: Some(range.ending_hash_key),
    }
}

pub(super) fn record_page(output: GetRecordsOutput) -> Result<RecordPage, Nonsense> {
    let children = output.child_shards;
    let output = protocol::GetRecordsOutput {
        records: Some(output.records.into_iter().map(record).collect()),
        next_shard_iterator: output.next_shard_iterator,
        millis_behind_latest: output.millis_behind_latest,
        child_shards: children.map(|children| children.into_iter().map(child).collect()),
    };
    output.page()
}

fn record(record: types::Record) -> protocol::RecordOutput {
    protocol::RecordOutput {
        sequence_number: Some(record.sequence_number),
        approximate_arrival_timestamp: record.approximate_arrival_timestamp.map(|time| time.as_secs_f64()),
        data: Some(record.data.into_inner()),
    }
}

fn child(child: types::ChildShard) -> protocol::ChildShardOutput {
    protocol::ChildShardOutput {
        shard_id: Some(child.shard_id),
        parent_shards: Some(child.parent_shards),
        hash_key_range: child.hash_key_range.map(hash_keys),
    }
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
    protocol::PutRecordsOutput { records: Some(output.records.into_iter().map(entry).collect()) }.outcomes()
}

fn entry(entry: types::PutRecordsResultEntry) -> protocol::PutRecordsResultEntry {
    protocol::PutRecordsResultEntry {
        shard_id: entry.shard_id,
        sequence_number: entry.sequence_number,
        error_code: entry.error_code,
        error_message: entry.error_message,
    }
}
