//! The binary, as a test in another language uses it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::client::{call, post};
use serde_json::{Value, json};

struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kinesis-double"))
            .args(arguments)
            .arg("--exit-with-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    fn admin(&self, body: &Value) -> (u16, Value) {
        let answer = post(&self.address, "/_double", "", body).unwrap();
        (answer.status, answer.json())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_exits_when_its_standard_input_ends() {
    let mut process = Process::start(&["--port", "0"]);
    drop(process.child.stdin.take());
    assert!(process.child.wait().unwrap().success());
}

#[test]
fn the_admin_endpoint_switches_faults_and_reads_the_log() {
    let process = Process::start(&["--stream", "s=2"]);
    let list = json!({ "StreamName": "s" });
    let rule =
        json!({ "action": "fault", "operation": "ListShards", "effect": "status", "value": 503, "count": 1 });
    assert_eq!(process.admin(&rule), (200, json!({ "faults": 1 })));
    assert_eq!(call(&process.address, "ListShards", &list).unwrap().status, 503);
    let listed = call(&process.address, "ListShards", &list).unwrap().json();
    assert_eq!(listed["Shards"].as_array().unwrap().len(), 2);
    let (_, log) = process.admin(&json!({ "action": "calls", "clear": true }));
    assert_eq!(log["calls"][0]["error"], "ServiceUnavailable");
    assert_eq!(log["calls"][1]["operation"], "ListShards");
    let (_, log) = process.admin(&json!({ "action": "calls" }));
    assert_eq!(log["calls"], json!([]));
    let (_, counters) = process.admin(&json!({ "action": "counters" }));
    assert_eq!(counters["ListShards"]["calls"], 1);
}

#[test]
fn every_effect_and_setting_has_a_name() {
    let process = Process::start(&[]);
    let valueless = ["reset", "throttle", "access_denied", "duplicates", "garbage"];
    let valued = ["delay", "refuse_records", "date_skew", "millis_behind"];
    for effect in valueless.iter().chain(&valued) {
        let rule = json!({ "action": "fault", "effect": effect, "value": 1 });
        assert_eq!(process.admin(&rule).0, 200, "{effect}");
    }
    assert_eq!(process.admin(&json!({ "action": "clear_faults" })).0, 200);
    let settings = json!({ "action": "settings", "enforce_quotas": true, "put_to_get_ms": [1, 2],
        "retention_ms": 5, "iterator_lifetime_ms": 5, "token_lifetime_ms": 5, "arrival_jitter_ms": 5,
        "sequence_scan_ms": 5, "time_scan_ms": 5, "page_limit_bytes": 5, "duplicate_per_mille": 5,
        "overlap_per_mille": 5, "empty_page_per_mille": 5, "closing_page_per_mille": 5 });
    assert_eq!(process.admin(&settings).0, 200);
    for bad in [
        json!({}),
        json!({ "action": "dance" }),
        json!({ "action": "settings", "colour": 1 }),
        json!({ "action": "fault", "effect": "status", "value": 99 }),
        json!({ "action": "fault", "effect": "nothing" }),
    ] {
        assert_eq!(process.admin(&bad).0, 400, "{bad}");
    }
}

#[test]
fn the_clock_and_the_iterators_answer_to_the_test() {
    let process = Process::start(&["--stream", "s=1"]);
    let latest =
        json!({ "StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST" });
    let iterator = || call(&process.address, "GetShardIterator", &latest).unwrap().json();
    let first = iterator();
    assert_eq!(process.admin(&json!({ "action": "expire_iterators" })).0, 200);
    let expired = call(&process.address, "GetRecords", &first).unwrap().json();
    assert_eq!(expired["__type"], "ExpiredIteratorException");
    let second = iterator();
    let (_, before) = process.admin(&json!({ "action": "now" }));
    let (_, after) = process.admin(&json!({ "action": "advance", "ms": 300_000 }));
    assert!(after["now"].as_u64() >= before["now"].as_u64().map(|now| now + 300_000));
    let expired = call(&process.address, "GetRecords", &second).unwrap().json();
    assert_eq!(expired["__type"], "ExpiredIteratorException");
}

#[test]
fn a_wrong_option_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_kinesis-double")).arg("--fly").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("--fly is no option"));
}
