//! Eviction policies that were measured and not shipped.

// The parts that the core's own policy is made of.
#[path = "../../../../core/src/eviction/ghost.rs"]
mod ghost;
#[path = "../../../../core/src/eviction/list.rs"]
mod list;
mod s3_fifo;
mod sieve;

pub use s3_fifo::S3Fifo;
pub use sieve::Sieve;
