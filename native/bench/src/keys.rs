//! Keys, and the order in which they are asked for.

use crate::workload::{Random, Zipf};

/// `users/` and a number.
pub fn key(number: u32) -> String {
    format!("users/{number}")
}

/// Makes keys without taking memory, as a caller with a good formatter would.
pub struct KeyBuffer([u8; 16]);

impl KeyBuffer {
    /// A buffer for one key at a time.
    pub const fn new() -> Self {
        Self(*b"users/0000000000")
    }

    /// The same as [`key`].
    ///
    /// # Panics
    ///
    /// Never: the buffer holds ASCII.
    pub fn key(&mut self, number: u32) -> &str {
        let mut rest = number;
        let mut at = self.0.len();
        loop {
            at -= 1;
            self.0[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.0[at - 6..at].copy_from_slice(b"users/");
        std::str::from_utf8(&self.0[at - 6..]).expect("ASCII")
    }
}

impl Default for KeyBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// How keys are drawn from `0..n`.
#[derive(Clone, Copy, Debug)]
pub enum Draw {
    /// Each as often as the others.
    Uniform,
    /// Zipf 0.99, the ranks scattered over the keys.
    Zipf,
}

/// `count` numbers of keys out of `0..n`.
///
/// # Panics
///
/// If `n` is not below 2^32.
pub fn sequence(draw: Draw, n: usize, count: usize, seed: u64) -> Vec<u32> {
    let random = &mut Random::new(seed);
    let number = |number: u64| u32::try_from(number).expect("less than 2^32 keys");
    match draw {
        Draw::Uniform => (0..count).map(|_| number(random.below(n as u64))).collect(),
        Draw::Zipf => {
            let zipf = Zipf::over(n as u64, 0.99);
            (0..count).map(|_| number(scatter(zipf.draw(random), n as u64))).collect()
        }
    }
}

/// A bijection on `0..n` where `n` is a power of ten: the factor has no
/// divisor in common with it.
const fn scatter(rank: u64, n: u64) -> u64 {
    rank * 7_654_321 % n
}
