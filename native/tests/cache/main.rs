//! The cache through its public API, on a scripted stream.

mod building;
mod catching_up;
mod invocations;
mod kinesis;
mod loads;
mod stress;
mod support;
mod writing;
