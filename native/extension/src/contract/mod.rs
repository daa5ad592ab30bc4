//! What is answered, one file for each contract.

pub mod cache;
