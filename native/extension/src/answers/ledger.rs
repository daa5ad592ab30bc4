//! How many parameters and secrets are kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The bound of `PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE`, beside those of the
/// whole cache.
///
/// A value enters before it is stored, and leaves when its last clone is
/// dropped. If there are too many then, the oldest make room that were not read
/// since they were last looked at ("second chance"). AWS says of its own
/// extension that what is used frequently is maintained.
pub(super) struct Ledger {
    most: usize,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    next: u64,
    by_age: BTreeMap<u64, Arc<Page>>,
    /// How many values each key has: two while one replaces the other.
    keys: HashMap<Arc<str>, usize>,
}

struct Page {
    key: Arc<str>,
    used: AtomicBool,
    /// Where it is in `by_age`; written under the book's lock.
    age: AtomicU64,
}

/// One value's place; given up when dropped.
pub(super) struct Place {
    page: Arc<Page>,
    ledger: Arc<Ledger>,
}

impl Ledger {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, book: Mutex::default() })
    }

    /// Takes a value in. The keys that it returns must be deleted from the cache
    /// before the value is stored.
    pub(super) fn enter(self: &Arc<Self>, key: &str) -> (Place, Vec<Arc<str>>) {
        let mut book = self.book();
        let mut leaving = Vec::new();
        while !book.keys.contains_key(key) && book.keys.len() >= self.most {
            let Some(oldest) = book.evict() else { break };
            leaving.push(oldest);
        }
        let key = book.keys.get_key_value(key).map_or_else(|| key.into(), |(key, _)| Arc::clone(key));
        *book.keys.entry(Arc::clone(&key)).or_default() += 1;
        let page = Arc::new(Page { key, used: AtomicBool::new(false), age: AtomicU64::new(0) });
        book.add(Arc::clone(&page));
        drop(book);
        (Place { page, ledger: Arc::clone(self) }, leaving)
    }

    /// Whole even if a thread panicked: nothing in here calls out.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Adds a page as the youngest.
    fn add(&mut self, page: Arc<Page>) {
        page.age.store(self.next, Ordering::Relaxed);
        self.by_age.insert(self.next, page);
        self.next += 1;
    }

    /// Strikes out one key. The second round finds one, if there is one: the
    /// first forgot all uses.
    fn evict(&mut self) -> Option<Arc<str>> {
        for _ in 0..2 * self.by_age.len() {
            let (_, page) = self.by_age.pop_first()?;
            if page.used.swap(false, Ordering::Relaxed) {
                self.add(page);
                continue;
            }
            let key = Arc::clone(&page.key);
            if self.keys.remove(&key) > Some(1) {
                self.by_age.retain(|_, page| page.key != key);
            }
            return Some(key);
        }
        None
    }

    fn strike(&mut self, page: &Page) {
        // It may have been evicted.
        if self.by_age.remove(&page.age.load(Ordering::Relaxed)).is_none() {
            return;
        }
        if let Some(values) = self.keys.get_mut(&page.key) {
            *values -= 1;
            if *values == 0 {
                self.keys.remove(&page.key);
            }
        }
    }
}

impl Place {
    /// The value was read.
    pub(super) fn touch(&self) {
        self.page.used.store(true, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.ledger.book().strike(&self.page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evicted(entered: (Place, Vec<Arc<str>>)) -> (Place, Vec<String>) {
        (entered.0, entered.1.iter().map(ToString::to_string).collect())
    }

    fn keys(ledger: &Ledger) -> usize {
        let book = ledger.book();
        assert_eq!(book.keys.values().sum::<usize>(), book.by_age.len());
        book.keys.len()
    }

    #[test]
    fn the_oldest_makes_room_unless_it_was_read() {
        let ledger = Ledger::new(2);
        let (a, none) = evicted(ledger.enter("a"));
        let (_b, nor) = evicted(ledger.enter("b"));
        assert!(none.is_empty() && nor.is_empty());
        a.touch();
        let (_c, left) = evicted(ledger.enter("c"));
        assert_eq!(left, ["b"]);
        // Its use was forgotten when it was passed over.
        let (_d, left) = evicted(ledger.enter("d"));
        assert_eq!(left, ["a"]);
        drop(a);
        assert_eq!(keys(&ledger), 2);
    }

    #[test]
    fn all_of_them_read_the_oldest_makes_room() {
        let ledger = Ledger::new(3);
        let places: Vec<_> = ["a", "b", "c"].into_iter().map(|key| ledger.enter(key).0).collect();
        places.iter().for_each(Place::touch);
        let (_d, left) = evicted(ledger.enter("d"));
        assert_eq!(left, ["a"]);
    }

    #[test]
    fn a_value_that_replaces_another_takes_no_room_of_its_own() {
        let ledger = Ledger::new(1);
        let (old, _) = evicted(ledger.enter("a"));
        let (new, left) = evicted(ledger.enter("a"));
        assert!(left.is_empty());
        drop(old);
        assert_eq!(keys(&ledger), 1);
        drop(new);
        assert_eq!(keys(&ledger), 0);
    }

    #[test]
    fn both_values_of_a_key_make_room() {
        let ledger = Ledger::new(1);
        let (old, _) = evicted(ledger.enter("a"));
        let (new, _) = evicted(ledger.enter("a"));
        let (_b, left) = evicted(ledger.enter("b"));
        assert_eq!(left, ["a"]);
        assert_eq!(keys(&ledger), 1);
        drop((old, new));
        assert_eq!(keys(&ledger), 1);
    }
}
