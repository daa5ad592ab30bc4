//! Replays every transcript of `tests/vectors` through the public API.
//!
//! `tests/vectors/README.md` says what each step means; the bindings replay
//! the same files. A transcript holds for every seed, so each is replayed with
//! several; and for every way of splitting the store, so it is replayed with
//! more segments where its bounds allow that.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde_json::Value;

#[path = "conformance/codecs.rs"]
mod codecs;
#[path = "conformance/data.rs"]
mod data;
#[path = "conformance/observed.rs"]
mod observed;
#[path = "conformance/options.rs"]
mod options;
#[path = "conformance/replay.rs"]
mod replay;
#[path = "conformance/schema.rs"]
mod schema;
#[path = "conformance/stream.rs"]
mod stream;
#[path = "conformance/transcript.rs"]
mod transcript;
#[path = "conformance/writing.rs"]
mod writing;

use transcript::{Set, Transcript};

const SEEDS: [u64; 5] = [0, 1, 7, 0xdead_beef, u64::MAX];

/// The fewest transcripts that are taken for a whole set.
const LEAST: usize = 40;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// Every file of transcripts, in order.
fn files() -> Vec<(String, Value)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder()).expect("tests/vectors can be read") {
        let path = entry.expect("tests/vectors can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let json = path.extension().is_some_and(|extension| extension == "json");
        if json && name != "schema.json" {
            let text = fs::read_to_string(&path).expect("a file of transcripts can be read");
            files.push((name.clone(), serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))));
        }
    }
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    files
}

fn read_set(name: &str, file: Value) -> Vec<Transcript> {
    let set: Set = serde_json::from_value(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(!set.transcripts.is_empty(), "{name} holds no transcript");
    set.transcripts
}

#[test]
fn every_transcript_replays() {
    let (mut count, mut failures, mut lines) = (0, Vec::new(), [false; 12]);
    for (file, set) in files() {
        for transcript in read_set(&file, set) {
            count += 1;
            transcript.contract.iter().for_each(|line| lines[usize::from(*line)] = true);
            if let Err(failure) = replay_all_ways(&transcript) {
                failures.push(format!("{file}: {}: {failure}", transcript.name));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count} failed:\n\n{}", failures.len(), failures.join("\n\n"));
    assert!(count >= LEAST, "{count} transcripts are too few to be the whole set");
    assert!(lines[1..].iter().all(|proven| *proven), "a line of the contract has no transcript");
}

fn replay_all_ways(transcript: &Transcript) -> Result<(), String> {
    let bounded = ["max_entries", "max_weight", "max_leases", "max_fences", "segments"];
    let free = bounded.iter().all(|option| transcript.config.get(*option).is_none());
    let segments: &[Option<usize>] = if free { &[None, Some(8)] } else { &[None] };
    for seed in SEEDS {
        for segments in segments {
            // A broken invariant panics; it has to name its transcript too.
            let replayed = catch_unwind(AssertUnwindSafe(|| replay::replay(transcript, seed, *segments)));
            replayed
                .unwrap_or_else(|_| Err("a panic, told above".into()))
                .map_err(|failure| format!("seed {seed}, segments {segments:?}: {failure}"))?;
        }
    }
    Ok(())
}

#[test]
fn names_are_unique() {
    let mut names: Vec<String> = Vec::new();
    for (file, set) in files() {
        names.extend(read_set(&file, set).into_iter().map(|transcript| transcript.name));
    }
    names.sort();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "two transcripts have one name");
}

#[test]
fn the_schema_knows_every_step() {
    let text = fs::read_to_string(folder().join("schema.json")).expect("schema.json can be read");
    let schema: Value = serde_json::from_str(&text).expect("schema.json is JSON");
    for (name, file) in files() {
        if let Err(error) = schema::check(&schema, &file) {
            panic!("{name} does not follow the schema: {error}");
        }
    }
}

#[test]
fn the_readme_explains_every_step() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("README.md can be read");
    let text = fs::read_to_string(folder().join("schema.json")).expect("schema.json can be read");
    let schema: Value = serde_json::from_str(&text).expect("schema.json is JSON");
    let kinds = schema["$defs"]["step"]["properties"].as_object().expect("the steps of the schema");
    for kind in kinds.keys() {
        assert!(readme.contains(&format!("| `{kind}` |")), "the README does not explain `{kind}`");
    }
}

#[test]
fn an_empty_set_fails() {
    let empty: Value = serde_json::json!({ "transcripts": [] });
    assert!(catch_unwind(|| read_set("empty.json", empty)).is_err());
}

#[test]
fn an_unknown_step_fails() {
    let set = |step: &str| {
        let text = format!(r#"{{"transcripts":[{{"name":"n","contract":[1],"steps":[{step}]}}]}}"#);
        serde_json::from_str::<Set>(&text).is_ok()
    };
    assert!(set(r#"{"at":5}"#));
    assert!(!set(r#"{"fly":5}"#));
    assert!(!set(r#"{"at":5,"note":"two kinds"}"#));
    assert!(!set(r#"{"get":{"key":"k","expects":"miss"}}"#));
    assert!(!set(r#"{"get":{"key":"k"}}"#));
}

#[test]
fn a_wrong_expectation_fails() {
    let text = r#"{"name":"n","contract":[1],"steps":[{"get":{"key":"k","expect":{"hit":"v"}}}]}"#;
    let transcript: Transcript = serde_json::from_str(text).expect("a transcript");
    assert!(replay::replay(&transcript, 0, None).is_err());
}
