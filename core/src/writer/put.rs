//! What the writer asks of a Kinesis data stream, and what it is told.

use alloc::string::String;
use alloc::vec::Vec;

use crate::follower::SequenceNumber;

/// One `PutRecords` operation, to be sent at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// At most 500 records and 5 MiB.
    pub records: Vec<PutRecord>,
}

/// One record of a [`Put`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutRecord {
    /// `Data`, before base64.
    pub data: Vec<u8>,
    /// `PartitionKey`.
    pub partition_key: String,
    /// `ExplicitHashKey`, if the shard is chosen by it.
    pub explicit_hash_key: Option<u128>,
}

/// The answer to `PutRecords`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutAnswer {
    /// The HTTP `Date` header in milliseconds since the Unix epoch.
    pub date: Option<u64>,
    /// One outcome for each record, in the same order.
    pub outcomes: Vec<PutOutcome>,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is in the stream.
    Stored {
        /// `ShardId`.
        shard: String,
        /// `SequenceNumber`.
        sequence_number: SequenceNumber,
    },
    /// It is not: `ErrorCode` and `ErrorMessage`.
    Refused {
        /// `ProvisionedThroughputExceededException` or `InternalFailure`.
        code: String,
        /// What the service says of it.
        message: String,
    },
}
