//! What the follower asks of a Kinesis data stream, and what it is told.
//!
//! These types are the whole vocabulary between the core and a transport. A
//! transport turns a [`Request`] into the Kinesis operation of the same name
//! and its outcome into an [`Answer`] or a [`CallError`]; it decides nothing,
//! retries nothing and caches nothing.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::sequence::SequenceNumber;

/// Names one call; the answer must carry the same id.
///
/// An id of an earlier epoch (before a gap or a reset), or of a call that was
/// given up, is recognised and its answer dropped whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    pub(crate) epoch: u32,
    pub(crate) number: u64,
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.number)
    }
}

/// Reads what `Display` wrote, for hosts that keep the id as a text.
impl FromStr for CallId {
    type Err = NotACallId;

    fn from_str(text: &str) -> Result<Self, NotACallId> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fields = text.split_once('.').filter(|(epoch, number)| digits(epoch) && digits(number));
        let (epoch, number) = fields.ok_or(NotACallId)?;
        let epoch = epoch.parse().map_err(|_| NotACallId)?;
        Ok(Self { epoch, number: number.parse().map_err(|_| NotACallId)? })
    }
}

/// A text that is no [`CallId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACallId;

impl fmt::Display for NotACallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a call's id: hand it back exactly as it came with the call")
    }
}

impl core::error::Error for NotACallId {}

/// A request to the stream, to be sent at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// To be handed back with the answer.
    pub id: CallId,
    /// What to ask.
    pub request: Request,
}

/// One Kinesis operation. Stream name or ARN are the transport's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `ListShards`.
    ListShards(ListShards),
    /// `GetShardIterator`.
    ShardIterator {
        /// `ShardId`.
        shard: String,
        /// `ShardIteratorType`.
        from: IteratorStart,
    },
    /// `GetRecords`.
    Records {
        /// The shard the iterator belongs to, for tracing; not sent.
        shard: String,
        /// `ShardIterator`.
        iterator: String,
        /// `Limit`, 1 to 10,000 records.
        limit: u32,
    },
}

/// Which page of the list of shards is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListShards {
    /// The first page, with `ShardFilter = { FROM_TIMESTAMP, Timestamp }`:
    /// milliseconds since the Unix epoch on AWS's clock. Gives the shards that are
    /// open, and those that closed at or after that time.
    From(u64),
    /// A further page; `NextToken` excludes stream name and filter.
    Next(String),
}

/// Where in a shard reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IteratorStart {
    /// `AT_TIMESTAMP`: milliseconds since the Unix epoch on AWS's clock.
    AtTimestamp(u64),
    /// `TRIM_HORIZON`: the oldest record the shard still has.
    TrimHorizon,
}

/// A successful answer of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP `Date` header in milliseconds since the Unix epoch, if there
    /// was one. Its resolution is one second.
    pub date: Option<u64>,
    /// The body.
    pub body: Body,
}

/// The body of an [`Answer`]; must be of the request's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// To `ListShards`.
    Shards(ShardPage),
    /// To `GetShardIterator`: the iterator.
    Iterator(String),
    /// To `GetRecords`.
    Records(RecordPage),
}

/// A page of the list of shards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardPage {
    /// The shards of this page.
    pub shards: Vec<ShardDescription>,
    /// `NextToken`, if there are more.
    pub next_token: Option<String>,
}

/// One shard as `ListShards` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardDescription {
    /// `ShardId`.
    pub id: String,
    /// `ParentShardId` and `AdjacentParentShardId`, those that are given.
    pub parents: Vec<String>,
    /// `HashKeyRange`, both ends included.
    pub hash_keys: HashKeyRange,
    /// `SequenceNumberRange.StartingSequenceNumber`: the shard's fingerprint.
    pub starting_sequence_number: SequenceNumber,
}

/// A range of hash keys, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKeyRange {
    /// `StartingHashKey`.
    pub start: u128,
    /// `EndingHashKey`.
    pub end: u128,
}

impl HashKeyRange {
    /// Whether `hash_key` lies in this range.
    pub const fn contains(&self, hash_key: u128) -> bool {
        self.start <= hash_key && hash_key <= self.end
    }
}

/// The answer to `GetRecords`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordPage {
    /// The records, oldest first.
    pub records: Vec<StreamRecord>,
    /// `NextShardIterator`; none when a closed shard was read to its end.
    pub next_iterator: Option<String>,
    /// `MillisBehindLatest`; 0 says that this page ends at the tip.
    pub millis_behind_latest: u64,
    /// `ChildShards`, given with the last page of a closed shard.
    pub child_shards: Vec<ChildShard>,
}

/// One record of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRecord {
    /// `SequenceNumber`.
    pub sequence_number: SequenceNumber,
    /// `Data`, decoded from base64.
    pub data: Vec<u8>,
    /// `ApproximateArrivalTimestamp` in milliseconds since the Unix epoch; 0
    /// if it was not given.
    pub arrival: u64,
}

/// A shard that continues a closed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildShard {
    /// `ShardId`.
    pub id: String,
    /// `ParentShards`.
    pub parents: Vec<String>,
    /// `HashKeyRange`.
    pub hash_keys: HashKeyRange,
}

/// Why a call to the stream failed.
///
/// Transports sort the service's exceptions into these; `message` names the
/// cause and the remedy as a person would want to read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// What the core needs to know.
    pub kind: CallErrorKind,
    /// What a person needs to know.
    pub message: String,
    /// The HTTP `Date` header, as in [`Answer`].
    pub date: Option<u64>,
}

/// The kinds of failure that are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallErrorKind {
    /// `ProvisionedThroughputExceededException`, `LimitExceededException`,
    /// `KMSThrottlingException`, `ThrottlingException` or HTTP 429: a quota
    /// shared by the whole fleet is used up. The normal case, not a fault.
    Throttled,
    /// `ExpiredIteratorException`, or an `ExpiredNextTokenException`.
    Expired,
    /// `InvalidArgumentException` or `ValidationException`: the position or
    /// iterator was refused.
    Refused,
    /// `ResourceNotFoundException`: no such stream, or no such shard.
    NotFound,
    /// `AccessDeniedException`, bad or missing credentials, a KMS refusal.
    Denied,
    /// No answer in time.
    TimedOut,
    /// Anything else: HTTP 5xx, a reset connection, an answer that makes no
    /// sense.
    Failed,
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn an_id_is_read_back_from_its_text() {
        for id in [
            CallId { epoch: 3, number: 17 },
            CallId { epoch: 0, number: 0 },
            CallId { epoch: u32::MAX, number: u64::MAX },
        ] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!(CallId { epoch: 3, number: 17 }.to_string(), "3.17");
    }

    #[test]
    fn another_text_is_no_id() {
        for text in ["", ".", "3", "3.", ".17", "3.17.1", "+3.17", "3.-1", " 3.17", "4294967296.0", "a.b"] {
            assert_eq!(text.parse::<CallId>(), Err(NotACallId), "{text:?}");
        }
    }
}
