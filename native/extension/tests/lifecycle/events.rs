use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use snowmelt_extension::lifecycle::Environment;

use crate::extensions_api::ExtensionsApi;
use crate::support::{Running, environment, wait_until};

#[test]
fn an_invocation_is_caught_up_with_in_the_background() {
    let api = ExtensionsApi::start();
    let running = Running::start(environment(&api));
    let first = api.wait("/event/next", 1).at;
    api.invoke();
    let second = api.wait("/event/next", 2).at;
    assert_eq!(running.notes.all(), ["listening", "invoked"]);
    assert!(second - first < Duration::from_millis(250), "{:?}", second - first);
    let notes = running.notes.clone();
    wait_until("the catch-up", || notes.all() == ["listening", "invoked", "caught up"]);
    api.shut_down();
    assert_eq!(running.end(), ExitCode::SUCCESS);
}

#[test]
fn only_the_first_invocation_of_a_copy_is_one_of_a_restored_snapshot() {
    let api = ExtensionsApi::start();
    let running = Running::start(Environment { snap_start: true, ..environment(&api) });
    for number in 1..=2 {
        api.wait("/event/next", number);
        api.invoke();
    }
    api.wait("/event/next", 3);
    assert_eq!(running.notes.all()[1..4], ["restored", "invoked", "invoked"]);
    api.shut_down();
    assert_eq!(running.end(), ExitCode::SUCCESS);
}

#[test]
fn an_event_that_was_not_asked_for_is_passed_over() {
    let api = ExtensionsApi::start();
    let running = Running::start(environment(&api));
    api.push(json!({"eventType": "RESTORE", "deadlineMs": "later"}));
    api.wait("/event/next", 2);
    api.shut_down();
    assert_eq!(running.end(), ExitCode::SUCCESS);
    assert_eq!(api.paths(), ["/register", "/event/next", "/event/next"]);
}

#[test]
fn a_connection_lost_while_it_waits_is_made_anew() {
    let api = ExtensionsApi::start();
    let running = Running::start(environment(&api));
    for number in 1..=5 {
        api.wait("/event/next", number);
        api.cut();
    }
    api.wait("/event/next", 6);
    api.invoke();
    api.wait("/event/next", 7);
    assert!(running.notes.all().contains(&"invoked"));
    api.shut_down();
    assert_eq!(running.end(), ExitCode::SUCCESS);
    assert_eq!(api.paths().iter().filter(|path| *path == "/register").count(), 1);
}
