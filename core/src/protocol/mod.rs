//! The Kinesis JSON protocol, for hosts without an AWS SDK in Rust.
//!
//! A transport written in another language has an HTTP client or an SDK of its
//! own, and knows nothing else: what to send ([`request`], [`put_request`]),
//! what an answer means ([`answer`], [`put_answer`]) and what a failure means
//! ([`refused`] and the functions beside it) is decided here. Each operation is
//! an HTTP `POST` of a JSON body with the header `X-Amz-Target` of
//! [`Operation::target`] and the content type [`CONTENT_TYPE`], signed.
//!
//! Names of members and operations are those of the Kinesis API reference.
//!
//! ```
//! use serde_json::json;
//! use snowmelt_core::follower::{Body, IteratorStart, Request};
//! use snowmelt_core::protocol::{self, Address, Operation};
//!
//! let address = Address { name: "orders", arn: None };
//! let wanted =
//!     Request::ShardIterator { shard: "shardId-000000000000".into(), from: IteratorStart::TrimHorizon };
//! let (operation, input) = protocol::request(&wanted, address);
//! assert_eq!(operation.target(), "Kinesis_20131202.GetShardIterator");
//! assert_eq!(
//!     input,
//!     json!({
//!         "StreamName": "orders",
//!         "ShardId": "shardId-000000000000",
//!         "ShardIteratorType": "TRIM_HORIZON",
//!     })
//! );
//! let answer = protocol::answer(operation, &json!({ "ShardIterator": "AAA" }), None)?;
//! assert_eq!(answer.body, Body::Iterator("AAA".into()));
//! # Ok::<(), snowmelt_core::follower::CallError>(())
//! ```

mod answer;
mod date;
mod input;
mod output;
mod refusal;

pub use answer::{answer, answer_json, put_answer, put_answer_json};
pub use date::http_date;
pub use input::{put_request, request};
pub use output::{
    ChildShardOutput, GetRecordsOutput, GetShardIteratorOutput, HashKeyRangeOutput, ListShardsOutput,
    PutRecordsOutput, PutRecordsResultEntry, RecordOutput, SequenceNumberRangeOutput, ShardOutput,
};
pub use refusal::{
    Place, Refusal, broken_off, no_connection, no_credentials, nonsense, not_sent, out_of_reach, refused,
    timed_out, unreadable,
};

use crate::follower::Request;

/// The content type of requests and answers.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// The operations that a transport uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `ListShards`.
    ListShards,
    /// `GetShardIterator`.
    GetShardIterator,
    /// `GetRecords`.
    GetRecords,
    /// `PutRecords`.
    PutRecords,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ListShards, Self::GetShardIterator, Self::GetRecords, Self::PutRecords];

    /// Its name in the Kinesis API reference.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ListShards => "ListShards",
            Self::GetShardIterator => "GetShardIterator",
            Self::GetRecords => "GetRecords",
            Self::PutRecords => "PutRecords",
        }
    }

    /// The operation of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// The value of the header `X-Amz-Target`.
    pub const fn target(self) -> &'static str {
        match self {
            Self::ListShards => "Kinesis_20131202.ListShards",
            Self::GetShardIterator => "Kinesis_20131202.GetShardIterator",
            Self::GetRecords => "Kinesis_20131202.GetRecords",
            Self::PutRecords => "Kinesis_20131202.PutRecords",
        }
    }
}

impl From<&Request> for Operation {
    fn from(request: &Request) -> Self {
        match request {
            Request::ListShards(_) => Self::ListShards,
            Request::ShardIterator { .. } => Self::GetShardIterator,
            Request::Records { .. } => Self::GetRecords,
        }
    }
}

/// How requests name the stream: by its ARN if it was given by that, else by
/// its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// `StreamName`.
    pub name: &'a str,
    /// `StreamARN`.
    pub arn: Option<&'a str>,
}

#[cfg(test)]
mod tests;
