//! Runs the demonstration and reads its last line, as others will.

use std::process::Command;

use serde_json::Value;
use test_servers::KinesisLocal;

/// What of the environment could change the run.
const REMOVED: [&str; 3] = ["SNOWMELT_STREAM", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS"];

fn demo() -> Command {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_snowmelt-demo"));
    for name in REMOVED {
        demo.env_remove(name);
    }
    demo
}

/// Its last line, if it succeeded.
fn run(demo: &mut Command) -> String {
    let output = demo.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().last().unwrap().to_owned()
}

fn check(line: &str) {
    let told: Value = serde_json::from_str(line).unwrap();
    for (cache, members) in [("plain", 3), ("snowmelt", 5)] {
        assert_eq!(told[cache].as_object().unwrap().len(), members, "{line}");
        assert!(told[cache]["hits"].as_u64().unwrap() > 0, "{line}");
        assert!(told[cache]["loads"].as_u64().unwrap() > 0, "{line}");
    }
    assert!(told["plain"]["stale"].as_u64().unwrap() > 0, "{line}");
    assert_eq!(told["snowmelt"]["stale"], 0, "{line}");
    assert!(told["snowmelt"]["saved_ms"].as_u64().unwrap() > 0, "{line}");
    assert!(told["snowmelt"]["spent_ms"].as_u64().unwrap() > 0, "{line}");
}

#[test]
fn on_the_embedded_stream_it_is_the_same_each_time() {
    let line = run(&mut demo());
    check(&line);
    assert_eq!(run(&mut demo()), line);
}

#[test]
fn on_a_kinesis_api() {
    let kinesis = KinesisLocal::shared();
    kinesis.create_stream("demo", 1);
    let mut demo = demo();
    demo.env("SNOWMELT_STREAM", "demo")
        .env("AWS_ENDPOINT_URL_KINESIS", kinesis.endpoint())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    check(&run(&mut demo));
}

#[test]
fn what_is_missing_is_named() {
    let mut demo = demo();
    let output = demo.env("SNOWMELT_STREAM", "none").output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("SNOWMELT_STREAM"), "{error}");
}
