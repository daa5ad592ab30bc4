//! The log of invalidations against which late values are checked.
//!
//! A value that was loaded while an invalidation arrived must not be stored
//! (contract line 2), also when its tags are known only now. The log answers
//! "was any of this invalidated since?" in constant time for keys and tags,
//! and in the number of logged prefixes for prefixes. It keeps hashes, not
//! names: two names with one hash fence each other, which is safe.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::mutant::{Mutant, active};
use crate::time::Time;

/// Prefixes are kept up to this length: a shorter one covers more, which is
/// safe, and bounds the log in bytes too.
const PREFIX_BYTES: usize = 256;

/// Counts what was logged; a lease remembers the count at its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

/// What one log line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// A key or a tag, by hash.
    Name(u64),
    Prefix(Box<str>),
}

#[derive(Debug)]
struct Line {
    at: Point,
    subject: Subject,
}

/// When something was logged, in both orders that are asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    mark: Mark,
    time: Time,
}

/// Since when a value is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Since {
    /// A lease: everything logged after it began, and what was logged less
    /// than `settle` before its start.
    Lease {
        /// The log's mark when the lease was given.
        mark: Mark,
        /// When the load began.
        start: Time,
    },
    /// A value that was true at this time, without a lease.
    Time(Time),
}

/// The log. Bounded; what falls out of it moves [`Fences::complete_since`].
#[derive(Debug)]
pub(crate) struct Fences {
    lines: VecDeque<Line>,
    /// The latest point of each key or tag in `lines`.
    latest: HashTable<(u64, Point)>,
    prefixes: usize,
    /// The last invalidation of everything.
    all: Option<Point>,
    next: Mark,
    /// The last line that was dropped.
    dropped: Option<Point>,
    capacity: usize,
    settle: Duration,
}

impl Fences {
    /// An empty log of at most `capacity` lines.
    pub(crate) fn new(capacity: usize, settle: Duration) -> Self {
        Self {
            lines: VecDeque::new(),
            latest: HashTable::new(),
            prefixes: 0,
            all: None,
            next: Mark(1),
            dropped: None,
            capacity,
            settle,
        }
    }

    /// The mark of now: what is logged from here on comes after it.
    pub(crate) fn mark(&self) -> Mark {
        self.next
    }

    /// Logs an invalidation of a key or tag.
    pub(crate) fn name(&mut self, hash: u64, now: Time) {
        let at = self.push(Subject::Name(hash), now);
        match self.latest.entry(hash, |(other, _)| *other == hash, |(hash, _)| *hash) {
            Entry::Occupied(mut entry) => entry.get_mut().1 = at,
            Entry::Vacant(entry) => drop(entry.insert((hash, at))),
        }
    }

    /// Logs an invalidation of all keys with a prefix.
    pub(crate) fn prefix(&mut self, prefix: &str, now: Time) {
        if active(Mutant::PrefixUnfenced) {
            return;
        }
        let kept = &prefix[..prefix.floor_char_boundary(PREFIX_BYTES)];
        self.prefixes += 1;
        self.push(Subject::Prefix(kept.into()), now);
    }

    /// Logs an invalidation of everything. It supersedes all lines so far.
    pub(crate) fn everything(&mut self, now: Time) {
        let at = self.point(now);
        self.all = Some(at);
        self.lines.clear();
        self.latest.clear();
        self.prefixes = 0;
    }

    /// Whether any of this was invalidated since then, or may have been.
    ///
    /// `names` are the hashes of the key and of its tags.
    pub(crate) fn hit(&self, since: Since, key: &str, mut names: impl Iterator<Item = u64>) -> bool {
        let settle = if active(Mutant::SettleIgnored) { Duration::ZERO } else { self.settle };
        let after = |at: Point| match since {
            Since::Lease { mark, start } => {
                at.mark >= mark || (!settle.is_zero() && at.time + settle > start)
            }
            Since::Time(time) => at.time + settle >= time,
        };
        self.all.is_some_and(after)
            || self.dropped.is_some_and(after)
            || (!self.lines.is_empty()
                && (names.any(|hash| self.latest(hash).is_some_and(after))
                    || (self.prefixes > 0 && self.prefixed(key, after))))
    }

    /// Forgets lines that no value can be checked against any more: those
    /// logged before `time` and, if a lease lives, before it began.
    pub(crate) fn forget(&mut self, time: Time, oldest: Option<Mark>) {
        let cutoff = time - self.settle;
        while let Some(line) = self.lines.front() {
            if line.at.time >= cutoff || oldest.is_some_and(|mark| line.at.mark >= mark) {
                break;
            }
            self.pop();
        }
    }

    /// Leases that began before this cannot be checked any more: the log was
    /// full and dropped a line that they need.
    pub(crate) fn complete_since(&self) -> Mark {
        self.dropped.map_or(Mark(0), |at| Mark(at.mark.0 + 1))
    }

    fn push(&mut self, subject: Subject, now: Time) -> Point {
        if self.lines.len() == self.capacity && !active(Mutant::FencesUnbounded) {
            self.pop();
        }
        let at = self.point(now);
        self.lines.push_back(Line { at, subject });
        at
    }

    fn point(&mut self, time: Time) -> Point {
        let mark = self.next;
        self.next = Mark(mark.0 + 1);
        Point { mark, time }
    }

    fn pop(&mut self) {
        let Some(Line { at, subject }) = self.lines.pop_front() else { return };
        self.dropped = Some(at);
        match subject {
            Subject::Prefix(_) => self.prefixes -= 1,
            Subject::Name(hash) => {
                let found =
                    self.latest.find_entry(hash, |(other, latest)| *other == hash && latest.mark == at.mark);
                if let Ok(entry) = found {
                    entry.remove();
                }
            }
        }
    }

    fn latest(&self, hash: u64) -> Option<Point> {
        self.latest.find(hash, |(other, _)| *other == hash).map(|(_, at)| *at)
    }

    fn prefixed(&self, key: &str, after: impl Fn(Point) -> bool) -> bool {
        self.lines.iter().any(|line| match &line.subject {
            Subject::Prefix(prefix) => after(line.at) && key.starts_with(&**prefix),
            Subject::Name(_) => false,
        })
    }

    /// Checks the accounting.
    ///
    /// # Panics
    ///
    /// If it does not hold; for tests.
    pub(crate) fn validate(&self) {
        assert!(self.lines.len() <= self.capacity, "the log is over its bound");
        let prefixes = self.lines.iter().filter(|line| matches!(line.subject, Subject::Prefix(_))).count();
        assert_eq!(prefixes, self.prefixes, "prefixes in the log");
        assert!(self.latest.len() <= self.lines.len(), "more names than lines");
        assert!(
            self.lines.iter().zip(self.lines.iter().skip(1)).all(|(a, b)| a.at.mark < b.at.mark),
            "order"
        );
    }
}
