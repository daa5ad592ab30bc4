//! What is answered, one file for each contract.

pub mod aws;
mod blob;
pub mod cache;
pub mod demo;
mod query;
mod selector;
