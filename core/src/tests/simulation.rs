//! Runs worlds, and tells of the first thing that went wrong.

use core::time::Duration;
use std::format;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::String;
use std::{env, eprintln};

use super::sandbox::Tally;
use super::scenario::world;
use super::world::World;
use crate::CatchUp;
use crate::follower::Outcome;

/// A world lives for this many steps.
pub(super) const STEPS_A_WORLD: u64 = 4_000;

/// Runs `steps` steps over as many worlds as that takes. The error names the
/// world's seed.
pub(super) fn simulate(seed: u64, steps: u64) -> Result<Tally, String> {
    let worlds = 0..steps.div_ceil(STEPS_A_WORLD);
    worlds.map(|number| run_world(world_seed(seed, number), STEPS_A_WORLD)).try_fold(Tally::default(), and)
}

fn and(all: Tally, one: Result<Tally, String>) -> Result<Tally, String> {
    one.map(|one| all.and(one))
}

/// The seed of the `number`th world of a run.
pub(super) fn world_seed(seed: u64, number: u64) -> u64 {
    seed.wrapping_mul(1_000_003).wrapping_add(number)
}

/// Runs one world; a panic in it is an error like any other.
pub(super) fn run_world(seed: u64, steps: u64) -> Result<Tally, String> {
    let ran = catch_unwind(AssertUnwindSafe(|| live(seed, steps)));
    let ran = ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("panic: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?")))
    });
    ran.map_err(|what| format!("world {seed}: {what}"))
}

fn live(seed: u64, steps: u64) -> Result<Tally, String> {
    let mut world = world(seed);
    for _ in 0..steps {
        world.step()?;
    }
    settle(&mut world)?;
    Ok(world.sandboxes.iter().map(|sandbox| sandbox.tally).fold(Tally::default(), Tally::and))
}

/// After everything calmed down, each sandbox must be able to cache a value
/// and to catch up: a cache that never serves would keep every other promise.
fn settle(world: &mut World) -> Result<(), String> {
    world.calm();
    let until = world.now + 5_000;
    while world.now < until {
        world.step()?;
    }
    for at in 0..world.sandboxes.len() {
        catches_up(world, at)?;
    }
    Ok(())
}

fn catches_up(world: &mut World, at: usize) -> Result<(), String> {
    let mut tried = None;
    for _ in 0..40 {
        let sandbox = &mut world.sandboxes[at];
        let time = sandbox.time(world.now);
        let began = world.now;
        let catch_up = sandbox.engine.catch_up(time);
        sandbox.note(catch_up, began);
        let (CatchUp::Running(id) | CatchUp::Earlier(id)) = catch_up else { return Ok(()) };
        world.pump(at)?;
        while world.sandboxes[at].engine.catch_up_outcome(id).is_none() {
            world.step()?;
        }
        let outcome = world.sandboxes[at].engine.catch_up_outcome(id);
        if outcome == Some(Outcome::Succeeded) && matches!(catch_up, CatchUp::Running(_)) {
            return Ok(());
        }
        tried = outcome;
    }
    Err(format!("sandbox {at} does not catch up with a stream in good order: {tried:?}"))
}

/// The fixed seeds: four million steps in all.
#[test]
fn fixed_seeds() {
    for seed in 1..=4 {
        let tally = simulate(seed, 1_000_000).unwrap_or_else(|what| panic!("{what}"));
        let Tally { hits, stale, on_error, ahead, not_kept } = tally;
        let enough = hits > 100_000 && stale > 1_000 && on_error > 500 && ahead > 200 && not_kept > 1_000;
        assert!(enough, "seed {seed}: {tally:?}: the simulation does not exercise the cache");
    }
}

/// A seed that nobody tried before. It is written to the error output itself,
/// so that it is seen when the test passes, too.
#[test]
fn fresh_seed() {
    let seed = unused_seed();
    let line = format!("simulation: fresh seed {seed} (again: make simulate STEPS=400000 SEED={seed})\n");
    std::io::stderr().write_all(line.as_bytes()).expect("the error output takes a line");
    simulate(seed, 400_000).unwrap_or_else(|what| panic!("{what}"));
}

fn unused_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::from(now.unwrap_or(Duration::ZERO).subsec_nanos())
}

/// For `make simulate STEPS=… SEED=…`, or one world with `WORLD=…`.
#[test]
#[ignore = "as long as asked for: make simulate"]
fn simulate_for() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(world) = number("SNOWMELT_SIM_WORLD") {
        run_world(world, STEPS_A_WORLD).unwrap_or_else(|what| panic!("{what}"));
        return;
    }
    let steps = number("SNOWMELT_SIM_STEPS").unwrap_or(2_000_000);
    let seed = number("SNOWMELT_SIM_SEED").unwrap_or_else(unused_seed);
    eprintln!("simulating {steps} steps from seed {seed}");
    let tally = simulate(seed, steps).unwrap_or_else(|what| panic!("{what}"));
    eprintln!("{steps} steps, nothing that a reader was not to have: {tally:?}");
}
