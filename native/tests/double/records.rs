//! Records that nobody should write, through both policies. None may stop the
//! ones behind it.

use std::time::Duration;

use snowmelt::{Cache, OnUndecodable};

use crate::support::{Service, patient};

const MIB: usize = 1 << 20;
const GOOD: &str = r#"{"snowmelt":1,"keys":["k"]}"#;

fn text(record: impl Into<String>) -> Vec<u8> {
    record.into().into_bytes()
}

/// What no codec can read, by name.
fn foreign() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", text("")),
        ("blank", text(" \n\t")),
        ("a word", text("hello")),
        ("not UTF-8", b"\xff\xfe\x00\x80".to_vec()),
        ("not UTF-8 in a key", b"{\"keys\":[\"\xff\xc0\"],\"ts\":\"x\"}".to_vec()),
        ("half a surrogate pair", text(r#"{"keys":["\ud800"],"ts":"x"}"#)),
        ("aggregated by the KPL", b"\xf3\x89\x9a\xc2\x0a\x01\x6b\x1a\x04{\"keys\"}".to_vec()),
        ("null", text("null")),
        ("a number out of range", text("1e999999")),
        ("an empty object", text("{}")),
        ("an object of others", text(r#"{"eventName":"MODIFY","dynamodb":{"Keys":{"id":{"S":"k"}}}}"#)),
        ("cut off", text(r#"{"keys":["k","#)),
        ("keys that are no list", text(r#"{"keys":"k","ts":"x"}"#)),
        ("keys that are numbers", text(r#"{"keys":[1,2],"ts":"x"}"#)),
        ("keys that are null", text(r#"{"keys":[null],"ts":"x"}"#)),
        ("keys that are objects", text(r#"{"keys":[{"a":1}],"ts":"x"}"#)),
        ("a time that is a number", text(r#"{"keys":["k"],"ts":5}"#)),
        ("without a time", text(r#"{"keys":["k"]}"#)),
        ("two records in one", text(GOOD.repeat(2))),
        ("deep lists", text("[".repeat(MIB - 16))),
        ("deep objects", text(r#"{"a":"#.repeat(MIB / 8))),
        ("deep keys", text(format!(r#"{{"keys":{}"#, "[".repeat(MIB / 2)))),
        ("deep and closed", text(format!(r#"{{"keys":{}{}}}"#, "[".repeat(MIB / 3), "]".repeat(MIB / 3)))),
        ("a huge list", text(format!("[1{}]", ",1".repeat(MIB / 3)))),
        ("a huge list of numbers", text(format!(r#"{{"ts":"x","keys":[1{}]}}"#, ",1".repeat(MIB / 3)))),
        ("a huge number", text(format!(r#"{{"ts":"x","keys":{}}}"#, "9".repeat(MIB / 2)))),
        ("as large as can be, binary", vec![0; MIB - 1]),
        ("as large as can be, one string", text(format!("{{\"x\":\"{}\"}}", "x".repeat(MIB - 9)))),
    ]
}

/// What says it is Snowmelt's and cannot be read: whatever the policy, only an
/// empty cache is safe.
fn ours() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a newer version", text(r#"{"snowmelt":2,"ranges":[["a","b"]]}"#)),
        ("a version that is text", text(r#"{"snowmelt":"1","keys":["k"]}"#)),
        ("a version below zero", text(r#"{"snowmelt":-1}"#)),
        ("keys that are no list", text(r#"{"snowmelt":1,"keys":"k"}"#)),
        ("tags that are numbers", text(r#"{"snowmelt":1,"tags":[7]}"#)),
        (
            "a newer version, deep and large",
            text(format!(r#"{{"snowmelt":2,"x":{}{}}}"#, "[".repeat(MIB / 3), "]".repeat(MIB / 3))),
        ),
    ]
}

/// Sound, but strange.
fn sound() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("fields of tomorrow", text(r#"{"snowmelt":1,"keys":["x"],"why":{"deep":[[[[1]]]]}}"#)),
        ("nothing at all", text(r#"{"snowmelt":1}"#)),
        ("names that are empty", text(r#"{"snowmelt":1,"keys":[""],"tags":[""]}"#)),
        ("another namespace", text(r#"{"snowmelt":1,"ns":"elsewhere","all":true}"#)),
        (
            "as many keys as can be",
            text(format!(r#"{{"snowmelt":1,"keys":["x"{}]}}"#, r#","x""#.repeat(MIB / 5))),
        ),
        ("scache's, likewise", text(format!(r#"{{"ts":"","keys":["x"{}]}}"#, r#","x""#.repeat(MIB / 5)))),
        ("one long key", text(format!(r#"{{"snowmelt":1,"keys":["{}"]}}"#, "x".repeat(MIB - 64)))),
    ]
}

/// Sends one record and a good one behind it; whether the cache was emptied.
async fn survives(cache: &Cache<u32>, service: &Service, name: &str, record: Vec<u8>) -> bool {
    for key in ["k", "bystander"] {
        cache.insert(key, 1).unwrap();
    }
    service.put(record);
    service.put(GOOD);
    let caught_up = tokio::time::timeout(Duration::from_secs(10), cache.catch_up()).await;
    assert_eq!(caught_up.expect(name), Ok(()), "{name}");
    assert_eq!(cache.peek("k"), None, "{name} stopped the record behind it");
    cache.validate();
    cache.peek("bystander").is_none()
}

async fn check(policy: OnUndecodable) {
    let service = Service::start(1).await;
    let cache = patient(service.builder().on_undecodable(policy));
    let mut undecodable = 0;
    for (name, record) in foreign() {
        let emptied = survives(&cache, &service, name, record).await;
        assert_eq!(emptied, policy == OnUndecodable::Flush, "{name}");
        undecodable += 1;
        assert_eq!(cache.stats().undecodable, undecodable, "{name} was not counted");
    }
    for (name, record) in ours() {
        assert!(survives(&cache, &service, name, record).await, "{name}");
        undecodable += 1;
        assert_eq!(cache.stats().undecodable, undecodable, "{name} was not counted");
    }
    for (name, record) in sound() {
        assert!(!survives(&cache, &service, name, record).await, "{name}");
    }
    let stats = cache.stats();
    assert_eq!((stats.undecodable, stats.gaps, stats.catch_ups_failed), (undecodable, 0, 0));
}

#[tokio::test]
async fn what_cannot_be_read_is_skipped_and_counted() {
    check(OnUndecodable::Skip).await;
}

#[tokio::test]
async fn what_cannot_be_read_empties_the_cache_if_that_is_wanted() {
    check(OnUndecodable::Flush).await;
}
