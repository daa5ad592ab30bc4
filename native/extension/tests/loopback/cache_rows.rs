//! Contract 4, row by row.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use serde_json::json;
use snowmelt::Cache;
use snowmelt_extension::contract::cache::Blob;

use crate::support::{Cached, Client, Value, cache, cached};

fn world(stream: &str) -> Cached {
    cached(cache(stream))
}

fn value(body: &'static str) -> Value {
    Value::new(Bytes::from(body), HeaderValue::from_static("text/plain"))
}

#[tokio::test]
async fn what_is_put_is_got_as_it_was() {
    let world = world("memory:rows-put");
    let mut client = world.client().await;
    let miss = client.get("/cache/users/1").await;
    assert_eq!((miss.status, miss.code().as_str()), (404, "Miss"));

    let put =
        client.ask("PUT", "/cache/users/1", &[("Content-Type", "application/json")], b"{\"a\":1}").await;
    assert_eq!((put.status, put.body.len()), (204, 0));
    let hit = client.get("/cache/users/1").await;
    assert_eq!(
        (hit.status, hit.text(), hit.headers["content-type"].as_str()),
        (200, "{\"a\":1}", "application/json")
    );
    let head = client.ask("HEAD", "/cache/users/1", &[], b"").await;
    assert_eq!((head.status, head.headers["content-length"].as_str()), (200, "7"));

    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(client.ask("PUT", "/cache/raw", &[], &bytes).await.status, 204);
    let hit = client.get("/cache/raw").await;
    assert_eq!((hit.body, hit.headers["content-type"].as_str()), (bytes, "application/octet-stream"));
    assert_eq!(client.ask("PUT", "/cache/none", &[], b"").await.status, 204);
    let hit = client.get("/cache/none").await;
    assert_eq!((hit.status, hit.body.len()), (200, 0));

    assert_eq!(client.ask("DELETE", "/cache/users/1", &[], b"").await.status, 204);
    assert_eq!(client.ask("DELETE", "/cache/users/1", &[], b"").await.status, 204);
    assert_eq!(client.get("/cache/users/1").await.status, 404);
}

#[tokio::test]
async fn keys_are_percent_decoded_and_nothing_else() {
    let world = world("memory:rows-keys");
    let mut client = world.client().await;
    let cases = [
        ("/cache/a/b//c", "a/b//c"),
        ("/cache/a%2Fb", "a/b"),
        ("/cache/a+b%20c", "a+b c"),
        ("/cache/%3Fx=1%26y", "?x=1&y"),
        ("/cache/%C3%A4/%E2%82%AC", "ä/€"),
        ("/cache/..%2F../x", "../../x"),
        ("/cache/%25", "%"),
        ("/cache/%zz", "%zz"),
    ];
    for (target, key) in cases {
        assert_eq!(client.ask("PUT", target, &[], key.as_bytes()).await.status, 204, "{target}");
        let cached = world.cache.peek(key).unwrap_or_else(|| panic!("{key} is not cached"));
        assert_eq!(cached.body(), key.as_bytes());
        assert_eq!(client.get(target).await.text(), key);
    }
    let long = "k".repeat(60_000);
    assert_eq!(client.ask("PUT", &format!("/cache/{long}"), &[], b"x").await.status, 204);
    for target in ["/cache", "/cache/", "/cache/%00", "/cache/a%00b", "/cache/%FF"] {
        let reply = client.ask("PUT", target, &[], b"x").await;
        assert_eq!(reply.status, 400, "{target}");
        assert_eq!(client.get(target).await.status, 400, "{target}");
    }
}

#[tokio::test]
async fn headers_that_cannot_be_read_are_named() {
    let world = world("memory:rows-headers");
    let mut client = world.client().await;
    let many = vec!["t"; 257].join(",");
    let cases = [
        ("Snowmelt-TTL", "soon", "InvalidDuration"),
        ("Snowmelt-TTL", "-1s", "InvalidDuration"),
        ("Snowmelt-TTL", "0", "InvalidDuration"),
        ("Snowmelt-TTL", "50d", "InvalidDuration"),
        ("Snowmelt-TTL", "", "InvalidDuration"),
        ("Snowmelt-TTL", "99999999999999999999999999", "InvalidDuration"),
        ("Snowmelt-Tags", "%ff", "InvalidTags"),
        ("Snowmelt-Tags", &many, "InvalidTags"),
        ("Snowmelt-Lease", "mine", "InvalidLease"),
    ];
    for (name, given, code) in cases {
        let reply = client.ask("PUT", "/cache/k", &[(name, given)], b"x").await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{name}: {given}");
        assert!(reply.text().contains(name), "{}", reply.text());
    }
    let twice = client.ask("PUT", "/cache/k", &[("Snowmelt-TTL", "1s"), ("Snowmelt-TTL", "2s")], b"x").await;
    assert_eq!((twice.status, twice.code().as_str()), (400, "InvalidHeader"));
    for target in ["/cache/k?wiat", "/cache/k?wait&wait", "/cache/k?wait=never", "/cache/k?after=nothing"] {
        assert_eq!(client.get(target).await.status, 400, "{target}");
    }
    assert!(world.cache.is_empty());
}

#[tokio::test]
async fn a_ttl_is_a_duration_or_seconds() {
    let world = world("memory:rows-ttl");
    let mut client = world.client().await;
    for (ttl, key) in [("80ms", "a"), ("0.08", "b"), ("1h30m", "c"), ("90", "d")] {
        let reply = client.ask("PUT", &format!("/cache/{key}"), &[("Snowmelt-TTL", ttl)], b"x").await;
        assert_eq!(reply.status, 204, "{ttl}");
    }
    tokio::time::sleep(Duration::from_millis(150)).await;
    for (key, status) in [("a", 404), ("b", 404), ("c", 200), ("d", 200)] {
        assert_eq!(client.get(&format!("/cache/{key}")).await.status, status, "{key}");
    }
}

#[tokio::test]
async fn keys_tags_and_prefixes_are_invalidated_here_and_elsewhere() {
    let world = world("memory:rows-invalidate");
    let other = cache("memory:rows-invalidate");
    let mut client = world.client().await;
    let put = |key: &'static str, tags: &'static str| (format!("/cache/{key}"), tags);
    let puts =
        [put("users/1", "tenant:7"), put("users/2", "a, tenant%3A8,,b"), put("orders/1", ""), put("x", "")];
    for (target, tags) in &puts {
        let reply =
            client.ask("PUT", target, &[("Snowmelt-Tags", "other"), ("Snowmelt-Tags", tags)], b"x").await;
        assert_eq!(reply.status, 204);
        other.insert(&target["/cache/".len()..], value("x")).unwrap();
    }
    let body = json!({ "keys": ["users/1"], "tags": ["tenant:8"], "prefixes": ["orders/"] }).to_string();
    let reply = client.ask("POST", "/invalidate", &[], body.as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    for ((target, _), status) in puts.iter().zip([404, 404, 404, 200]) {
        assert_eq!(client.get(target).await.status, status, "{target}");
    }
    let token = reply.json()["position"].as_str().unwrap().parse().unwrap();
    other.catch_up_to(&token, Duration::from_secs(5)).await.unwrap();
    assert!(other.peek("users/1").is_none() && other.peek("orders/1").is_none());
    assert!(other.peek("users/2").is_some(), "the tag was this cache's");

    let all = client.ask("POST", "/invalidate", &[], br#"{"all":true}"#).await;
    assert_eq!((all.status, client.get("/cache/x").await.status), (200, 404));
}

#[tokio::test]
async fn what_another_writer_invalidates_is_dropped() {
    let world = world("memory:rows-writer");
    let mut client = world.client().await;
    client.ask("PUT", "/cache/users/1", &[], b"old").await;
    let writer: Cache<Value> = cache("memory:rows-writer");
    let token = writer.invalidate("users/1").await.unwrap().to_string();
    let reply = client.get(&format!("/cache/users/1?after={token}")).await;
    assert_eq!(reply.status, 404);
    client.ask("PUT", "/cache/users/1", &[], b"new").await;
    let reply = client.ask("GET", "/cache/users/1", &[("Snowmelt-After", &token)], b"").await;
    assert_eq!(reply.text(), "new");

    let foreign: Cache<Value> = cache("memory:rows-writer-2");
    let token = foreign.invalidate("users/1").await.unwrap().to_string();
    assert_eq!(client.get(&format!("/cache/users/1?after={token}")).await.status, 400);
}

#[tokio::test]
async fn an_invalidation_that_says_nothing_is_refused() {
    let world = world("memory:rows-empty");
    let mut client = world.client().await;
    for body in
        ["", "{}", "[]", r#"{"key":"a"}"#, r#"{"keys":"a-secret"}"#, r#"{"keys":[""]}"#, "{\"keys\":[\"a\"]"]
    {
        let reply = client.ask("POST", "/invalidate", &[], body.as_bytes()).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(!reply.text().contains("a-secret"));
    }
    let large = vec![b' '; (1 << 20) + 1];
    assert_eq!(client.ask("POST", "/invalidate", &[], &large).await.status, 413);
}

#[tokio::test]
async fn methods_and_paths_that_there_are_not() {
    let world = world("memory:rows-methods");
    let mut client = world.client().await;
    let cases = [
        ("POST", "/cache/k", 405, "GET, HEAD, PUT, DELETE"),
        ("GET", "/invalidate", 405, "POST"),
        ("PUT", "/stats", 405, "GET, HEAD"),
        ("DELETE", "/metrics", 405, "GET, HEAD"),
    ];
    for (method, target, status, allow) in cases {
        let reply = client.ask(method, target, &[], b"").await;
        assert_eq!((reply.status, reply.headers["allow"].as_str()), (status, allow), "{method} {target}");
    }
    for target in ["/", "/cached", "/stats/", "/favicon.ico"] {
        let reply = client.get(target).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "NoSuchPath"), "{target}");
        assert!(reply.text().contains("/cache/{key}"));
    }
}

#[tokio::test]
async fn a_query_is_for_reads() {
    let world = world("memory:rows-query");
    let mut client = world.client().await;
    for (method, target) in
        [("PUT", "/cache/k?ttl=5s"), ("DELETE", "/cache/k?wait"), ("GET", "/cache/k?ttl=5s")]
    {
        let reply = client.ask(method, target, &[], b"").await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "InvalidQuery"), "{method} {target}");
    }
    assert_eq!(client.get("/cache/k?").await.status, 404);
}

#[tokio::test]
async fn what_is_too_heavy_says_so() {
    let cache = Cache::builder()
        .stream("none")
        .max_weight(100)
        .segments(1)
        .weigher(|key, value: &Value| u32::try_from(key.len() + value.body().len()).unwrap_or(u32::MAX));
    let world = cached(cache.build().unwrap());
    let mut client = world.client().await;
    let reply = client.ask("PUT", "/cache/k", &[], &[b'x'; 200]).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "TooHeavy"));
    assert_eq!(client.ask("PUT", "/cache/k", &[], b"x").await.status, 204);
}

async fn asked(client: &mut Client) {
    client.ask("PUT", "/cache/a-secret-key", &[("Snowmelt-Tags", "a-secret-tag")], b"a-secret-body").await;
    client.get("/cache/a-secret-key").await;
    client.get("/cache/missing").await;
}

#[tokio::test]
async fn stats_have_the_core_s_names() {
    let world = world("memory:rows-stats");
    let mut client = world.client().await;
    asked(&mut client).await;
    let reply = client.get("/stats").await;
    let stats = reply.json();
    assert_eq!((&stats["hits"], &stats["misses"], &stats["fills"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!((&stats["entries"], &stats["gaps"]), (&json!(1), &json!(0)));
    assert!(!reply.text().contains("secret"));
    assert_eq!(reply.headers["content-type"], "application/json");
}

/// The grammar of the format's version 0.0.4, as strictly as it is written.
fn check_metrics(text: &str) -> usize {
    let (mut families, mut seen) = (0, std::collections::BTreeSet::new());
    let mut lines = text.strip_suffix('\n').expect("a newline at the end").split('\n');
    while let Some(help) = lines.next() {
        let (name, help) = help.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
        let sound = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.starts_with("snowmelt_") && name.chars().all(sound), "{name}");
        assert!(!help.is_empty() && !help.contains('\\'));
        let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
        assert_eq!(kind, if name.ends_with("_total") { "counter" } else { "gauge" }, "{name}");
        let value = lines.next().unwrap().strip_prefix(&format!("{name} ")).unwrap();
        assert!(value.parse::<f64>().unwrap() >= 0.0 && !value.contains(' '), "{name} {value}");
        assert!(seen.insert(name.to_owned()), "{name} twice");
        families += 1;
    }
    families
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let world = world("memory:rows-metrics");
    let mut client = world.client().await;
    asked(&mut client).await;
    let reply = client.get("/metrics").await;
    assert_eq!(reply.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(check_metrics(reply.text()) >= 32, "{}", reply.text());
    for line in ["snowmelt_hits_total 1", "snowmelt_misses_total 1", "snowmelt_entries 1"] {
        assert!(reply.text().lines().any(|found| found == line), "{line}");
    }
    assert!(!reply.text().contains("secret"));
    let numbers = client.get("/stats").await.json().as_object().unwrap().len();
    // `calls` is a sum, and `lag` is absent while nothing is followed.
    assert_eq!(
        check_metrics(reply.text()),
        numbers - 2 + usize::from(reply.text().contains("snowmelt_lag_seconds"))
    );
}
