//! `DynamoDB` items as JSON: [`plain`] as a program wants them, [`typed`] as
//! `DynamoDB` writes them.
//!
//! Both are written straight to bytes, attributes in the order of their names,
//! and are the same bytes for the same item.

mod decimal;
mod plain;
mod typed;

use std::fmt;

use serde::ser::Error;
use thiserror::Error;

pub use plain::plain;
pub use typed::typed;

/// How deep lists and maps may lie in each other. `DynamoDB` allows 32 levels;
/// twice that ends the recursion over a broken answer before the stack does.
pub const MAX_DEPTH: usize = 64;

/// An item cannot be written as JSON. Says no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the item cannot be written as JSON: {0}")]
pub struct ItemError(String);

impl ItemError {
    /// Every error here is one that this module raised: bytes in memory do not
    /// fail to be written.
    fn from_json(error: &serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// One level deeper, if that is not too deep.
fn deeper<E: Error>(depth: usize) -> Result<usize, E> {
    if depth < MAX_DEPTH {
        return Ok(depth + 1);
    }
    Err(E::custom(format_args!("lists and maps are nested deeper than {MAX_DEPTH} levels")))
}

/// Binary, as base64 text (RFC 4648, with padding).
fn base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(bytes)
}

/// A number that is none; its text is not shown, because it is a value.
struct NoNumber;

impl fmt::Display for NoNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DynamoDB answered a number (N or NS) whose text is no JSON number")
    }
}

#[cfg(test)]
mod tests;
