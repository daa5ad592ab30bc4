//! Values that left the store.

use alloc::vec::Vec;

/// Values on their way out; the common case of one takes no memory.
#[derive(Debug)]
pub(crate) struct Removed<V> {
    first: Option<V>,
    rest: Vec<V>,
}

impl<V> Default for Removed<V> {
    fn default() -> Self {
        Self { first: None, rest: Vec::new() }
    }
}

impl<V> Removed<V> {
    pub(super) fn push(&mut self, value: V) {
        match &self.first {
            None => self.first = Some(value),
            Some(_) => self.rest.push(value),
        }
    }
}

impl<V> IntoIterator for Removed<V> {
    type Item = V;
    type IntoIter = core::iter::Chain<core::option::IntoIter<V>, alloc::vec::IntoIter<V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}
