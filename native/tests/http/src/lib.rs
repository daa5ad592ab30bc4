//! Tests of `snowmelt::http` with the servers that it is for: axum behind a real
//! listener and a real client, `lambda_http` with events as AWS documents them,
//! and plain tower services.
#![cfg(test)]

mod answers;
mod bodies;
mod failures;
mod keys;
mod lambda;
mod options;
mod refreshing;
mod sharing;
mod support;
