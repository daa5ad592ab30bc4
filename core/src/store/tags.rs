//! Which entries bear which tag.
//!
//! Tags are known by hash only: two tags with one hash are invalidated
//! together, which is safe, and names need not be kept.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The index, in both directions, so that an entry leaves its tags in
/// constant time each.
#[derive(Debug, Default)]
pub(super) struct Tags {
    by_tag: HashTable<Bearers>,
    by_slot: HashTable<Borne>,
}

#[derive(Debug)]
struct Bearers {
    tag: u64,
    members: Vec<Member>,
}

/// One bearer of a tag: the slot, and which of the slot's tags this is.
#[derive(Clone, Copy, Debug)]
struct Member {
    slot: u32,
    nth: u32,
}

/// The tags of one slot.
#[derive(Debug)]
struct Borne {
    slot: u32,
    tags: Box<[Place]>,
}

/// One tag of a slot, and where in the tag's members the slot stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    tag: u64,
    position: u32,
}

impl Tags {
    /// Notes the tags of a slot that had none. Each tag counts once.
    pub(super) fn insert(&mut self, slot: u32, tags: &[u64]) {
        let mut places: Vec<Place> = Vec::with_capacity(tags.len());
        for &tag in tags {
            if places.iter().any(|place| place.tag == tag) {
                continue;
            }
            let nth = narrow(places.len());
            let members = self.members_mut(tag);
            places.push(Place { tag, position: narrow(members.len()) });
            members.push(Member { slot, nth });
        }
        let borne = Borne { slot, tags: places.into() };
        self.by_slot.insert_unique(slot_hash(slot), borne, |borne| slot_hash(borne.slot));
    }

    /// Forgets a slot.
    pub(super) fn remove(&mut self, slot: u32) {
        let Ok(found) = self.by_slot.find_entry(slot_hash(slot), |borne| borne.slot == slot) else { return };
        let (borne, _) = found.remove();
        for place in &borne.tags {
            self.leave(*place);
        }
    }

    /// Some slot that bears a tag.
    pub(super) fn any(&self, tag: u64) -> Option<u32> {
        let bearers = self.by_tag.find(tag, |bearers| bearers.tag == tag)?;
        bearers.members.last().map(|member| member.slot)
    }

    /// How many slots bear tags.
    pub(super) fn slots(&self) -> usize {
        self.by_slot.len()
    }

    fn members_mut(&mut self, tag: u64) -> &mut Vec<Member> {
        let entry = self.by_tag.entry(tag, |bearers| bearers.tag == tag, |bearers| bearers.tag);
        &mut entry.or_insert_with(|| Bearers { tag, members: Vec::new() }).into_mut().members
    }

    /// Takes a slot out of a tag's members; the last of them takes its place.
    fn leave(&mut self, Place { tag, position }: Place) {
        let same = |bearers: &Bearers| bearers.tag == tag;
        let Entry::Occupied(mut entry) = self.by_tag.entry(tag, same, |bearers| bearers.tag) else { return };
        let members = &mut entry.get_mut().members;
        members.swap_remove(position as usize);
        let moved = members.get(position as usize).copied();
        if members.is_empty() {
            entry.remove();
        }
        if let Some(Member { slot, nth }) = moved {
            let borne = self.by_slot.find_mut(slot_hash(slot), |borne| borne.slot == slot);
            if let Some(place) = borne.and_then(|borne| borne.tags.get_mut(nth as usize)) {
                place.position = position;
            }
        }
    }

    /// Checks both directions against each other.
    ///
    /// # Panics
    ///
    /// If they do not agree; for tests.
    pub(super) fn validate(&self) {
        for bearers in &self.by_tag {
            assert!(!bearers.members.is_empty(), "a tag that nobody bears");
            for (position, member) in bearers.members.iter().enumerate() {
                let borne = self.by_slot.find(slot_hash(member.slot), |borne| borne.slot == member.slot);
                let place = borne.expect("a bearer is known").tags[member.nth as usize];
                assert_eq!((place.tag, place.position as usize), (bearers.tag, position), "a bearer's place");
            }
        }
        let borne: usize = self.by_slot.iter().map(|borne| borne.tags.len()).sum();
        let bearers: usize = self.by_tag.iter().map(|bearers| bearers.members.len()).sum();
        assert_eq!(borne, bearers, "both directions");
    }
}

fn slot_hash(slot: u32) -> u64 {
    crate::random::mix(u64::from(slot))
}

fn narrow(index: usize) -> u32 {
    u32::try_from(index).expect("slots and tags an entry are bounded under 2^32")
}
