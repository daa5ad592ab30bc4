//! Dropping a value may run foreign code, and that code may use the cache: so
//! nothing is dropped while a cell of the engine is entered.

use core::cell::RefCell;
use std::rc::{Rc, Weak};
use std::vec::Vec;

use crate::follower::{Answer, Body, HashKeyRange, ShardDescription, ShardPage};
use crate::{Begin, Config, Engine, FillOutcome, Host, Invalidation, Loaded, Time};

struct Busybody;

impl Host for Busybody {
    type Value = Rc<Meddler>;
    type Flight = ();
    type Cell<T> = RefCell<T>;
}

/// Looks into every part of the cache that it leaves. A cell that is entered
/// would panic.
struct Meddler(Weak<Engine<Busybody>>);

impl Drop for Meddler {
    fn drop(&mut self) {
        if let Some(engine) = self.0.upgrade() {
            engine.stats(Time::MAX);
            engine.clear();
            let _ = engine.poll_event();
        }
    }
}

fn value(engine: &Rc<Engine<Busybody>>) -> Loaded<'static, Rc<Meddler>> {
    Loaded::new(Rc::new(Meddler(Rc::downgrade(engine))))
}

fn at(seconds: u64) -> Time {
    Time::from_millis(1_790_000_000_000 + seconds * 1_000)
}

fn engine() -> Rc<Engine<Busybody>> {
    let config = Config { stream: Some("s".into()), max_entries: 1, ..Config::default() };
    Rc::new(Engine::new(config, 1, at(0)).expect("sound"))
}

#[test]
fn values_that_leave_may_use_the_cache() {
    let engine = engine();
    for key in ["a", "b", "b"] {
        assert_eq!(engine.insert(key, value(&engine), None, at(1)), FillOutcome::Stored);
    }
    engine.delete("b");
    engine.insert("b", value(&engine), None, at(1));
    drop(engine.invalidate(&Invalidation::all(), at(1)));
    let Begin::Lead(lease) = engine.begin("b", at(1), || ()) else { panic!("nobody else loads") };
    drop(engine.invalidate(&Invalidation::key("b"), at(1)));
    assert_eq!(engine.fill(&lease, value(&engine), at(1)), FillOutcome::Fenced);
}

/// What nobody can vouch for is refused in the feed's cell, and dropped after.
#[test]
fn a_refused_value_may_use_the_cache() {
    let engine = engine();
    engine.insert("a", value(&engine), None, at(10));
    engine.catch_up(at(12));
    let call = engine.poll_call(at(12)).expect("the list of shards");
    let shard = ShardDescription {
        id: "shardId-000000000000".into(),
        parents: Vec::new(),
        hash_keys: HashKeyRange { start: 0, end: u128::MAX },
        starting_sequence_number: 100.into(),
    };
    let page = ShardPage { shards: Vec::from([shard]), next_token: None };
    engine.handle_answer(call.id, Ok(Answer { date: None, body: Body::Shards(page) }), at(12));
    assert_eq!(engine.insert("b", value(&engine), Some(at(5)), at(12)), FillOutcome::Fenced);
}
