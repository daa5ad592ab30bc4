//! 128 bits of SHA-256.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The first 16 bytes of the hash of all parts. Each is preceded by its length, so that
/// no two lists of parts are the same bytes.
pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}

/// Appends a hash in hexadecimal.
pub(crate) fn push(into: &mut String, hash: [u8; 16]) {
    for byte in hash {
        // Writing to a string does not fail.
        let _ = write!(into, "{byte:02x}");
    }
}
