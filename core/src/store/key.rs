//! Keys as the store keeps them.

use alloc::boxed::Box;

/// The longest key that is kept in place: a look at a short key waits for no
/// memory but the entry's own.
const SHORT: usize = 22;

/// A key. Compared as bytes, which is the same for UTF-8.
#[derive(Debug)]
pub(super) enum Key {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<str>),
}

impl Key {
    pub(super) fn new(key: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..key.len()), u8::try_from(key.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(key.as_bytes());
                Self::Short { len, bytes }
            }
            _ => Self::Long(key.into()),
        }
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Self::Long(key) => key.as_bytes(),
        }
    }

    /// Whether this is `key`.
    #[inline]
    pub(super) fn is(&self, key: &str) -> bool {
        let (own, other) = (self.as_bytes(), key.as_bytes());
        own.len() == other.len() && same(own, other)
    }
}

/// Compares two slices of one length: for those of usual length a few
/// instructions in place of a call.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        8..=16 => a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk(),
        17..=32 => a.first_chunk::<16>() == b.first_chunk() && a.last_chunk::<16>() == b.last_chunk(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn keys_of_every_length_are_themselves_only() {
        let letters: String = ('a'..='z').cycle().take(70).collect();
        for length in 0..letters.len() {
            let text = &letters[..length];
            let key = Key::new(text);
            assert_eq!(key.as_bytes(), text.as_bytes());
            assert!(key.is(text));
            assert!(!key.is(&letters[..=length]));
            for at in 0..length {
                let mut other = String::from(text);
                other.replace_range(at..=at, "#");
                assert!(!key.is(&other), "byte {at} of {length}");
            }
        }
    }
}
