//! The whole way, with faults: caches, the real SDK, and the simulated service
//! over loopback HTTP (`kinesis-double`). Issue 2, "Proof".

mod errors;
mod faults;
mod following;
mod records;
mod sources;
mod support;
