//! Lanes: a fixed place in the hash key space for each group of readers.

use alloc::vec::Vec;

/// The explicit hash key of lane `lane` of `lanes`: (lane + ½)·2¹²⁸ / lanes,
/// rounded down. Writers put each record once at each of them; a reader
/// follows the one shard, through splits and merges, whose range holds its
/// own. Part of the wire format: it must be the same in every version.
pub const fn lane_hash_key(lane: u16, lanes: u16) -> u128 {
    const HALF: u128 = 1 << 127;
    let (odd, lanes) = (2 * lane as u128 + 1, lanes as u128);
    odd * (HALF / lanes) + odd * (HALF % lanes) / lanes
}

/// The hash keys of all lanes.
pub(crate) fn lane_hash_keys(lanes: u16) -> Vec<u128> {
    (0..lanes).map(|lane| lane_hash_key(lane, lanes)).collect()
}
