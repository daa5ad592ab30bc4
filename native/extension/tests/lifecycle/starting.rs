use std::process::ExitCode;

use serde_json::json;
use snowmelt_extension::lifecycle::Environment;

use crate::extensions_api::ExtensionsApi;
use crate::support::{Noting, Running, environment};

#[test]
fn registers_under_its_file_name_for_invocations_and_the_end() {
    let api = ExtensionsApi::start();
    let running = Running::start(Environment { name: "another-name".to_owned(), ..environment(&api) });
    let register = api.wait("/register", 1);
    assert_eq!(register.header("lambda-extension-name"), "another-name");
    assert_eq!(register.header("content-type"), "application/json");
    assert_eq!(register.header("host"), api.address());
    assert_eq!(register.body, json!({"events": ["INVOKE", "SHUTDOWN"]}));
    let next = api.wait("/event/next", 1);
    assert_eq!(next.header("lambda-extension-identifier"), "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111");
    api.shut_down();
    assert_eq!(running.end(), ExitCode::SUCCESS);
    assert_eq!(api.paths(), ["/register", "/event/next"]);
}

#[test]
fn managed_instances_register_for_the_end_alone() {
    let api = ExtensionsApi::start();
    let running = Running::start(Environment { managed_instances: true, ..environment(&api) });
    assert_eq!(api.wait("/register", 1).body, json!({"events": ["SHUTDOWN"]}));
    api.shut_down();
    assert_eq!(running.end(), ExitCode::SUCCESS);
}

#[test]
fn is_ready_before_it_registers() {
    let api = std::sync::Arc::new(ExtensionsApi::start());
    let seen = std::sync::Arc::clone(&api);
    let running = Running::begin(environment(&api), move |notes| {
        // Long enough for a registration that does not wait.
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(seen.paths().is_empty(), "{:?}", seen.paths());
        Ok(Noting { notes, busy: std::time::Duration::ZERO })
    });
    api.wait("/register", 1);
    api.shut_down();
    assert_eq!(running.end(), ExitCode::SUCCESS);
}

#[test]
fn a_signal_before_that_ends_it_too() {
    let api = ExtensionsApi::start();
    let environment = environment(&api);
    let never = async || std::future::pending::<Result<Noting, _>>().await;
    let runtime = crate::support::runtime();
    let ended =
        runtime.block_on(snowmelt_extension::lifecycle::live(&environment, never, async { "SIGTERM" }));
    assert_eq!(ended, ExitCode::SUCCESS);
    assert!(api.paths().is_empty());
}
