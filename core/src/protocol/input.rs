//! What is sent.

use alloc::string::ToString;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{Address, Operation};
use crate::follower::{IteratorStart, ListShards, Request};
use crate::writer::{Put, PutRecord};

/// The operation that a request means, and its input.
///
/// Times are seconds since the Unix epoch, to the millisecond.
pub fn request(request: &Request, address: Address<'_>) -> (Operation, Value) {
    let input = match request {
        Request::ListShards(ListShards::From(time)) => {
            let filter = json!({ "Type": "FROM_TIMESTAMP", "Timestamp": seconds(*time) });
            named(address, [("ShardFilter", filter)])
        }
        // The token stands for the stream's name and the filter, which must
        // not be given beside it; the ARN may.
        Request::ListShards(ListShards::Next(token)) => {
            with_arn(address, [("NextToken", Value::from(token.as_str()))])
        }
        Request::ShardIterator { shard, from } => {
            let shard = ("ShardId", Value::from(shard.as_str()));
            match from {
                IteratorStart::AtTimestamp(time) => {
                    let kind = ("ShardIteratorType", Value::from("AT_TIMESTAMP"));
                    named(address, [shard, kind, ("Timestamp", seconds(*time))])
                }
                IteratorStart::TrimHorizon => {
                    named(address, [shard, ("ShardIteratorType", Value::from("TRIM_HORIZON"))])
                }
            }
        }
        // The iterator stands for the stream.
        Request::Records { iterator, limit, .. } => with_arn(
            address,
            [
                ("ShardIterator", Value::from(iterator.as_str())),
                ("Limit", Value::from((*limit).clamp(1, 10_000))),
            ],
        ),
    };
    (Operation::from(request), input)
}

/// The input of the `PutRecords` that a put means.
pub fn put_request(put: &Put, address: Address<'_>) -> Value {
    let records = put.records.iter().map(entry).collect();
    named(address, [("Records", Value::Array(records))])
}

fn entry(record: &PutRecord) -> Value {
    let mut entry = json!({ "Data": STANDARD.encode(&record.data), "PartitionKey": record.partition_key });
    if let Some(key) = record.explicit_hash_key {
        // 128 bits: a text, as JSON's numbers are not to be trusted with them.
        entry["ExplicitHashKey"] = Value::from(key.to_string());
    }
    entry
}

/// These members, and the stream.
fn named<const N: usize>(address: Address<'_>, members: [(&str, Value); N]) -> Value {
    if address.arn.is_some() {
        return with_arn(address, members);
    }
    let stream = ("StreamName", Value::from(address.name));
    object(members.into_iter().chain([stream]))
}

/// These members, and the stream if it goes by its ARN.
fn with_arn<const N: usize>(address: Address<'_>, members: [(&str, Value); N]) -> Value {
    let arn = address.arn.map(|arn| ("StreamARN", Value::from(arn)));
    object(members.into_iter().chain(arn))
}

fn object<'a>(members: impl Iterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(members.map(|(name, value)| (name.to_string(), value)).collect::<Map<_, _>>())
}

/// A time as the protocol writes it.
#[expect(clippy::cast_precision_loss, reason = "exact for the next 285,000 years")]
fn seconds(millis: u64) -> Value {
    Value::from(millis as f64 / 1000.0)
}
