//! A load that found nothing, where that is not stored (contract lines 2 and
//! 9).

use core::cell::RefCell;

use crate::{Begin, Config, Engine, Host, Invalidation, Loaded, Time};

struct OneThread;

impl Host for OneThread {
    type Value = u32;
    type Flight = ();
    type Cell<T> = RefCell<T>;
}

fn at(seconds: u64) -> Time {
    Time::from_millis(1_790_000_000_000 + seconds * 1_000)
}

/// Whether it is true for everyone that there is nothing, and what is served
/// then.
fn ended_after(between: impl FnOnce(&Engine<OneThread>)) -> (bool, Option<u32>) {
    let config = Config { stream: Some("s".into()), ..Config::default() };
    let engine = Engine::<OneThread>::new(config, 1, at(0)).expect("sound");
    engine.insert("k", Loaded::new(1), None, at(1));
    assert!(engine.keeps("k") && !engine.keeps("other"));
    let Begin::Lead(lease) = engine.begin("k", at(2), || ()) else { panic!("nobody loads yet") };
    between(&engine);
    let current = engine.end_absent(&lease, at(3));
    engine.validate();
    let stats = engine.stats(at(3));
    assert_eq!((stats.load_failures, stats.leases), (0, 0));
    let served = engine.peek("k", at(3));
    assert_eq!(engine.keeps("k"), served.is_some());
    (current, served)
}

#[test]
fn the_old_value_goes() {
    assert_eq!(ended_after(|_| ()), (true, None));
}

#[test]
fn what_was_stored_meanwhile_stays() {
    let ended = ended_after(|engine| {
        engine.insert("k", Loaded::new(2), None, at(3));
    });
    assert_eq!(ended, (false, Some(2)));
}

#[test]
fn after_an_invalidation_it_is_not_true_for_everyone() {
    let mut prefixes = Invalidation::default();
    prefixes.prefixes.push("k".into());
    for what in [Invalidation::key("k"), prefixes, Invalidation::all()] {
        let ended = ended_after(|engine| drop(engine.invalidate(&what, at(2))));
        assert_eq!(ended, (false, None), "{what:?}");
    }
}
