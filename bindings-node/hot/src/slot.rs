//! Where values live: in JavaScript arrays, at slots that the core hands about.
//!
//! The core drops values in the middle of its own work. A slot that it drops is
//! noted here, and the JavaScript side lets the value go when it comes back
//! from the call; no foreign code runs in between.

use std::cell::RefCell;

use crate::{MANY_FREED, NONE_FREED};

/// Marks what a hit hands out: a look at the value, not its place.
const LOOK: u32 = 1 << 31;

/// The place of one value. Dropped, its slot is free again.
#[derive(Debug)]
pub struct Slot {
    cache: u32,
    index: u32,
}

impl Slot {
    /// The number of the slot.
    #[inline]
    pub fn index(&self) -> u32 {
        self.index & !LOOK
    }
}

impl Clone for Slot {
    #[inline]
    fn clone(&self) -> Self {
        Self { cache: self.cache, index: self.index | LOOK }
    }
}

impl Drop for Slot {
    #[inline]
    fn drop(&mut self) {
        if self.index & LOOK == 0 {
            note_freed(self.cache, self.index);
        }
    }
}

/// The slots of one cache. They outlive it by nothing: what is freed after
/// this is dropped is forgotten.
#[derive(Debug)]
pub struct Slots {
    cache: u32,
}

#[derive(Default)]
struct Freed {
    /// By the caches' numbers; `None` if there is no such cache any more.
    lists: Vec<Option<Vec<u32>>>,
}

thread_local! {
    static FREED: RefCell<Freed> = RefCell::default();
}

fn note_freed(cache: u32, index: u32) {
    // A thread that ends may drop its caches after this list.
    let _ = FREED.try_with(|freed| {
        if let Some(Some(list)) = freed.borrow_mut().lists.get_mut(cache as usize) {
            list.push(index);
        }
    });
}

impl Slots {
    /// The slots of a new cache.
    pub fn new() -> Self {
        FREED.with_borrow_mut(|freed| {
            let vacant = freed.lists.iter().position(Option::is_none);
            let cache = vacant.unwrap_or(freed.lists.len());
            if vacant.is_none() {
                freed.lists.push(None);
            }
            freed.lists[cache] = Some(Vec::new());
            Self { cache: u32::try_from(cache).unwrap_or(u32::MAX) }
        })
    }

    /// A slot that JavaScript has put a value into.
    #[inline]
    pub fn at(&self, index: u32) -> Slot {
        Slot { cache: self.cache, index: index & !LOOK }
    }

    /// What became free since the last time.
    pub fn take_freed(&self) -> Vec<u32> {
        self.with(std::mem::take)
    }

    /// The same for the hot path: the slot if it is only one (which is taken by
    /// this), or else a number that says so.
    #[inline]
    pub fn take_one(&self) -> i32 {
        let one = |list: &mut Vec<u32>| match list[..] {
            [] => NONE_FREED,
            [index] => {
                list.clear();
                index.cast_signed()
            }
            _ => MANY_FREED,
        };
        self.with(|list| Some(one(list))).unwrap_or(NONE_FREED)
    }

    fn with<R: Default>(&self, f: impl FnOnce(&mut Vec<u32>) -> R) -> R {
        let list = |freed: &mut Freed| freed.lists.get_mut(self.cache as usize)?.as_mut().map(f);
        FREED.with_borrow_mut(list).unwrap_or_default()
    }
}

impl Default for Slots {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        let _ = FREED.try_with(|freed| {
            if let Some(list) = freed.borrow_mut().lists.get_mut(self.cache as usize) {
                *list = None;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_place_itself_frees_its_slot() {
        let slots = Slots::new();
        let place = slots.at(7);
        let look = place.clone();
        assert_eq!(look.index(), 7);
        drop((look.clone(), look));
        assert_eq!(slots.take_one(), NONE_FREED);
        drop(place);
        assert_eq!(slots.take_one(), 7);
        assert!(slots.take_freed().is_empty());
    }

    #[test]
    fn caches_do_not_see_each_others_slots() {
        let (first, second) = (Slots::new(), Slots::new());
        drop((first.at(1), second.at(2), second.at(3)));
        assert_eq!(second.take_one(), MANY_FREED);
        assert_eq!((first.take_freed(), second.take_freed()), (vec![1], vec![2, 3]));
        let late = first.at(4);
        drop(first);
        let third = Slots::new();
        assert_ne!(third.cache, second.cache);
        drop((second, third));
        drop(late);
    }
}
