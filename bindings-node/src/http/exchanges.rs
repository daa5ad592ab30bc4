//! The requests under way, each under a number that JavaScript holds: an object that its garbage collector counts costs
//! more than all that is said of a hit.

use super::Exchange;

/// Exchanges, until they are closed.
#[derive(Default)]
pub(super) struct Exchanges {
    places: Vec<Place>,
    free: Vec<usize>,
}

#[derive(Default)]
struct Place {
    /// Told by the number too, so that one that was closed is never taken for the next one here.
    turn: u32,
    exchange: Option<Box<Exchange>>,
}

/// The most at once; a number is a turn times this, and a place.
const PLACES: u64 = 1 << 20;

impl Exchanges {
    /// Its number; `None` if there are too many.
    pub(super) fn open(&mut self, exchange: Box<Exchange>) -> Option<u64> {
        let at = self.free.pop().unwrap_or(self.places.len());
        if at as u64 >= PLACES {
            return None;
        }
        if at == self.places.len() {
            self.places.push(Place::default());
        }
        let place = self.places.get_mut(at)?;
        place.exchange = Some(exchange);
        Some(u64::from(place.turn) * PLACES + at as u64)
    }

    pub(super) fn at(&mut self, number: u64) -> Option<&mut Exchange> {
        self.place(number)?.exchange.as_deref_mut()
    }

    /// Does nothing if it is closed.
    pub(super) fn close(&mut self, number: u64) {
        let Some(place) = self.place(number) else { return };
        if place.exchange.take().is_some() {
            place.turn = place.turn.wrapping_add(1);
            self.free.push(index(number));
        }
    }

    fn place(&mut self, number: u64) -> Option<&mut Place> {
        self.places.get_mut(index(number)).filter(|place| u64::from(place.turn) == number / PLACES)
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number % PLACES).unwrap_or(usize::MAX)
}
