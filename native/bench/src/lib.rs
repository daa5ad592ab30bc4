//! What the measuring programs of Snowmelt share: workloads made from a seed,
//! a simulated store around an eviction policy, and the same face for its
//! peers.

extern crate alloc;

pub mod applying;
pub mod candidates;
pub mod keys;
pub mod peers;
pub mod report;
pub mod simulate;
pub mod workload;
