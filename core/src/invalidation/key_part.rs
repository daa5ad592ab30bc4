//! Values as parts of keys.

use core::fmt;

/// A value as a part of a key: percent-encoded but for ASCII letters, digits
/// and `-._~` (the unreserved characters of RFC 3986), so that it cannot run
/// into the text around it.
///
/// The templates of a [`Source`](super::Source) put values into keys so, as do
/// those of the Python package; a writer in JavaScript that uses
/// `encodeURIComponent` agrees but for `!'()*`, which are encoded here.
///
/// ```
/// use snowmelt_core::invalidation::KeyPart;
///
/// assert_eq!(format!("files/{}", KeyPart("a b/ü")), "files/a%20b%2F%C3%BC");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPart<'a>(pub &'a str);

impl KeyPart<'_> {
    /// Whether a byte of UTF-8 stands for itself.
    #[inline]
    pub const fn is_plain(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
    }

    /// What another byte is written as: `%` and two digits.
    #[inline]
    pub const fn escape(byte: u8) -> [u8; 3] {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        [b'%', DIGITS[(byte >> 4) as usize], DIGITS[(byte & 15) as usize]]
    }
}

impl fmt::Display for KeyPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while !rest.is_empty() {
            let plain = rest.bytes().position(|byte| !Self::is_plain(byte)).unwrap_or(rest.len());
            let (before, after) = rest.split_at(plain);
            f.write_str(before)?;
            let Some(other) = after.chars().next() else { return Ok(()) };
            for byte in other.encode_utf8(&mut [0; 4]).bytes() {
                let [percent, high, low] = Self::escape(byte).map(char::from);
                write!(f, "{percent}{high}{low}")?;
            }
            rest = &after[other.len_utf8()..];
        }
        Ok(())
    }
}
