//! Pseudo-random numbers from the host's seed.

/// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014). Spreads lifetimes, lanes and retries; nothing
/// secret depends on it.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 up to and including `most`, all about equally likely.
    pub(crate) const fn up_to(&mut self, most: u64) -> u64 {
        scale(self.next(), most)
    }
}

/// Maps 64 random bits evenly on `0..=most`.
pub(crate) const fn scale(bits: u64, most: u64) -> u64 {
    ((bits as u128 * (most as u128 + 1)) >> 64) as u64
}

/// `SplitMix64`'s finaliser: spreads a number over all 64 bits.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
