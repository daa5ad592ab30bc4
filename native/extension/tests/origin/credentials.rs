//! Where credentials come from. A process has one environment, so that each
//! test runs itself again in a process with another.

use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use snowmelt_extension::origin::AwsOrigin;

use super::support::{Double, Reply, options, parameter, parameter_body, value};

/// Set in the process that reads a parameter from the endpoint it names.
const ENDPOINT: &str = "SNOWMELT_TEST_ENDPOINT";

fn again(test: &str, endpoint: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("credentials::{test}"), "--exact", "--nocapture"]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).env(ENDPOINT, endpoint).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("HOME", "/nonexistent").output().unwrap()
}

/// The part of a test that runs in the other process.
fn read() -> bool {
    let Ok(endpoint) = std::env::var(ENDPOINT) else { return false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(async {
        let origin = AwsOrigin::new(options(&endpoint));
        value(&origin, parameter("/a")).await
    });
    assert_eq!(found.unwrap_or_else(|error| panic!("{error}")).as_deref(), Some("fine"));
    true
}

fn service() -> (Double, Arc<Mutex<String>>) {
    let seen = Arc::new(Mutex::new(String::new()));
    let write = Arc::clone(&seen);
    let double = Double::start(move |_, request| {
        request.clone_into(&mut write.lock().unwrap());
        Reply::Answer(200, parameter_body("fine"))
    });
    (double, seen)
}

fn passed(output: &Output) {
    let shown = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && shown.contains("1 passed"), "{shown}");
}

#[test]
fn the_environment_is_asked_first() {
    if read() {
        return;
    }
    let (service, seen) = service();
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIDENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "token-7"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
    ];
    passed(&again("the_environment_is_asked_first", service.endpoint(), &keys));
    let seen = seen.lock().unwrap().to_lowercase();
    assert!(seen.contains("credential=akidenv/") && seen.contains("x-amz-security-token: token-7"), "{seen}");
}

#[test]
fn the_container_endpoint_of_snapstart_is_asked_with_its_token() {
    if read() {
        return;
    }
    let (service, seen) = service();
    let asked = Arc::new(Mutex::new(String::new()));
    let write = Arc::clone(&asked);
    let container = Double::start(move |_, request| {
        request.clone_into(&mut write.lock().unwrap());
        let keys = r#"{"AccessKeyId":"AKIDSNAP","SecretAccessKey":"s","Token":"t","Expiration":"2999-01-01T00:00:00Z"}"#;
        Reply::Answer(200, keys.to_owned())
    });
    let url = format!("{}/2021-08-23/credentials", container.endpoint());
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "bearer-9"),
    ];
    let test = "the_container_endpoint_of_snapstart_is_asked_with_its_token";
    passed(&again(test, service.endpoint(), &variables));
    assert!(seen.lock().unwrap().to_lowercase().contains("credential=akidsnap/"));
    let asked = asked.lock().unwrap().to_lowercase();
    assert!(
        asked.starts_with("get /2021-08-23/credentials") && asked.contains("authorization: bearer-9"),
        "{asked}"
    );
}

#[test]
fn without_credentials_the_error_says_so() {
    if read() {
        return;
    }
    let (service, _) = service();
    let output = again("without_credentials_the_error_says_so", service.endpoint(), &[]);
    let shown = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(shown.contains("has no AWS credentials") && shown.contains("AWS_ACCESS_KEY_ID"), "{shown}");
    assert_eq!(service.requests(), 0);
}
