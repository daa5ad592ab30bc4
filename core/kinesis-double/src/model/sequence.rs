use std::fmt;
use std::str::FromStr;

/// A sequence number: 188 bits, written as 56 decimal digits.
///
/// The layout is the one the service has been seen to use (and that kinesalite
/// documents in its `db` module), from the most significant bit: the nibble 2,
/// the shard's creation time in seconds (36), the shard's low nibble (4), the
/// record's index in the shard (64), 8 zero bits, the record's time in seconds
/// (36), the shard's number (32), the nibble 2. So numbers grow within a shard,
/// from parent to child, and from one life of a stream to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence {
    high: u64,
    low: u128,
}

/// The index that stands for a closed shard's end: above every record's.
pub(super) const END_INDEX: u64 = (1 << 47) - 1;

const TIME_MASK: u64 = (1 << 36) - 1;
/// What one division of the decimal conversion takes off: 10^18.
const CHUNK: u64 = 1_000_000_000_000_000_000;
const CHUNK_DIGITS: usize = 18;

impl Sequence {
    pub(super) fn new(created_secs: u64, shard: u32, index: u64, time_ms: u64) -> Self {
        let prefix = (2 << 40) | ((created_secs & TIME_MASK) << 4) | u64::from(shard & 0xf);
        let time = u128::from((time_ms / 1000) & TIME_MASK);
        let low = (u128::from(index & END_INDEX) << 80) | (time << 36) | (u128::from(shard) << 4) | 2;
        Self { high: prefix << 16, low }
    }

    /// The time written into the number, in milliseconds (to the second).
    pub fn time_ms(self) -> u64 {
        u64::try_from((self.low >> 36) & u128::from(TIME_MASK)).unwrap_or(0) * 1000
    }

    /// Whether both numbers come from the same shard of the same stream life.
    pub(super) fn same_shard(self, other: Self) -> bool {
        let shard = |s: Self| s.low & 0xf_ffff_ffff;
        self.high == other.high && shard(self) == shard(other)
    }

    /// Divides in place by [`CHUNK`], most significant limb first.
    fn divide(limbs: &mut [u64; 3]) -> u64 {
        let mut rest: u64 = 0;
        for limb in limbs {
            let value = (u128::from(rest) << 64) | u128::from(*limb);
            *limb = low64(value / u128::from(CHUNK));
            rest = low64(value % u128::from(CHUNK));
        }
        rest
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low64(value: u128) -> u64 {
    value as u64
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limbs = [self.high, low64(self.low >> 64), low64(self.low)];
        let mut digits = [b'0'; 4 * CHUNK_DIGITS];
        for chunk in digits.chunks_exact_mut(CHUNK_DIGITS).rev() {
            let mut rest = Self::divide(&mut limbs);
            for digit in chunk.iter_mut().rev() {
                *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
                rest /= 10;
            }
        }
        let first = digits.iter().position(|d| *d != b'0').unwrap_or(digits.len() - 1);
        f.write_str(std::str::from_utf8(&digits[first..]).map_err(|_| fmt::Error)?)
    }
}

/// The text is no sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotASequence;

impl FromStr for Sequence {
    type Err = NotASequence;

    fn from_str(text: &str) -> Result<Self, NotASequence> {
        if text.is_empty() || text.len() > 57 {
            return Err(NotASequence);
        }
        let mut limbs = [0_u64; 3];
        for byte in text.bytes() {
            if !byte.is_ascii_digit() {
                return Err(NotASequence);
            }
            let mut carry = u128::from(byte - b'0');
            for limb in limbs.iter_mut().rev() {
                let value = u128::from(*limb) * 10 + carry;
                *limb = low64(value);
                carry = value >> 64;
            }
        }
        let low = (u128::from(limbs[1]) << 64) | u128::from(limbs[2]);
        Ok(Self { high: limbs[0], low })
    }
}
