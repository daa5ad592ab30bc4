//! A value that was true at a moment, and is inserted later (contract line 2).

use core::cell::RefCell;

use crate::{Config, Engine, FillOutcome, Host, Invalidation, Loaded, Time};

struct OneThread;

impl Host for OneThread {
    type Value = u32;
    type Flight = ();
    type Cell<T> = RefCell<T>;
}

fn at(seconds: u64) -> Time {
    Time::from_millis(1_790_000_000_000 + seconds * 1_000)
}

fn engine() -> Engine<OneThread> {
    let config = Config { stream: Some("s".into()), ..Config::default() };
    Engine::new(config, 1, at(0)).expect("sound")
}

/// Inserts under the tag `t` what was true before `between`.
fn inserted_after(between: impl FnOnce(&Engine<OneThread>)) -> FillOutcome {
    let engine = engine();
    // Of the same millisecond, and before the moment: no hindrance.
    drop(engine.invalidate(&Invalidation::key("k"), at(1)));
    let moment = engine.moment("k", at(1));
    between(&engine);
    let loaded = Loaded { tags: &["t"], ..Loaded::new(1) };
    engine.insert_since("k", loaded, moment, at(1))
}

#[test]
fn what_was_logged_before_the_moment_does_not_concern_it() {
    assert_eq!(inserted_after(|_| ()), FillOutcome::Stored);
    let other = |engine: &Engine<OneThread>| drop(engine.invalidate(&Invalidation::key("other"), at(1)));
    assert_eq!(inserted_after(other), FillOutcome::Stored);
}

#[test]
fn what_is_logged_after_it_fences() {
    let mut tags = Invalidation::default();
    tags.tags.push("t".into());
    let mut prefixes = Invalidation::default();
    prefixes.prefixes.push("k".into());
    for what in [Invalidation::key("k"), tags, prefixes, Invalidation::all()] {
        let outcome = inserted_after(|engine| drop(engine.invalidate(&what, at(1))));
        assert_eq!(outcome, FillOutcome::Fenced, "{what:?}");
    }
}

#[test]
fn a_restored_snapshot_fences() {
    assert_eq!(inserted_after(|engine| engine.restored(7, at(1))), FillOutcome::Fenced);
}
