use std::net::TcpListener;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use snowmelt_extension::lifecycle::{Environment, Failure};

use crate::extensions_api::ExtensionsApi;
use crate::support::{Noting, Running, environment};

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

/// An API that takes calls and answers none.
fn silent() -> (TcpListener, Environment) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let environment = Environment {
        runtime_api: listener.local_addr().expect("it is bound").to_string(),
        name: "snowmelt-extension".to_owned(),
        managed_instances: false,
        snap_start: false,
    };
    (listener, environment)
}

#[test]
fn a_signal_is_heard_while_the_registration_is_not_answered() {
    let (api, environment) = silent();
    let mut running = Running::busy(environment, Duration::from_millis(100));
    let notes = running.notes.clone();
    let _call = api.accept().expect("it registers");
    let asked = Instant::now();
    running.signal();
    assert_eq!(running.end(), ExitCode::SUCCESS);
    assert!(asked.elapsed() < END, "{:?}", asked.elapsed());
    assert_eq!(notes.all(), ["listening", "answered"]);
}

#[test]
fn a_signal_is_heard_while_an_error_is_not_taken() {
    let (api, environment) = silent();
    let broken = |_| Err::<Noting, _>(Failure::config(Vec::new()));
    let mut running = Running::begin(environment, broken);
    let _call = api.accept().expect("it registers");
    let asked = Instant::now();
    running.signal();
    assert_eq!(running.end(), ExitCode::FAILURE);
    assert!(asked.elapsed() < END, "{:?}", asked.elapsed());
}
