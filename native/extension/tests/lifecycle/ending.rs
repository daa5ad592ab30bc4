use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::extensions_api::ExtensionsApi;
use crate::support::{Running, environment};

/// From an event or a signal to the end of everything.
const END: Duration = Duration::from_millis(300);

#[test]
fn shutdown_answers_what_is_in_hand_first() {
    let api = ExtensionsApi::start();
    let running = Running::busy(environment(&api), Duration::from_millis(150));
    let notes = running.notes.clone();
    api.wait("/event/next", 1);
    let asked = Instant::now();
    api.shut_down();
    assert_eq!(running.end(), ExitCode::SUCCESS);
    let took = asked.elapsed();
    assert!((Duration::from_millis(150)..END).contains(&took), "{took:?}");
    assert_eq!(notes.all(), ["listening", "answered"]);
}

#[test]
fn what_takes_longer_is_cut_off() {
    let api = ExtensionsApi::start();
    let running = Running::busy(environment(&api), Duration::from_secs(60));
    let notes = running.notes.clone();
    api.wait("/event/next", 1);
    let asked = Instant::now();
    api.shut_down();
    assert_eq!(running.end(), ExitCode::SUCCESS);
    let took = asked.elapsed();
    assert!((Duration::from_millis(200)..END).contains(&took), "{took:?}");
    assert_eq!(notes.all(), ["listening"]);
}

#[test]
fn a_signal_ends_it_as_well() {
    let api = ExtensionsApi::start();
    let mut running = Running::busy(environment(&api), Duration::from_millis(100));
    let notes = running.notes.clone();
    api.wait("/event/next", 1);
    let asked = Instant::now();
    running.signal();
    assert_eq!(running.end(), ExitCode::SUCCESS);
    assert!(asked.elapsed() < END, "{:?}", asked.elapsed());
    assert_eq!(notes.all(), ["listening", "answered"]);
}
