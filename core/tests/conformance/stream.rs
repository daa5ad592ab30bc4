//! Calls to the stream and their answers.

use serde_json::{Value, json};
use snowmelt_core::follower::{
    self, Answer, CallError, ChildShard, HashKeyRange, IteratorStart, ListShards, RecordPage, Request,
    SequenceNumber, ShardDescription, ShardPage, StreamRecord,
};

use crate::data::{since_start, wall};
use crate::observed;
use crate::transcript::{self, Body, Record, Records, Shard};

/// A request in the words of the transcripts.
pub(crate) fn request(request: &Request) -> Value {
    match request {
        Request::ListShards(ListShards::From(from)) => {
            json!({ "list_shards": { "from": since_start(*from) } })
        }
        Request::ListShards(ListShards::Next(token)) => json!({ "list_shards": { "next": token } }),
        Request::ShardIterator { shard, from } => {
            let from = match from {
                IteratorStart::AtTimestamp(time) => json!({ "at_timestamp": since_start(*time) }),
                IteratorStart::TrimHorizon => json!("trim_horizon"),
            };
            json!({ "shard_iterator": { "shard": shard, "from": from } })
        }
        Request::Records { shard, iterator, limit } => {
            json!({ "get_records": { "shard": shard, "iterator": iterator, "limit": limit } })
        }
    }
}

/// Whether this is the call that was expected; `limit` may be left unsaid.
pub(crate) fn is_call(expected: &Value, observed: &Value) -> bool {
    let mut observed = observed.clone();
    let silent = expected.get("get_records").is_some_and(|call| call.get("limit").is_none());
    if let Some(call) = observed.get_mut("get_records").and_then(Value::as_object_mut)
        && silent
    {
        call.remove("limit");
    }
    observed::same(expected, &observed)
}

pub(crate) fn answer(step: &transcript::Answer) -> Result<Answer, CallError> {
    let date = step.date.map(wall);
    let body = match &step.with {
        Body::Shards(page) => follower::Body::Shards(ShardPage {
            shards: page.list.iter().map(described).collect(),
            next_token: page.next_token.clone(),
        }),
        Body::Iterator(iterator) => follower::Body::Iterator(iterator.clone()),
        Body::Records(page) => follower::Body::Records(records(page)),
        Body::Error(error) => return Err(CallError { date, ..call_error(error) }),
    };
    Ok(Answer { date, body })
}

pub(crate) fn call_error(error: &transcript::CallError) -> CallError {
    CallError { kind: observed::error_kind(&error.kind), message: error.message.clone(), date: None }
}

pub(crate) fn number(text: &str) -> SequenceNumber {
    SequenceNumber::parse(text).expect("a sequence number in a transcript")
}

fn records(page: &Records) -> RecordPage {
    RecordPage {
        records: page.list.iter().map(record).collect(),
        next_iterator: page.next_iterator.clone(),
        millis_behind_latest: page.millis_behind_latest,
        child_shards: page.child_shards.iter().map(child).collect(),
    }
}

fn record(record: &Record) -> StreamRecord {
    StreamRecord {
        sequence_number: number(&record.sequence_number),
        data: record.data.bytes(),
        arrival: record.arrival.map_or(0, wall),
    }
}

fn described(shard: &Shard) -> ShardDescription {
    ShardDescription {
        id: shard.id.clone(),
        parents: shard.parents.clone(),
        hash_keys: hash_keys(shard),
        starting_sequence_number: number(
            shard.starting_sequence_number.as_deref().expect("a listed shard's starting sequence number"),
        ),
    }
}

fn child(shard: &Shard) -> ChildShard {
    ChildShard { id: shard.id.clone(), parents: shard.parents.clone(), hash_keys: hash_keys(shard) }
}

fn hash_keys(shard: &Shard) -> HashKeyRange {
    let [start, end] = shard.hash_keys.each_ref().map(|key| key.parse().expect("a hash key in a transcript"));
    HashKeyRange { start, end }
}
