//! Replays every case of `vectors` through the public API.
//!
//! `vectors/README.md` says what each step means; the bindings replay the same
//! files.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde_json::Value;

#[path = "conformance/case.rs"]
mod case;
#[path = "conformance/replay.rs"]
mod replay;
#[path = "../../tests/conformance/schema.rs"]
mod schema;

use case::{Case, Set};

/// The fewest cases that are taken for a whole set.
const LEAST: usize = 60;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Every file of cases, in order.
fn files() -> Vec<(String, Value)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder()).expect("the vectors can be read") {
        let path = entry.expect("the vectors can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let json = path.extension().is_some_and(|extension| extension == "json");
        if json && name != "schema.json" {
            let text = fs::read_to_string(&path).expect("a file of cases can be read");
            files.push((name.clone(), serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))));
        }
    }
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    files
}

fn read_set(name: &str, file: Value) -> Vec<Case> {
    let set: Set = serde_json::from_value(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(!set.cases.is_empty(), "{name} holds no case");
    set.cases
}

fn cases() -> Vec<(String, Case)> {
    let named = files()
        .into_iter()
        .flat_map(|(file, set)| read_set(&file, set).into_iter().map(move |case| (file.clone(), case)));
    named.collect()
}

#[test]
fn every_case_replays() {
    let (cases, mut failures) = (cases(), Vec::new());
    for (file, case) in &cases {
        let replayed = catch_unwind(AssertUnwindSafe(|| replay::replay(case)));
        if let Err(failure) = replayed.unwrap_or_else(|_| Err("a panic, told above".into())) {
            failures.push(format!("{file}: {}: {failure}", case.name));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} failed:\n\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n\n")
    );
    assert!(cases.len() >= LEAST, "{} cases are too few to be the whole set", cases.len());
}

#[test]
fn names_are_unique_and_reasons_given() {
    let mut names: Vec<String> = Vec::new();
    for (file, case) in cases() {
        assert!(case.why.len() > 20, "{file}: {} does not say why", case.name);
        names.push(case.name);
    }
    names.sort();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "two cases have one name");
}

fn schema() -> Value {
    let text = fs::read_to_string(folder().join("schema.json")).expect("schema.json can be read");
    serde_json::from_str(&text).expect("schema.json is JSON")
}

#[test]
fn the_schema_knows_every_step() {
    for (name, file) in files() {
        if let Err(error) = schema::check(&schema(), &file) {
            panic!("{name} does not follow the schema: {error}");
        }
    }
}

#[test]
fn the_readme_explains_every_step() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("README.md can be read");
    let schema = schema();
    let kinds = schema["$defs"]["step"]["properties"].as_object().expect("the steps of the schema");
    for kind in kinds.keys() {
        assert!(readme.contains(&format!("| `{kind}` |")), "the README does not explain `{kind}`");
    }
}

#[test]
fn every_reason_and_option_has_a_case() {
    let text: String = files().into_iter().map(|(_, file)| file.to_string()).collect();
    // Those that only a host can say.
    let hosts = [snowmelt_http::Reason::Failed];
    for reason in snowmelt_http::Reason::ALL.iter().filter(|reason| !hosts.contains(reason)) {
        assert!(text.contains(&format!("\"{}\"", reason.word())), "no case says {:?}", reason.word());
    }
    for option in snowmelt_http::options::NAMES {
        assert!(text.contains(&format!("\"{option}\":")), "no case sets `{option}`");
    }
}

#[test]
fn an_empty_set_fails() {
    let empty: Value = serde_json::json!({ "cases": [] });
    assert!(catch_unwind(|| read_set("empty.json", empty)).is_err());
}

#[test]
fn a_wrong_expectation_fails() {
    for step in [
        r#"{"ask":{"request":{},"expect":{"bypass":"method"}}}"#,
        r#"{"same_key":[{},{"query":"a"}]}"#,
        r#"{"different_keys":[{},{"host":"SHOP.example"}]}"#,
        r#"{"judge":{"request":{},"response":{"status":200},"expect":{"keep":{}}}}"#,
    ] {
        let text = format!(r#"{{"name":"n","why":"w","steps":[{step}]}}"#);
        let case: Case = serde_json::from_str(&text).expect("a case");
        assert!(replay::replay(&case).is_err(), "{step}");
    }
}

#[test]
fn an_unknown_step_fails() {
    let read = |step: &str| {
        serde_json::from_str::<Case>(&format!(r#"{{"name":"n","why":"w","steps":[{step}]}}"#)).is_ok()
    };
    assert!(read(r#"{"seal":{"body":"","expect":{}}}"#));
    assert!(!read(r#"{"fly":5}"#));
    assert!(!read(r#"{"seal":{"body":"","expects":{}}}"#));
}
