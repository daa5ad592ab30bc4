//! The origin: every version that every key ever had, and when the stream
//! told of it.

use std::vec;
use std::vec::Vec;

/// One change of one key.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) committed: u64,
    /// From when on the whole invalidation can surely be read; `None` if it
    /// never got onto the stream.
    pub(super) readable: Option<u64>,
}

/// Keys by number; versions by number, from 0.
#[derive(Debug)]
pub(super) struct Database {
    changes: Vec<Vec<Change>>,
}

impl Database {
    pub(super) fn new(keys: usize) -> Self {
        let first = Change { committed: 0, readable: Some(0) };
        Self { changes: vec![vec![first]; keys] }
    }

    /// Changes a key and returns its version.
    pub(super) fn commit(&mut self, key: usize, now: u64) -> usize {
        self.changes[key].push(Change { committed: now, readable: None });
        self.changes[key].len() - 1
    }

    /// The stream tells of a change from `at` on.
    pub(super) fn told(&mut self, key: usize, version: usize, at: u64) {
        self.changes[key][version].readable = Some(at);
    }

    /// The version of a key at a time.
    pub(super) fn version_at(&self, key: usize, at: u64) -> usize {
        let later = self.changes[key].iter().rev().take_while(|change| change.committed > at).count();
        self.changes[key].len() - 1 - later
    }

    /// The first change that makes `version` stale and could surely be read
    /// at `at`, if there is one.
    pub(super) fn overwritten(&self, key: usize, version: usize, at: u64) -> Option<(usize, &Change)> {
        let later = self.changes[key].iter().enumerate().skip(version + 1);
        later.into_iter().find(|(_, change)| change.readable.is_some_and(|readable| readable <= at))
    }
}
