//! What is answered, one file for each contract.

pub mod aws;
pub mod cache;
pub mod demo;
mod query;
mod selector;
