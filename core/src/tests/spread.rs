//! A fleet that loaded one key at the same moment: when its members load it
//! anew, with refreshing ahead and without.

use core::time::Duration;
use std::format;
use std::io::Write;
use std::string::String;
use std::vec::Vec;

use super::oracle::{Terms, Value};
use super::sandbox::SimHost;
use super::scenario::share;
use crate::random::Random;
use crate::{Begin, Config, Engine, Loaded, Lookup, Next, Share, Time};

const START: u64 = 1_790_000_000_000;
const TTL: u64 = 300_000;
const CACHES: usize = 200;
/// How long a load takes.
const TOOK: u64 = 100;
const KEY: &str = "one key";

/// When each cache of a fleet loaded the key anew, in milliseconds after the
/// first load, sorted. They are read every `pause` milliseconds, on average.
fn refreshes(ahead: Share, pause: u64) -> Vec<u64> {
    let mut random = Random::new(pause);
    let mut all: Vec<u64> = (0..CACHES).map(|_| refresh(ahead, pause, &mut random)).collect();
    all.sort_unstable();
    all
}

fn refresh(ahead: Share, pause: u64, random: &mut Random) -> u64 {
    let life = Duration::from_millis(TTL);
    let config = Config { ttl_min: life, ttl_max: life, refresh_ahead: ahead, ..Config::default() };
    let mut now = START;
    let engine: Engine<SimHost> =
        Engine::new(config, random.next(), Time::from_millis(now)).expect("a sound configuration");
    let Begin::Lead(lease) = engine.begin(KEY, Time::from_millis(now), || ()) else { panic!("nobody else") };
    let value = Value { key: 0, version: 0, began: now, terms: Terms::default() };
    let loaded = Loaded { took: Duration::from_millis(TOOK), ..Loaded::new(value) };
    let _ = engine.fill(&lease, loaded, Time::from_millis(now + TOOK));
    now += TOOK;
    loop {
        now += 1 + random.up_to(2 * pause - 2);
        let time = Time::from_millis(now);
        let ahead = match engine.get(KEY, time) {
            Lookup::Hit(_) => continue,
            Lookup::Ahead(_) => true,
            Lookup::Miss | Lookup::Due => false,
        };
        let next = engine.next(KEY, ahead, time, || ());
        assert!(matches!(next, Next::Begin { begun: Begin::Lead(_), .. }), "{next:?}");
        return now - START;
    }
}

/// The most of them within a hundredth of the lifetime, in percent.
fn worst(refreshes: &[u64]) -> usize {
    let within = |from: u64| refreshes.iter().filter(|at| (from..from + TTL / 100).contains(*at)).count();
    100 * refreshes.iter().map(|from| within(*from)).max().unwrap_or(0) / refreshes.len()
}

/// How many come in each twentieth of the lifetime from 80 % of it on.
fn describe(refreshes: &[u64]) -> String {
    let mut counts = [0; 5];
    for at in refreshes {
        let twentieth = usize::try_from((at * 20 / TTL).saturating_sub(16)).unwrap_or(0);
        counts[twentieth.min(4)] += 1;
    }
    let counts: Vec<String> =
        counts.iter().zip(16..).map(|(count, at)| format!("{count} from {} %", 5 * at)).collect();
    format!("{}; {} % within the worst 1 % of the lifetime", counts.join(", "), worst(refreshes))
}

/// Writes to the error output itself, so that it is seen when tests pass, too.
fn tell(line: &str) {
    let line = format!("spread: {line}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("the error output takes a line");
}

#[test]
fn a_fleet_that_refreshes_ahead_does_not_refresh_in_step() {
    for pause in [330, 5_000, 3] {
        let (with, without) = (refreshes(share(0.8), pause), refreshes(Share::OFF, pause));
        tell(&format!("{CACHES} caches read every {pause} ms, refresh_ahead 0.8: {}", describe(&with)));
        tell(&format!("{CACHES} caches read every {pause} ms, without: {}", describe(&without)));
        assert!(with[0] >= TTL * 8 / 10, "one refreshes before its share: after {} ms", with[0]);
        assert!(worst(&with) <= 25, "{}", describe(&with));
        assert!(without[0] >= TTL, "without refreshing ahead one refreshes after {} ms", without[0]);
        assert!(worst(&without) >= 2 * worst(&with), "the comparison shows nothing: {}", describe(&without));
        let late = with.iter().filter(|at| **at >= TTL).count();
        assert!(late <= CACHES / 10, "{late} of {CACHES} came to the end of the lifetime");
    }
}
