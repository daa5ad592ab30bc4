//! Answers of a stream: likely ones, and ones that no stream would give.

use snowmelt_core::follower::{
    Answer, Body, CallError, CallErrorKind, ChildShard, HashKeyRange, ListShards, RecordPage, Request,
    SequenceNumber, ShardDescription, ShardPage, StreamRecord,
};
use snowmelt_core::writer::{Put, PutAnswer, PutOutcome};

use crate::input::Input;

const RECORDS: [&[u8]; 11] = [
    br#"{"snowmelt":1,"keys":["a","k/1"]}"#,
    br#"{"snowmelt":1,"tags":["t0"]}"#,
    br#"{"snowmelt":1,"prefixes":["k/"]}"#,
    br#"{"snowmelt":1,"all":true}"#,
    br#"{"snowmelt":1,"keys":["a"],"ns":"other"}"#,
    br#"{"snowmelt":2}"#,
    br#"{"keys":["id=1&s=a&t=data.ID"],"ts":"2018-05-01T10:00:00Z"}"#,
    b"not a record",
    br#"{"awsRegion":"r","tableName":"orders","dynamodb":{"Keys":{"pk":{"S":"1"}}},"eventSource":"aws:dynamodb"}"#,
    br#"{"tableName":"users","dynamodb":{"Keys":{"pk":{"S":"1"}}},"eventSource":"aws:dynamodb"}"#,
    br#"{"source":"aws.ssm","detail-type":"Parameter Store Change","detail":{"name":"a"}}"#,
];

const KINDS: [CallErrorKind; 7] = [
    CallErrorKind::Throttled,
    CallErrorKind::Expired,
    CallErrorKind::Refused,
    CallErrorKind::NotFound,
    CallErrorKind::Denied,
    CallErrorKind::TimedOut,
    CallErrorKind::Failed,
];

pub(crate) fn error(input: &mut Input<'_>, time: u64) -> CallError {
    CallError { kind: input.pick(&KINDS), message: String::from("an error"), date: date(input, time) }
}

/// What a stream of two shards might answer; seldom that it changed.
pub(crate) fn likely(request: &Request, input: &mut Input<'_>, time: u64) -> Answer {
    let body = match request {
        Request::ListShards(page) => {
            let more = matches!(page, ListShards::From(_)) && input.below(8) == 0;
            Body::Shards(shards(input, more))
        }
        Request::ShardIterator { shard, .. } => Body::Iterator(shard.clone()),
        Request::Records { shard, limit, .. } => Body::Records(page(input, shard, *limit, time)),
    };
    Answer { date: Some(time / 1000 * 1000), body }
}

/// Any body to any request, with any number in it.
pub(crate) fn hostile(input: &mut Input<'_>, time: u64) -> Answer {
    let body = match input.below(3) {
        0 => Body::Shards(ShardPage {
            shards: (0..input.below(5)).map(|_| hostile_shard(input)).collect(),
            next_token: input.flag().then(|| name(input)),
        }),
        1 => Body::Iterator(name(input)),
        _ => Body::Records(RecordPage {
            records: (0..input.below(5)).map(|_| hostile_record(input)).collect(),
            next_iterator: input.flag().then(|| name(input)),
            millis_behind_latest: input.number(),
            child_shards: (0..input.below(4)).map(|_| hostile_child(input)).collect(),
        }),
    };
    Answer { date: date(input, time), body }
}

pub(crate) fn put_answer(put: &Put, input: &mut Input<'_>, time: u64) -> Result<PutAnswer, CallError> {
    if input.below(4) == 0 {
        return Err(error(input, time));
    }
    let surplus = usize::from(input.below(8) == 0);
    let outcomes = (0..put.records.len() + surplus).map(|_| match input.below(4) {
        0 => PutOutcome::Refused {
            code: "ProvisionedThroughputExceededException".into(),
            message: String::new(),
        },
        _ => PutOutcome::Stored { shard: shard_id(input.below(4)), sequence_number: number(input, 8) },
    });
    let outcomes = outcomes.collect();
    Ok(PutAnswer { date: date(input, time), outcomes })
}

fn shards(input: &mut Input<'_>, more: bool) -> ShardPage {
    let count = if input.below(32) == 0 { 1 + input.below(4) } else { 2 };
    let life = u128::from(input.below(32) == 0);
    let width = u128::MAX / count as u128;
    let shard = |index: usize| ShardDescription {
        id: shard_id(index),
        parents: Vec::new(),
        hash_keys: HashKeyRange { start: width * index as u128, end: width * (index as u128 + 1) - 1 },
        starting_sequence_number: SequenceNumber::from(life),
    };
    ShardPage { shards: (0..count).map(shard).collect(), next_token: more.then(|| "next".into()) }
}

fn page(input: &mut Input<'_>, shard: &str, limit: u32, time: u64) -> RecordPage {
    let ends = input.below(32) == 0;
    let count = input.below(4).min(limit as usize);
    let records = (0..count).map(|_| StreamRecord {
        sequence_number: number(input, 200),
        data: input.pick(&RECORDS).to_vec(),
        arrival: time,
    });
    let records = records.collect();
    let child_shards =
        if ends { vec![child(shard, input.below(4)), child(shard, input.below(4))] } else { vec![] };
    RecordPage {
        records,
        next_iterator: (!ends).then(|| shard.into()),
        millis_behind_latest: input.pick(&[0, 0, 0, 1000, 10_000_000]),
        child_shards,
    }
}

fn child(parent: &str, index: usize) -> ChildShard {
    let hash_keys = HashKeyRange { start: 0, end: u128::MAX };
    ChildShard { id: shard_id(index), parents: vec![parent.into()], hash_keys }
}

fn hostile_shard(input: &mut Input<'_>) -> ShardDescription {
    ShardDescription {
        id: name(input),
        parents: (0..input.below(3)).map(|_| name(input)).collect(),
        hash_keys: hostile_range(input),
        starting_sequence_number: number(input, 255),
    }
}

fn hostile_child(input: &mut Input<'_>) -> ChildShard {
    ChildShard {
        id: name(input),
        parents: (0..input.below(3)).map(|_| name(input)).collect(),
        hash_keys: hostile_range(input),
    }
}

fn hostile_record(input: &mut Input<'_>) -> StreamRecord {
    let data = if input.flag() { input.bytes() } else { input.pick(&RECORDS) };
    StreamRecord { sequence_number: number(input, 255), data: data.into(), arrival: input.number() }
}

fn hostile_range(input: &mut Input<'_>) -> HashKeyRange {
    HashKeyRange { start: u128::from(input.number()) << 64, end: u128::from(input.number()) << 64 }
}

fn name(input: &mut Input<'_>) -> String {
    match input.below(3) {
        0 => shard_id(input.below(4)),
        1 => String::new(),
        _ => String::from_utf8_lossy(input.bytes()).into_owned(),
    }
}

fn shard_id(index: usize) -> String {
    format!("shardId-{index:012}")
}

/// A sequence number: a small one, so that they repeat and go backwards, or
/// sometimes one of 128 digits.
fn number(input: &mut Input<'_>, bound: usize) -> SequenceNumber {
    match input.below(64) {
        0 => SequenceNumber::parse(&"9".repeat(128)).expect("a number"),
        _ => SequenceNumber::from(input.below(bound) as u128),
    }
}

fn date(input: &mut Input<'_>, time: u64) -> Option<u64> {
    match input.below(16) {
        0 | 1 => None,
        2 => Some(input.number()),
        3 => Some(time.saturating_sub(60_000)),
        _ => Some(time),
    }
}
