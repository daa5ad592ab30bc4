//! A simulated Kinesis Data Streams for tests, in two layers.
//!
//! [`model`] is the service's semantics in virtual time: every operation takes
//! `now`, nothing reads a clock, and one seed fixes every choice, so that a
//! simulation replays. With the feature `http`, `http` serves the same model
//! over the Kinesis JSON protocol on the loopback, with faults on request.
//!
//! Where Kinesis leaves room (how long a put record stays invisible, how far
//! one read of a quiet shard gets), [`Settings`] lets a test choose; where the
//! service's behaviour is not documented, the comment at the place says so and
//! the choice is the one a follower finds harder.

#[cfg(feature = "http")]
pub mod http;
pub mod model;

#[cfg(feature = "http")]
pub use http::{Call, Double, Effect, FaultRule};

pub use model::{
    ChildShard, Counters, Fault, GetRecordsOutput, HashRange, IteratorType, Kinesis, ListShardsInput,
    ListShardsOutput, OperationCount, PutEntry, PutOk, PutRefusal, Record, Sequence, Settings,
    ShardDescription, ShardFilter, ShardReads, StreamSummary, code,
};
