//! Position tokens: how far a reader has to catch up to see a write.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::error::InputError;
use crate::follower::SequenceNumber;

/// Says how far a reader has to catch up to have applied an invalidation.
///
/// Prints as a short string of letters, digits and `.`, `-`, `_`, fit for a
/// header or a cookie: `sm1.STREAM.tTIME.SHARD-NUMBER…`, where STREAM is a
/// fingerprint of the stream's name and TIME (which may be missing) says when
/// it was written, so that a reader that began to follow a quiet shard later
/// knows that it need not wait. Both are hexadecimal.
///
/// ```
/// use snowmelt_core::writer::PositionToken;
///
/// let token: PositionToken = "sm1.1b2f.t1a0c452e100.0-4957.3-4958".parse()?;
/// assert_eq!(token.to_string(), "sm1.1b2f.t1a0c452e100.0-4957.3-4958");
/// # Ok::<(), snowmelt_core::InputError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionToken {
    stream: u64,
    /// AWS's time of writing, in milliseconds since the Unix epoch.
    written: Option<u64>,
    /// The highest number written to each shard.
    positions: Vec<(String, SequenceNumber)>,
}

/// The longest token that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;
const PREFIX: &str = "shardId-";
/// Digits of a shard's number in its id.
const WIDTH: usize = 12;

impl PositionToken {
    /// A token of a stream that names no position yet.
    pub(crate) fn new(stream: &str) -> Self {
        Self { stream: fingerprint(stream), written: None, positions: Vec::new() }
    }

    /// Notes when the last of the records was stored.
    pub(crate) fn note_written(&mut self, written: u64) {
        self.written = self.written.max(Some(written));
    }

    /// When the last of the records was stored at the latest, on AWS's clock,
    /// in milliseconds since the Unix epoch.
    pub fn written(&self) -> Option<u64> {
        self.written
    }

    /// Notes that a record was stored.
    pub(crate) fn note(&mut self, shard: String, number: SequenceNumber) {
        match self.positions.iter_mut().find(|(known, _)| *known == shard) {
            Some((_, highest)) if *highest < number => *highest = number,
            Some(_) => {}
            None => self.positions.push((shard, number)),
        }
    }

    /// The highest sequence number written to each shard.
    pub fn positions(&self) -> impl Iterator<Item = (&str, &SequenceNumber)> {
        self.positions.iter().map(|(shard, number)| (shard.as_str(), number))
    }

    /// Whether it belongs to the stream of this name.
    pub fn is_of(&self, stream: &str) -> bool {
        self.stream == fingerprint(stream)
    }
}

/// FNV-1a (Fowler, Noll, Vo), 64 bits folded to 32: the same in every version.
fn fingerprint(stream: &str) -> u64 {
    let hash = stream.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) ^ (hash & 0xffff_ffff)
}

impl fmt::Display for PositionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sm1.{:x}", self.stream)?;
        if let Some(written) = self.written {
            write!(f, ".t{written:x}")?;
        }
        for (shard, number) in &self.positions {
            match plain_number(shard) {
                Some(digits) => write!(f, ".{digits}-{number}")?,
                None => {
                    f.write_str("._")?;
                    shard.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                    write!(f, "-{number}")?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for PositionToken {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        if text.len() > MAX_BYTES {
            return Err(InputError::BadToken { why: "is too long" });
        }
        let mut parts = text.split('.');
        if parts.next() != Some("sm1") {
            return Err(InputError::BadToken { why: "does not start with sm1." });
        }
        let stream = parts.next().and_then(|part| u64::from_str_radix(part, 16).ok());
        let stream = stream.ok_or(InputError::BadToken { why: "has no stream fingerprint" })?;
        let mut parts = parts.peekable();
        let written = parts.next_if(|part| part.starts_with('t'));
        let written = written.map(|part| u64::from_str_radix(&part[1..], 16)).transpose();
        let written = written.map_err(|_| InputError::BadToken { why: "has a broken time" })?;
        let positions = parts
            .map(|part| read_position(part).ok_or(InputError::BadToken { why: "has a broken position" }));
        Ok(Self { stream, written, positions: positions.collect::<Result<_, _>>()? })
    }
}

fn read_position(part: &str) -> Option<(String, SequenceNumber)> {
    let (shard, number) = part.split_once('-')?;
    let shard = match shard.strip_prefix('_') {
        Some(hex) => from_hex(hex)?,
        None if !shard.is_empty() && shard.bytes().all(|byte| byte.is_ascii_digit()) => {
            alloc::format!("{PREFIX}{shard:0>WIDTH$}")
        }
        None => return None,
    };
    Some((shard, SequenceNumber::parse(number)?))
}

/// The number in an id of Kinesis' usual form, without leading zeros.
fn plain_number(shard: &str) -> Option<&str> {
    let digits = shard.strip_prefix(PREFIX)?;
    if digits.len() != WIDTH || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    Some(if significant.is_empty() { "0" } else { significant })
}

fn from_hex(hex: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    core::str::from_utf8(&bytes?).ok().map(ToOwned::to_owned)
}
