use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;
use snowmelt_extension::lifecycle::{Environment, Failure, Problem};

use crate::extensions_api::ExtensionsApi;
use crate::support::{Running, environment};

fn broken() -> Failure {
    Failure::config(vec![
        Problem {
            file: Some("/var/task/config.yaml".to_owned()),
            line: Some(7),
            column: Some(18),
            message: "hashkeytype is \"X\"".to_owned(),
            remedy: Some("write S, N or B".to_owned()),
            ..Problem::default()
        },
        Problem {
            variable: Some("SNOWMELT_STREAM".to_owned()),
            message: "is not set".to_owned(),
            remedy: Some("name the stream, or say none".to_owned()),
            ..Problem::default()
        },
    ])
}

#[test]
fn a_broken_configuration_fails_the_functions_start() {
    let api = ExtensionsApi::start();
    let running = Running::begin(environment(&api), |_| Err(broken()));
    assert_eq!(running.end(), ExitCode::FAILURE);
    assert_eq!(api.paths(), ["/register", "/init/error"]);
    let told = api.wait("/init/error", 1);
    assert_eq!(told.header("lambda-extension-function-error-type"), "Extension.ConfigInvalid");
    assert_eq!(told.header("lambda-extension-identifier"), "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111");
    let expected = json!({
        "errorMessage": "/var/task/config.yaml:7:18: hashkeytype is \"X\"; write S, N or B; \
                         SNOWMELT_STREAM: is not set; name the stream, or say none",
        "errorType": "Extension.ConfigInvalid",
        "stackTrace": [],
        "problems": [
            {
                "file": "/var/task/config.yaml", "line": 7, "column": 18,
                "message": "hashkeytype is \"X\"", "remedy": "write S, N or B",
            },
            {"variable": "SNOWMELT_STREAM", "message": "is not set", "remedy": "name the stream, or say none"},
        ],
    });
    assert_eq!(told.body, expected);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let api = ExtensionsApi::start();
    let taken = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    let running =
        Running::begin(environment(&api), move |_| Err(Failure::listen("SNOWMELT_PORT", 4000, &taken)));
    assert_eq!(running.end(), ExitCode::FAILURE);
    let told = api.wait("/init/error", 1);
    assert_eq!(told.header("lambda-extension-function-error-type"), "Extension.PortUnavailable");
    let message = told.body["errorMessage"].as_str().expect("a text");
    assert!(message.contains("port 4000") && message.contains("SNOWMELT_PORT"));
}

#[test]
fn a_thousand_problems_make_no_endless_error() {
    let problem = Problem { message: "x".repeat(100), ..Problem::default() };
    let told = Failure::config(vec![problem; 1000]).to_json();
    assert_eq!(told["problems"].as_array().map(Vec::len), Some(20));
    assert!(told.to_string().len() < 10_000);
}

#[test]
fn a_registration_refused_ends_it() {
    let api = ExtensionsApi::start();
    api.refuse(
        "/register",
        403,
        json!({"errorType": "Extension.RegistrationClosed", "errorMessage": "closed"}),
    );
    let running = Running::start(environment(&api));
    let notes = running.notes.clone();
    assert_eq!(running.end(), ExitCode::FAILURE);
    assert_eq!(api.paths()[0], "/register");
    assert_eq!(notes.all(), ["listening", "answered"]);
}

#[test]
fn an_api_that_fails_is_told_so() {
    let api = ExtensionsApi::start();
    api.refuse("/event/next", 500, json!({"errorType": "ContainerError", "errorMessage": "not recoverable"}));
    let running = Running::start(environment(&api));
    assert_eq!(running.end(), ExitCode::FAILURE);
    let told = api.wait("/exit/error", 1);
    assert_eq!(told.header("lambda-extension-function-error-type"), "Extension.ApiFailed");
    let message = told.body["errorMessage"].as_str().expect("a text");
    assert!(message.ends_with("with 500: ContainerError: not recoverable"), "{message}");
}

#[test]
fn what_is_no_event_ends_it() {
    for event in [json!(["INVOKE"]), json!("INVOKE"), json!({"eventType": 1})] {
        let api = ExtensionsApi::start();
        let running = Running::start(environment(&api));
        api.push(event);
        assert_eq!(running.end(), ExitCode::FAILURE);
        assert!(api.paths().contains(&"/exit/error".to_owned()));
    }
}

#[test]
fn an_api_that_is_gone_is_missed_for_some_seconds_only() {
    let mut api = ExtensionsApi::start();
    let running = Running::start(environment(&api));
    api.wait("/event/next", 1);
    let gone = Instant::now();
    api.stop();
    assert_eq!(running.end(), ExitCode::FAILURE);
    assert!(gone.elapsed() < Duration::from_secs(10), "{:?}", gone.elapsed());
}

#[test]
fn what_is_no_address_is_refused_before_anything_begins() {
    let api = ExtensionsApi::start();
    for runtime_api in ["", "127.0.0.1", "127.0.0.1:http", ":9001", "127.0.0.1:70000", "a\nb:1"] {
        let environment = Environment { runtime_api: runtime_api.to_owned(), ..environment(&api) };
        let running = Running::start(environment);
        let notes = running.notes.clone();
        assert_eq!(running.end(), ExitCode::FAILURE, "{runtime_api:?}");
        assert!(notes.all().is_empty());
    }
}
