//! What scache writes, and a stream made anew under its name.

use std::time::Duration;

use snowmelt::{DataId, Invalidation};
use test_servers::{KinesisLocal, json};

use crate::world::{PATIENCE, builder, server};

/// `{"keys":["id=12345&s=db.table.id&t=data.ID"],"ts":"2018-05-01T10:00:00Z"}`,
/// as a Go service that runs scache puts it.
const SCACHE: &str =
    "eyJrZXlzIjpbImlkPTEyMzQ1JnM9ZGIudGFibGUuaWQmdD1kYXRhLklEIl0sInRzIjoiMjAxOC0wNS0wMVQxMDowMDowMFoifQ==";

fn put(kinesis: &KinesisLocal, stream: &str, data: &str) {
    let records = json!([{ "Data": data, "PartitionKey": "db.table.id" }]);
    kinesis.call("PutRecords", &json!({ "StreamName": stream, "Records": records })).unwrap();
}

#[tokio::test]
async fn what_scache_writes_is_read() {
    server(|kinesis| kinesis.create_stream("scache", 2)).await;
    let cache = builder("scache").build().unwrap();
    let row = |id: &str| DataId { source: "db.table.id".into(), id: id.into() }.to_string();
    cache.insert(row("12345"), 1).unwrap();
    cache.insert(row("12346"), 1).unwrap();
    cache.catch_up().await.unwrap();
    // "not a record", which must not stop the one behind it.
    server(|kinesis| put(kinesis, "scache", "bm90IGEgcmVjb3Jk")).await;
    server(|kinesis| put(kinesis, "scache", SCACHE)).await;
    cache.catch_up().await.unwrap();
    assert_eq!((cache.peek(row("12345")), cache.peek(row("12346"))), (None, Some(1)));
    assert_eq!((cache.stats().undecodable, cache.stats().records), (1, 2));
}

#[tokio::test]
async fn a_stream_made_anew_is_a_gap() {
    server(|kinesis| kinesis.create_stream("anew", 2)).await;
    let writer = builder("anew").build().unwrap();
    let sandboxes: Vec<_> = (0..2).map(|_| builder("anew").build().unwrap()).collect();
    for sandbox in &sandboxes {
        sandbox.insert("k", 1).unwrap();
        sandbox.insert("other", 1).unwrap();
        sandbox.catch_up().await.unwrap();
    }
    let token = writer.invalidate("nothing").await.unwrap();
    sandboxes[0].catch_up_to(&token, PATIENCE).await.unwrap();
    server(|kinesis| kinesis.recreate_stream("anew", 2)).await;
    // kinesis-local takes old iterators until something is written.
    let token = writer.invalidate(Invalidation::tags(["none"])).await.unwrap();
    for sandbox in &sandboxes {
        sandbox.catch_up_to(&token, PATIENCE).await.unwrap();
        sandbox.catch_up().await.unwrap();
        assert_eq!((sandbox.stats().gaps, sandbox.len()), (1, 0));
        sandbox.insert("k", 2).unwrap();
        sandbox.insert("other", 2).unwrap();
    }
    let token = writer.invalidate("k").await.unwrap();
    for sandbox in &sandboxes {
        sandbox.catch_up_to(&token, PATIENCE).await.unwrap();
        assert_eq!((sandbox.peek("k"), sandbox.peek("other"), sandbox.stats().gaps), (None, Some(2), 1));
    }
}

#[tokio::test]
async fn an_idle_catch_up_is_one_read_for_each_shard() {
    server(|kinesis| kinesis.create_stream("idle", 4)).await;
    let cache = builder("idle").build().unwrap();
    cache.insert("k", 1).unwrap();
    cache.catch_up().await.unwrap();
    let before = cache.stats();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        cache.catch_up().await.unwrap();
    }
    let after = cache.stats();
    assert_eq!(after.get_records_calls - before.get_records_calls, 20);
    assert_eq!(after.calls() - before.calls(), 20);
}
