//! The simulation has to notice every fault: a mutant that survives fails.

use std::string::String;
use std::vec::Vec;
use std::{format, panic, println, thread};

use super::simulation::{STEPS_A_WORLD, run_world, world_seed};
use crate::mutant::{Mutant, with};

const MUTANTS: &[Mutant] = &[
    Mutant::PositionForgotten,
    Mutant::NoMargin,
    Mutant::ChildAtLatest,
    Mutant::ChildVerifiedAtOnce,
    Mutant::EmptyIsTip,
    Mutant::VerifiedOnArrival,
    Mutant::AnchorNow,
    Mutant::StaleFill,
    Mutant::TagsUnfenced,
    Mutant::PrefixUnfenced,
    Mutant::SettleIgnored,
    Mutant::NoHardBound,
    Mutant::StalePastMaxLag,
    Mutant::RescueUnsaid,
    Mutant::RescueAnyLag,
    Mutant::GapKeepsStale,
    Mutant::RetentionIgnored,
    Mutant::FingerprintIgnored,
    Mutant::GapKeepsLeases,
    Mutant::SkewIgnored,
    Mutant::CallsWhenCold,
    Mutant::WindowsOutsideFloor,
    Mutant::OldEpochTaken,
    Mutant::PoisonStops,
    Mutant::NewerSkipped,
    Mutant::LifeFromFill,
    Mutant::WindowEndless,
    Mutant::InvalidationKeepsStale,
    Mutant::ZeroKept,
    Mutant::AbsentLivesOn,
    Mutant::FreezeIgnored,
    Mutant::TwoLeases,
    Mutant::TwoRefreshers,
    Mutant::FreezeKeepsLeases,
    Mutant::LeasesUnbounded,
    Mutant::FencesUnbounded,
    Mutant::NoLocalRemoval,
    Mutant::RefusedDropped,
];

/// No more than the fixed seeds take in all.
const MOST_WORLDS: u64 = 1_000;

/// The world that finds a fault, and what it says.
fn hunt(mutant: Mutant) -> Option<(u64, String)> {
    with(Some(mutant), || {
        (0..MOST_WORLDS).find_map(|number| {
            let found = run_world(world_seed(1 + number % 4, number / 4), STEPS_A_WORLD).err()?;
            Some((number + 1, found))
        })
    })
}

#[test]
fn every_mutant_is_found() {
    // Mutants panic in invariants; that is a find, not a message.
    let hook = panic::take_hook();
    panic::set_hook(std::boxed::Box::new(|_| {}));
    let halves: Vec<_> = MUTANTS.chunks(MUTANTS.len().div_ceil(2)).collect();
    let found: Vec<_> = thread::scope(|scope| {
        let hunts: Vec<_> = halves
            .into_iter()
            .map(|half| {
                scope.spawn(|| half.iter().map(|mutant| (*mutant, hunt(*mutant))).collect::<Vec<_>>())
            })
            .collect();
        hunts.into_iter().flat_map(|hunt| hunt.join().expect("a hunt does not panic")).collect()
    });
    panic::set_hook(hook);
    let mut survivors = Vec::new();
    for (mutant, found) in found {
        match found {
            Some((worlds, what)) => {
                let first = what.lines().next().unwrap_or_default();
                println!("{mutant:?}: found after {} steps: {first}", worlds * STEPS_A_WORLD);
            }
            None => survivors.push(format!("{mutant:?}")),
        }
    }
    assert!(survivors.is_empty(), "these mutants survive: {survivors:?}");
}
