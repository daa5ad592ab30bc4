//! The operations of the Kinesis API as JSON in, JSON out (the shapes of the
//! API reference, version 2013-12-02).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fields::{
    ApiError, arn, hash_key, hash_range, number, seconds, set, stream_name, text, timestamp,
};
use crate::model::{
    ChildShard, GetRecordsOutput, IteratorType, Kinesis, ListShardsInput, PutEntry, PutOk, PutRefusal,
    Record, ShardDescription, ShardFilter, code,
};

type Answer = Result<Value, ApiError>;

/// Carries out one operation. `refuse_every` refuses each n-th record of a
/// `PutRecords`.
pub(super) fn execute(
    kinesis: &mut Kinesis,
    now: u64,
    operation: &str,
    body: &Value,
    refuse_every: Option<usize>,
) -> Answer {
    match operation {
        "GetRecords" => get_records(kinesis, now, body),
        "GetShardIterator" => get_shard_iterator(kinesis, now, body),
        "ListShards" => list_shards(kinesis, now, body),
        "PutRecord" => put_record(kinesis, now, body),
        "PutRecords" => put_records(kinesis, now, body, refuse_every),
        "DescribeStreamSummary" => describe_summary(kinesis, body),
        "DescribeStream" => describe_stream(kinesis, now, body),
        "UpdateShardCount" => update_shard_count(kinesis, now, body),
        _ => silent(kinesis, now, operation, body).map(|()| json!({})),
    }
}

/// The operations without an answer of their own.
fn silent(kinesis: &mut Kinesis, now: u64, operation: &str, body: &Value) -> Result<(), ApiError> {
    match operation {
        "CreateStream" => {
            let shards = number(body, "ShardCount")?.unwrap_or(4);
            kinesis.create_stream(now, text(body, "StreamName")?, shards)?;
        }
        "DeleteStream" => kinesis.delete_stream(now, stream_name(body)?)?,
        "SplitShard" => {
            let shard = text(body, "ShardToSplit")?;
            let at = hash_key(body, "NewStartingHashKey")?;
            kinesis.split_shard(now, stream_name(body)?, shard, at)?;
        }
        "MergeShards" => {
            let shard = text(body, "ShardToMerge")?;
            let adjacent = text(body, "AdjacentShardToMerge")?;
            kinesis.merge_shards(now, stream_name(body)?, shard, adjacent)?;
        }
        other => {
            let message = format!("The double does not know the operation {other}");
            return Err(ApiError::new("UnknownOperationException", message));
        }
    }
    Ok(())
}

fn get_records(kinesis: &mut Kinesis, now: u64, body: &Value) -> Answer {
    let limit = number(body, "Limit")?;
    let page = kinesis.get_records(now, text(body, "ShardIterator")?, limit)?;
    let GetRecordsOutput { records, next_iterator, millis_behind_latest, child_shards } = page;
    let mut answer = json!({
        "Records": records.iter().map(record).collect::<Vec<_>>(),
        "MillisBehindLatest": millis_behind_latest,
    });
    set(&mut answer, "NextShardIterator", next_iterator);
    if !child_shards.is_empty() {
        answer["ChildShards"] = child_shards.iter().map(child_shard).collect();
    }
    Ok(answer)
}

fn record(record: &Record) -> Value {
    json!({
        "SequenceNumber": record.sequence_number,
        "ApproximateArrivalTimestamp": seconds(record.arrival),
        "Data": STANDARD.encode(&record.data),
        "PartitionKey": &*record.partition_key,
    })
}

fn child_shard(child: &ChildShard) -> Value {
    json!({
        "ShardId": child.id,
        "ParentShards": child.parents,
        "HashKeyRange": hash_range(child.range),
    })
}

fn get_shard_iterator(kinesis: &mut Kinesis, now: u64, body: &Value) -> Answer {
    let number = || text(body, "StartingSequenceNumber").map(str::to_owned);
    let kind = match text(body, "ShardIteratorType")? {
        "TRIM_HORIZON" => IteratorType::TrimHorizon,
        "LATEST" => IteratorType::Latest,
        "AT_TIMESTAMP" => IteratorType::AtTimestamp(timestamp(body, "Timestamp")?),
        "AT_SEQUENCE_NUMBER" => IteratorType::AtSequenceNumber(number()?),
        "AFTER_SEQUENCE_NUMBER" => IteratorType::AfterSequenceNumber(number()?),
        _ => return Err(ApiError::missing("ShardIteratorType")),
    };
    let shard = text(body, "ShardId")?;
    let iterator = kinesis.get_shard_iterator(now, stream_name(body)?, shard, &kind)?;
    Ok(json!({ "ShardIterator": iterator }))
}

fn shard_filter(body: &Value) -> Result<ShardFilter, ApiError> {
    let filter = &body["ShardFilter"];
    let after = |id: &str| ShardFilter::after_shard_id(id).ok_or_else(|| ApiError::missing("a shard id"));
    if filter.is_null() {
        let start = body["ExclusiveStartShardId"].as_str();
        return start.map_or(Ok(ShardFilter::default()), after);
    }
    Ok(match text(filter, "Type")? {
        "FROM_TRIM_HORIZON" => ShardFilter::FromTrimHorizon,
        "AT_TRIM_HORIZON" => ShardFilter::AtTrimHorizon,
        "AT_LATEST" => ShardFilter::AtLatest,
        "AT_TIMESTAMP" => ShardFilter::AtTimestamp(timestamp(filter, "Timestamp")?),
        "FROM_TIMESTAMP" => ShardFilter::FromTimestamp(timestamp(filter, "Timestamp")?),
        "AFTER_SHARD_ID" => after(text(filter, "ShardId")?)?,
        _ => return Err(ApiError::missing("ShardFilter.Type")),
    })
}

fn list_shards(kinesis: &mut Kinesis, now: u64, body: &Value) -> Answer {
    let input = ListShardsInput {
        stream: stream_name(body).ok().map(str::to_owned),
        next_token: body["NextToken"].as_str().map(str::to_owned),
        filter: shard_filter(body)?,
        max_results: number(body, "MaxResults")?,
    };
    let page = kinesis.list_shards(now, &input)?;
    let mut answer = json!({ "Shards": page.shards.iter().map(shard).collect::<Vec<_>>() });
    set(&mut answer, "NextToken", page.next_token);
    Ok(answer)
}

fn shard(shard: &ShardDescription) -> Value {
    let mut numbers = json!({ "StartingSequenceNumber": shard.starting_sequence_number });
    set(&mut numbers, "EndingSequenceNumber", shard.ending_sequence_number.clone());
    let mut answer = json!({
        "ShardId": shard.id,
        "HashKeyRange": hash_range(shard.range),
        "SequenceNumberRange": numbers,
    });
    set(&mut answer, "ParentShardId", shard.parent.clone());
    set(&mut answer, "AdjacentParentShardId", shard.adjacent_parent.clone());
    answer
}

fn entry(body: &Value) -> Result<PutEntry, ApiError> {
    let data = STANDARD.decode(text(body, "Data")?);
    let explicit = body.get("ExplicitHashKey").filter(|key| !key.is_null());
    Ok(PutEntry {
        data: data.map_err(|e| ApiError::new("SerializationException", e.to_string()))?,
        partition_key: text(body, "PartitionKey")?.to_owned(),
        explicit_hash_key: explicit.map(|_| hash_key(body, "ExplicitHashKey")).transpose()?,
    })
}

fn put_record(kinesis: &mut Kinesis, now: u64, body: &Value) -> Answer {
    let outcomes = kinesis.put_records(now, stream_name(body)?, vec![entry(body)?])?;
    match outcomes.into_iter().next() {
        Some(Ok(ok)) => Ok(put_ok(&ok)),
        Some(Err(refusal)) => Err(ApiError::new(refusal.code, refusal.message)),
        None => Err(ApiError::new("InternalFailure", "a put without an outcome")),
    }
}

fn put_ok(ok: &PutOk) -> Value {
    json!({ "ShardId": ok.shard, "SequenceNumber": ok.sequence_number })
}

fn put_records(kinesis: &mut Kinesis, now: u64, body: &Value, refuse_every: Option<usize>) -> Answer {
    let listed = body["Records"].as_array().ok_or_else(|| ApiError::missing("Records"))?;
    let entries = listed.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let refused = |index: usize| refuse_every.is_some_and(|n| (index + 1).is_multiple_of(n.max(1)));
    let total = entries.len();
    let kept: Vec<_> =
        entries.into_iter().enumerate().filter(|(i, _)| !refused(*i)).map(|(_, e)| e).collect();
    let mut outcomes = Vec::new().into_iter();
    if !kept.is_empty() || total == 0 {
        outcomes = kinesis.put_records(now, stream_name(body)?, kept)?.into_iter();
    }
    let mut failed = 0;
    let mut answers = Vec::with_capacity(total);
    for index in 0..total {
        let outcome = if refused(index) { None } else { outcomes.next() };
        failed += usize::from(!matches!(outcome, Some(Ok(_))));
        answers.push(put_outcome(outcome));
    }
    Ok(json!({ "FailedRecordCount": failed, "Records": answers, "EncryptionType": "NONE" }))
}

fn put_outcome(outcome: Option<Result<PutOk, PutRefusal>>) -> Value {
    match outcome {
        Some(Ok(ok)) => put_ok(&ok),
        Some(Err(refusal)) => {
            json!({ "ErrorCode": refusal.code, "ErrorMessage": refusal.message })
        }
        None => json!({ "ErrorCode": code::THROUGHPUT, "ErrorMessage": "Refused by the test." }),
    }
}

fn describe_summary(kinesis: &Kinesis, body: &Value) -> Answer {
    Ok(json!({ "StreamDescriptionSummary": summary(kinesis, stream_name(body)?)? }))
}

fn summary(kinesis: &Kinesis, name: &str) -> Answer {
    let summary = kinesis.describe_stream_summary(name)?;
    Ok(json!({
        "StreamName": name,
        "StreamARN": arn(name),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": { "StreamMode": "PROVISIONED" },
        "RetentionPeriodHours": summary.retention_hours,
        "StreamCreationTimestamp": seconds(summary.created_at),
        "EnhancedMonitoring": [{ "ShardLevelMetrics": [] }],
        "EncryptionType": "NONE",
        "OpenShardCount": summary.open_shards,
        "ConsumerCount": 0,
    }))
}

/// The old operation, for the SDKs' `stream_exists` waiters; one page.
fn describe_stream(kinesis: &mut Kinesis, now: u64, body: &Value) -> Answer {
    let name = stream_name(body)?;
    let mut answer = summary(kinesis, name)?;
    let stream = Some(name.to_owned());
    let input = ListShardsInput { stream, max_results: Some(10_000), ..Default::default() };
    let page = kinesis.list_shards(now, &input)?;
    answer["Shards"] = page.shards.iter().map(shard).collect();
    answer["HasMoreShards"] = json!(false);
    Ok(json!({ "StreamDescription": answer }))
}

fn update_shard_count(kinesis: &mut Kinesis, now: u64, body: &Value) -> Answer {
    let name = stream_name(body)?;
    let target = number(body, "TargetShardCount")?.ok_or_else(|| ApiError::missing("TargetShardCount"))?;
    let current = kinesis.describe_stream_summary(name)?.open_shards;
    kinesis.update_shard_count(now, name, target)?;
    Ok(json!({
        "StreamName": name,
        "StreamARN": arn(name),
        "CurrentShardCount": current,
        "TargetShardCount": target,
    }))
}
