//! The extension as a whole: the binary, with real sockets before it and behind
//! it. Its origins are moto, its stream is kinesis-local, and Lambda is the
//! imitation of the Extensions API; doubles stand in where a service has to
//! fail, or has to be counted.

#[path = "../support/extensions_api.rs"]
#[expect(dead_code, reason = "the lifecycle's tests use the rest")]
mod extensions_api;

mod client;
mod concurrency;
mod contracts;
mod extension;
mod faults;
mod freezing;
mod hostile;
mod memory;
mod oracle;
mod origin;
mod records;
mod secrecy;
mod stream;
mod world;
