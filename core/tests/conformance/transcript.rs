//! The vocabulary of the transcripts.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::data::{Bytes, Name};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Set {
    #[serde(rename = "$schema")]
    _schema: Option<String>,
    pub(crate) transcripts: Vec<Transcript>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transcript {
    pub(crate) name: String,
    /// The lines of the contract that it proves.
    pub(crate) contract: Vec<u8>,
    #[serde(default)]
    pub(crate) config: Map<String, Value>,
    pub(crate) steps: Vec<Step>,
}

/// One step: an object with one property, its kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Note(String),
    At(At),
    Invocation(Edge),
    Restored(u64),
    Get(Read),
    GetAfterCatchUp(Read),
    Peek(Read),
    Keys(Vec<String>),
    Begin(Read),
    Next(Next),
    NoteStale(String),
    Rescue(Read),
    Arrive(usize),
    Serves(Serves),
    Fill(Fill),
    Abandon(usize),
    Insert(Insert),
    Delete(Read),
    Clear(Nothing),
    Invalidate(Invalidate),
    PollWrite(OfWrite),
    AnswerWrite(AnswerWrite),
    FinishWrite(OfWrite),
    Reached(OfToken),
    CatchUp(CatchUp),
    Calls(Vec<Value>),
    Answer(Answer),
    Timeout(Nothing),
    NextTimeout(Option<i64>),
    Outcome(Outcome),
    Events(Value),
    Stats(Map<String, Value>),
    Configure(Configure),
    CheckName(CheckName),
    Decode(Decode),
    Encode(Encode),
    DataId(PrintDataId),
    ParseDataId(Parse),
    ParseToken(Parse),
    LaneHashKey(LaneHashKey),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum At {
    Both(i64),
    Each(Clocks),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clocks {
    pub(crate) mono: i64,
    pub(crate) wall: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Edge {
    Begin,
    End,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    pub(crate) key: String,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Next {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) ahead: bool,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Serves {
    pub(crate) lease: usize,
    pub(crate) arrival: usize,
    pub(crate) expect: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fill {
    pub(crate) lease: usize,
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) tags: Vec<Name>,
    pub(crate) weight: Option<u32>,
    pub(crate) ttl: Option<u64>,
    pub(crate) took: Option<u64>,
    pub(crate) stale_while_revalidate: Option<u64>,
    pub(crate) stale_if_error: Option<u64>,
    pub(crate) refresh_ahead: Option<f64>,
    #[serde(default)]
    pub(crate) absent: bool,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Insert {
    pub(crate) key: String,
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) tags: Vec<Name>,
    pub(crate) weight: Option<u32>,
    pub(crate) ttl: Option<u64>,
    pub(crate) took: Option<u64>,
    pub(crate) stale_while_revalidate: Option<u64>,
    pub(crate) stale_if_error: Option<u64>,
    pub(crate) refresh_ahead: Option<f64>,
    #[serde(default)]
    pub(crate) absent: bool,
    pub(crate) as_of: Option<i64>,
    pub(crate) expect: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Names {
    pub(crate) keys: Vec<Name>,
    pub(crate) tags: Vec<Name>,
    pub(crate) prefixes: Vec<Name>,
    pub(crate) all: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invalidate {
    pub(crate) what: Names,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfWrite {
    pub(crate) write: usize,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerWrite {
    pub(crate) write: usize,
    #[serde(rename = "with")]
    pub(crate) answer: WriteAnswer,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WriteAnswer {
    Outcomes(Vec<PutOutcome>),
    Error(CallError),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PutOutcome {
    Stored { shard: String, sequence_number: String },
    Refused { code: String, message: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfToken {
    pub(crate) token: String,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatchUp {
    #[serde(rename = "for")]
    pub(crate) purpose: Purpose,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    Read,
    Everything,
    Since(i64),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) call: usize,
    pub(crate) date: Option<i64>,
    pub(crate) with: Body,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Body {
    Shards(Shards),
    Iterator(String),
    Records(Records),
    Error(CallError),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallError {
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shards {
    pub(crate) list: Vec<Shard>,
    pub(crate) next_token: Option<String>,
}

/// A shard of a list (with its starting sequence number), or a child (without).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shard {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) parents: Vec<String>,
    pub(crate) hash_keys: [String; 2],
    pub(crate) starting_sequence_number: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Records {
    #[serde(default)]
    pub(crate) list: Vec<Record>,
    pub(crate) next_iterator: Option<String>,
    #[serde(default)]
    pub(crate) millis_behind_latest: u64,
    #[serde(default)]
    pub(crate) child_shards: Vec<Shard>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) sequence_number: String,
    pub(crate) arrival: Option<i64>,
    pub(crate) data: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outcome {
    pub(crate) catch_up: usize,
    /// A part of the failure's message.
    pub(crate) message: Option<String>,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configure {
    pub(crate) config: Map<String, Value>,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckName {
    pub(crate) what: String,
    pub(crate) name: Name,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decode {
    pub(crate) record: Bytes,
    #[serde(default)]
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) source: Value,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encode {
    pub(crate) what: Names,
    pub(crate) format: String,
    #[serde(default)]
    pub(crate) namespace: String,
    pub(crate) written: u64,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrintDataId {
    pub(crate) source: String,
    pub(crate) id: String,
    pub(crate) expect: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parse {
    pub(crate) text: String,
    pub(crate) expect: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LaneHashKey {
    pub(crate) lane: u16,
    pub(crate) lanes: u16,
    pub(crate) expect: String,
}
