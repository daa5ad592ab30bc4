//! The lock around each part of the cache.
//!
//! Reads are what a cache is for, and a lock that counts its readers makes
//! every one of them write twice to memory that all threads share. Here a
//! reader writes once, to a place of its own thread, and a writer looks at the
//! places of all threads (after Dice and Kogan: *BRAVO: biased locking for
//! reader-writer locks*, USENIX ATC 2019; here the bias is never given up for
//! longer than a write takes).
//!
//! Why no reader sees what a writer changes: a reader notes the lock in its
//! place, then looks whether the lock is open; a writer closes it, then looks
//! at the places. All four are sequentially consistent, so that at least one
//! of the two sees the other. A reader that finds the lock closed takes its
//! note back and queues up at the ordinary lock, which the writer holds.

use std::cell::Cell as ThreadCell;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::yield_now;

use parking_lot::RwLock;
use snowmelt_core::Guarded;

/// Threads that can have a place at once; further ones queue up for reading
/// as well.
pub(crate) const PLACES: usize = 64;

/// What the thread of this place reads: the address of the lock, or 0. A
/// cache line.
#[repr(align(64))]
struct Place(AtomicUsize);

static READING: [Place; PLACES] = [const { Place(AtomicUsize::new(0)) }; PLACES];
/// A bit for each place that is taken.
static TAKEN: AtomicU64 = AtomicU64::new(0);
/// No place from here on was ever taken.
static USED: AtomicUsize = AtomicUsize::new(0);

const UNKNOWN: usize = usize::MAX;
const NONE: usize = PLACES;

thread_local! {
    static OWN: ThreadCell<usize> = const { ThreadCell::new(UNKNOWN) };
    static RETURN: Return = const { Return };
}

/// Gives the thread's place back when the thread ends.
struct Return;

impl Drop for Return {
    fn drop(&mut self) {
        let place = OWN.replace(NONE);
        if place < PLACES {
            TAKEN.fetch_and(!(1 << place), Ordering::Release);
        }
    }
}

/// The place of this thread, which no other running thread has.
#[inline]
pub(crate) fn place() -> Option<usize> {
    let place = match OWN.get() {
        UNKNOWN => take_place(),
        place => place,
    };
    (place < PLACES).then_some(place)
}

#[cold]
fn take_place() -> usize {
    let free = |taken: u64| (taken != u64::MAX).then(|| taken | (taken + 1));
    // Without a destructor the place could not be given back.
    let returned = RETURN.try_with(|_| ()).is_ok();
    let before =
        returned.then(|| TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, free).ok()).flatten();
    let place = before.map_or(NONE, |taken| taken.trailing_ones() as usize);
    if place < PLACES {
        USED.fetch_max(place + 1, Ordering::SeqCst);
    }
    OWN.set(place);
    place
}

/// A lock that many readers can hold.
pub(crate) struct Cell<T> {
    lock: RwLock<T>,
    /// No writer is at work. Readers with a place need nothing else.
    open: AtomicBool,
}

/// Takes the note back, also when a reader panics.
struct Note<'a>(&'a AtomicUsize);

impl Drop for Note<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

/// Opens the lock again, also when a writer panics.
struct Opening<'a>(&'a AtomicBool);

impl Drop for Opening<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl<T> Cell<T> {
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Notes that this thread reads; `None` if it has no place, reads
    /// something else already (a value's `clone` may read another cache), or a
    /// writer is at work.
    #[inline]
    fn note(&self) -> Option<Note<'static>> {
        let place = &READING.get(place()?)?.0;
        if place.load(Ordering::Relaxed) != 0 {
            return None;
        }
        place.swap(self.address(), Ordering::SeqCst);
        let note = Note(place);
        self.open.load(Ordering::SeqCst).then_some(note)
    }

    /// Waits until no reader has this lock noted.
    #[inline]
    fn wait_for_readers(&self) {
        let own = self.address();
        for place in &READING[..USED.load(Ordering::SeqCst).min(PLACES)] {
            let mut looks = 0_u32;
            while place.0.load(Ordering::SeqCst) == own {
                looks += 1;
                if looks.is_multiple_of(64) { yield_now() } else { std::hint::spin_loop() }
            }
        }
    }
}

impl<T> Guarded<T> for Cell<T> {
    fn new(value: T) -> Self {
        Self { lock: RwLock::new(value), open: AtomicBool::new(true) }
    }

    #[inline]
    fn read<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        let Some(_note) = self.note() else { return f(&self.lock.read()) };
        // SAFETY: the note was made before the lock was seen open. Whoever
        // closes it looks at the note after that, and waits until it is gone
        // before it changes anything; `_note` outlives the reference.
        #[expect(unsafe_code, reason = "see the top of the file")]
        let value = unsafe { &*self.lock.data_ptr() };
        f(value)
    }

    #[inline]
    fn write<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.lock.write();
        self.open.swap(false, Ordering::SeqCst);
        // Dropped before the ordinary lock is given up.
        let _opening = Opening(&self.open);
        self.wait_for_readers();
        f(&mut value)
    }
}

impl<T> fmt::Debug for Cell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    /// More threads than there are places, so that both ways to read are used.
    #[test]
    fn readers_see_whole_writes_only() {
        const THREADS: usize = PLACES + 8;
        let cell = Cell::new([0_u64; 8]);
        let start = Barrier::new(THREADS);
        let run = |thread: usize| {
            start.wait();
            for round in 0..2_000 {
                if (round + thread).is_multiple_of(50) {
                    cell.write(|numbers| numbers.iter_mut().for_each(|number| *number += 1));
                } else {
                    cell.read(|numbers| assert!(numbers.iter().all(|&number| number == numbers[0])));
                }
            }
        };
        thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || run(thread));
            }
        });
        assert_eq!(cell.read(|numbers| numbers[0]), (THREADS * 2_000 / 50) as u64);
    }

    #[test]
    fn a_read_within_a_read_queues_up() {
        let (outer, inner) = (Cell::new(1), Cell::new(2));
        assert_eq!(outer.read(|one| inner.read(|two| one + two)), 3);
        inner.write(|two| *two = 4);
        assert_eq!(outer.read(|one| inner.read(|two| one + two)), 5);
    }

    #[test]
    fn a_panic_closes_nothing() {
        let cell = Cell::new(1);
        let panicked =
            |run: &mut dyn FnMut()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err();
        assert!(panicked(&mut || cell.read(|_| panic!("a reader"))));
        assert!(panicked(&mut || cell.write(|_| panic!("a writer"))));
        cell.write(|number| *number += 1);
        assert_eq!(cell.read(|number| *number), 2);
    }

    #[test]
    fn places_of_ended_threads_are_taken_again() {
        for _ in 0..2 * PLACES {
            let place = thread::spawn(place).join().expect("no panic");
            assert!(place.is_some_and(|place| place < PLACES));
        }
    }
}
