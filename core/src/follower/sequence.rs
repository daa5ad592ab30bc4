//! Sequence numbers: decimal strings of up to 128 digits, compared as numbers.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::cmp::Ordering;
use core::fmt;

/// The sequence number of a Kinesis record within its shard.
///
/// "Sequence numbers for the same partition key generally increase over time"
/// (Kinesis API reference, `Record`); they are decimal numbers far wider than
/// 64 bits and compare as such, not as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SequenceNumber(Box<str>);

impl SequenceNumber {
    /// Reads a decimal number; `None` if it is empty, over 128 digits long or
    /// holds anything but digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return None;
        }
        let significant = text.trim_start_matches('0');
        Some(Self(if significant.is_empty() { "0" } else { significant }.into()))
    }

    /// The number without leading zeros.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u128> for SequenceNumber {
    fn from(number: u128) -> Self {
        Self(number.to_string().into())
    }
}

impl From<SequenceNumber> for String {
    fn from(number: SequenceNumber) -> Self {
        number.0.into()
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
