//! Leases that are in the hands of clients.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::time::Duration;

use snowmelt::Lease;
use tokio::time::Instant;

use super::Blob;

/// A lease's name: unguessable, so that nobody fills what another loads.
pub(super) type Id = [u8; 16];

/// The leases that were handed out, by name. The cache decides what they are
/// worth; here they only wait.
pub(super) struct Leases<V: Blob> {
    most: usize,
    timeout: Duration,
    held: HashMap<Id, Lease<V>>,
    /// In the order in which they end, those that were taken included.
    ends: VecDeque<(Instant, Id)>,
}

impl<V: Blob> Leases<V> {
    pub(super) fn new(most: usize, timeout: Duration) -> Self {
        Self { most: most.max(1), timeout, held: HashMap::new(), ends: VecDeque::new() }
    }

    /// Keeps a lease until it is taken or its time is up. `None` if the system
    /// has no randomness: the lease is given up then.
    pub(super) fn hold(&mut self, lease: Lease<V>) -> Option<Id> {
        let mut id = Id::default();
        getrandom::fill(&mut id).ok()?;
        let now = Instant::now();
        self.expire(now, self.most - 1);
        self.held.insert(id, lease);
        self.ends.push_back((now + self.timeout, id));
        Some(id)
    }

    /// A lease for good: it cannot be used twice. `None` if there is none of
    /// that name.
    ///
    /// # Errors
    ///
    /// If it is for another key; it stays then.
    pub(super) fn take(&mut self, id: &Id, key: &str) -> Result<Option<Lease<V>>, ()> {
        self.expire(Instant::now(), self.most);
        match self.held.get(id) {
            Some(lease) if lease.key() != key => Err(()),
            _ => Ok(self.held.remove(id)),
        }
    }

    /// Gives up the leases of a key, since a value was stored without one: who
    /// waits for them has it at once.
    pub(super) fn give_up(&mut self, key: &str) {
        if !self.held.is_empty() {
            self.held.retain(|_, lease| lease.key() != key);
        }
    }

    /// Gives up those that were handed out before `then`.
    pub(super) fn give_up_older(&mut self, then: Instant) {
        let end = then + self.timeout;
        while let Some((_, id)) = self.ends.front().filter(|(ends, _)| *ends < end) {
            self.held.remove(id);
            self.ends.pop_front();
        }
    }

    /// Drops those whose time is up and, of more than `most`, the oldest.
    fn expire(&mut self, now: Instant, most: usize) {
        while let Some((end, id)) = self.ends.front() {
            if *end > now && self.held.len() <= most && self.held.contains_key(id) {
                break;
            }
            self.held.remove(id);
            self.ends.pop_front();
        }
        if self.ends.len() > 2 * self.most {
            self.ends.retain(|(_, id)| self.held.contains_key(id));
        }
    }
}

/// A name as a header has it.
pub(super) fn print(id: &Id) -> String {
    id.iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `None` if a text is no name.
pub(super) fn parse(text: &str) -> Option<Id> {
    let sound = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = if sound { u128::from_str_radix(text, 16).ok() } else { None };
    number.map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::{parse, print};

    #[test]
    fn names_are_read_as_printed() {
        let id = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255];
        assert_eq!(parse(&print(&id)), Some(id));
        for wrong in ["", "0", &"g".repeat(32), &"+".repeat(32), &"0".repeat(33)] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
