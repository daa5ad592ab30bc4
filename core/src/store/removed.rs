//! Values that left the store.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// Values on their way out. The common case of one takes no memory, and two
/// words are moved for it.
#[derive(Debug)]
pub(crate) struct Removed<V> {
    first: Option<V>,
    rest: Option<Box<Rest<V>>>,
}

#[derive(Debug)]
struct Rest<V>(Vec<V>);

impl<V> Default for Removed<V> {
    fn default() -> Self {
        Self { first: None, rest: None }
    }
}

impl<V> Removed<V> {
    /// Takes all. The two are moved apart: most of the time one was written
    /// just before and the other long ago, and a processor waits to read such
    /// two as one.
    pub(super) fn take(&mut self) -> Self {
        match self.rest {
            None => Self { first: self.first.take(), rest: None },
            Some(_) => core::mem::take(self),
        }
    }

    pub(super) fn push(&mut self, value: V) {
        match &self.first {
            None => self.first = Some(value),
            Some(_) => self.rest.get_or_insert_with(|| Box::new(Rest(Vec::new()))).0.push(value),
        }
    }
}

impl<V> IntoIterator for Removed<V> {
    type Item = V;
    type IntoIter = core::iter::Chain<core::option::IntoIter<V>, alloc::vec::IntoIter<V>>;

    fn into_iter(self) -> Self::IntoIter {
        let rest = self.rest.map_or_else(Vec::new, |rest| rest.0);
        self.first.into_iter().chain(rest)
    }
}
