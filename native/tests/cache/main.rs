//! The cache through its public API, on a scripted stream.

mod building;
mod catching_up;
mod invocations;
mod kinesis;
mod loads;
mod many;
mod refresh;
mod stress;
mod support;
mod writing;
