//! Turns the core's calls into those of the simulated Kinesis, and back.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use kinesis_double::{Fault, IteratorType, Kinesis, ListShardsInput, PutEntry, PutRefusal, code};

use crate::follower::{
    Answer, Body, CallError, CallErrorKind, ChildShard, HashKeyRange, IteratorStart, ListShards, RecordPage,
    Request, SequenceNumber, ShardDescription, ShardPage, StreamRecord,
};
use crate::writer::{Put, PutAnswer, PutOutcome};

/// Answers a call at the server's time `now`.
pub(super) fn call(
    kinesis: &mut Kinesis,
    stream: &str,
    request: &Request,
    now: u64,
) -> Result<Answer, CallError> {
    let body = match request {
        Request::ListShards(list) => list_shards(kinesis, stream, list, now),
        Request::ShardIterator { shard, from } => {
            let from = match from {
                IteratorStart::AtTimestamp(at) => IteratorType::AtTimestamp(*at),
                IteratorStart::TrimHorizon => IteratorType::TrimHorizon,
            };
            kinesis.get_shard_iterator(now, stream, shard, &from).map(Body::Iterator)
        }
        Request::Records { iterator, limit, .. } => get_records(kinesis, iterator, *limit, now),
    };
    let date = Some(now / 1000 * 1000);
    body.map(|body| Answer { date, body }).map_err(|fault| error(&fault, date))
}

/// Answers a `PutRecords`; those that `refused` says are not put.
pub(super) fn put(
    kinesis: &mut Kinesis,
    stream: &str,
    put: Put,
    refused: &[bool],
    now: u64,
) -> Result<PutAnswer, CallError> {
    let accepted = put.records.into_iter().zip(refused).filter(|(_, refused)| !**refused);
    let entries: Vec<_> = accepted
        .map(|(record, _)| PutEntry {
            data: record.data,
            partition_key: record.partition_key,
            explicit_hash_key: record.explicit_hash_key,
        })
        .collect();
    let date = Some(now / 1000 * 1000);
    let outcomes = if entries.is_empty() {
        Vec::new()
    } else {
        kinesis.put_records(now, stream, entries).map_err(|fault| error(&fault, date))?
    };
    let mut outcomes = outcomes.into_iter();
    let outcomes = refused.iter().map(|refused| {
        let refusal = PutRefusal { code: code::THROUGHPUT, message: "simulated".into() };
        if *refused { Err(refusal) } else { outcomes.next().expect("an outcome for each record") }
    });
    let outcomes = outcomes.map(|outcome| match outcome {
        Ok(ok) => PutOutcome::Stored { shard: ok.shard, sequence_number: number(&ok.sequence_number) },
        Err(refusal) => PutOutcome::Refused { code: refusal.code.into(), message: refusal.message },
    });
    Ok(PutAnswer { date, outcomes: outcomes.collect() })
}

fn list_shards(kinesis: &mut Kinesis, stream: &str, list: &ListShards, now: u64) -> Result<Body, Fault> {
    let mut input = match list {
        ListShards::From(at) => ListShardsInput::from_timestamp(stream, *at),
        ListShards::Next(token) => ListShardsInput::next(token),
    };
    // Few a page, so that paging is seen.
    input.max_results = Some(3);
    let output = kinesis.list_shards(now, &input)?;
    let shards = output.shards.into_iter().map(|shard| ShardDescription {
        id: shard.id,
        parents: [shard.parent, shard.adjacent_parent].into_iter().flatten().collect(),
        hash_keys: HashKeyRange { start: shard.range.start, end: shard.range.end },
        starting_sequence_number: number(&shard.starting_sequence_number),
    });
    Ok(Body::Shards(ShardPage { shards: shards.collect(), next_token: output.next_token }))
}

fn get_records(kinesis: &mut Kinesis, iterator: &str, limit: u32, now: u64) -> Result<Body, Fault> {
    let page = kinesis.get_records(now, iterator, Some(limit))?;
    let records = page.records.into_iter().map(|record| StreamRecord {
        sequence_number: number(&record.sequence_number),
        data: record.data.to_vec(),
        arrival: record.arrival,
    });
    let children = page.child_shards.into_iter().map(|child| ChildShard {
        id: child.id,
        parents: child.parents,
        hash_keys: HashKeyRange { start: child.range.start, end: child.range.end },
    });
    Ok(Body::Records(RecordPage {
        records: records.collect::<Vec<_>>(),
        next_iterator: page.next_iterator,
        millis_behind_latest: page.millis_behind_latest,
        child_shards: children.collect(),
    }))
}

fn error(fault: &Fault, date: Option<u64>) -> CallError {
    let kind = match fault.code {
        code::THROUGHPUT | code::LIMIT => CallErrorKind::Throttled,
        code::EXPIRED_ITERATOR | code::EXPIRED_TOKEN => CallErrorKind::Expired,
        code::NOT_FOUND => CallErrorKind::NotFound,
        code::INVALID_ARGUMENT | code::VALIDATION => CallErrorKind::Refused,
        _ => CallErrorKind::Failed,
    };
    CallError { kind, message: fault.to_string(), date }
}

/// A failure of the network.
pub(super) fn failed(why: &str) -> CallError {
    CallError { kind: CallErrorKind::Failed, message: format!("simulated: {why}"), date: None }
}

fn number(text: &str) -> SequenceNumber {
    SequenceNumber::parse(text).unwrap_or_else(|| panic!("not a sequence number: {}", String::from(text)))
}
