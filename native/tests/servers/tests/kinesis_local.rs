//! How kinesis-local behaves where Snowmelt's tests rely on it, and where it
//! is not like Kinesis, so that a new version of it cannot surprise them.

use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use test_servers::{KinesisLocal, Value, json};

const FIRST: &str = "shardId-000000000000";

/// Seconds since the Unix epoch, as the protocol writes times.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn stream(name: &str, shards: u32) -> &'static KinesisLocal {
    let kinesis = KinesisLocal::shared();
    kinesis.create_stream(name, shards);
    kinesis
}

fn iterator(stream: &str, shard: &str, kind: &str, time: Option<f64>) -> Value {
    let mut input = json!({"StreamName": stream, "ShardId": shard, "ShardIteratorType": kind});
    if let Some(time) = time {
        input["Timestamp"] = json!(time);
    }
    KinesisLocal::shared().call("GetShardIterator", &input).unwrap()["ShardIterator"].clone()
}

fn at(stream: &str, shard: &str, time: f64) -> Value {
    iterator(stream, shard, "AT_TIMESTAMP", Some(time))
}

fn oldest(stream: &str, shard: &str) -> Value {
    iterator(stream, shard, "TRIM_HORIZON", None)
}

fn read(iterator: &Value, limit: u32) -> Value {
    let input = json!({"ShardIterator": iterator, "Limit": limit});
    KinesisLocal::shared().call("GetRecords", &input).unwrap()
}

/// Puts records at these hash keys; returns shard and sequence number of each.
fn put(stream: &str, hash_keys: &[&str]) -> Vec<(String, String)> {
    let record = |key| json!({"Data": "aGk=", "PartitionKey": "p", "ExplicitHashKey": key});
    let records: Vec<Value> = hash_keys.iter().map(record).collect();
    let input = json!({"StreamName": stream, "Records": records});
    let answer = KinesisLocal::shared().call("PutRecords", &input).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let outcomes = answer["Records"].as_array().unwrap().iter();
    outcomes.map(|outcome| (text(&outcome["ShardId"]), text(&outcome["SequenceNumber"]))).collect()
}

fn numbers(page: &Value) -> Vec<&str> {
    page["Records"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|record| record["SequenceNumber"].as_str())
        .collect()
}

fn children(page: &Value) -> Vec<&str> {
    let children = page["ChildShards"].as_array();
    children.into_iter().flatten().filter_map(|child| child["ShardId"].as_str()).collect()
}

fn starts(stream: &str) -> Vec<Value> {
    let shards = KinesisLocal::shared().shards(stream);
    shards.iter().map(|shard| shard["SequenceNumberRange"]["StartingSequenceNumber"].clone()).collect()
}

#[test]
fn a_server_ends_when_it_is_dropped_and_listens_on_loopback() {
    let server = KinesisLocal::start();
    let address = server.endpoint().strip_prefix("http://").unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:"));
    assert!(TcpStream::connect(&address).is_ok());
    drop(server);
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn a_server_ends_when_its_user_panics() {
    let (send, receive) = std::sync::mpsc::channel();
    let panicked = std::thread::spawn(move || {
        let server = KinesisLocal::start();
        send.send(server.endpoint().replace("http://", "")).unwrap();
        panic!("on purpose");
    });
    let address = receive.recv().unwrap();
    assert!(panicked.join().is_err());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn times_are_positions_also_before_the_first_record_and_on_an_empty_shard() {
    let began = now();
    stream("times", 1);
    let early = at("times", FIRST, began - 86_000.0);
    let empty = read(&early, 10);
    assert!(numbers(&empty).is_empty());
    assert_eq!(empty["MillisBehindLatest"], 0);

    let first = put("times", &["0"]);
    std::thread::sleep(Duration::from_millis(20));
    let between = now();
    let late = at("times", FIRST, between);
    std::thread::sleep(Duration::from_millis(20));
    let second = put("times", &["0"]);
    let both = [first[0].1.as_str(), second[0].1.as_str()];
    assert_eq!(numbers(&read(&early, 10)), both);
    assert_eq!(numbers(&read(&early, 10)), both, "an iterator can be used again");
    assert_eq!(numbers(&read(&empty["NextShardIterator"], 10)), both);
    assert_eq!(numbers(&read(&late, 10)), both[1..]);
    assert_eq!(numbers(&read(&at("times", FIRST, between), 10)), both[1..]);
    assert_eq!(numbers(&read(&oldest("times", FIRST), 10)), both);
}

#[test]
fn a_time_in_the_future_is_refused_only_where_there_is_a_record() {
    let kinesis = stream("future", 1);
    let input = || {
        json!({"StreamName": "future", "ShardId": FIRST, "ShardIteratorType": "AT_TIMESTAMP",
            "Timestamp": now() + 60.0})
    };
    assert!(kinesis.call("GetShardIterator", &input()).is_ok(), "Kinesis refuses it");
    put("future", &["0"]);
    let refused = kinesis.call("GetShardIterator", &input()).unwrap_err();
    assert_eq!(refused.code, "InvalidArgumentException");
}

/// The lag given is the time between the page's last record and the shard's
/// last: Kinesis measures from now.
#[test]
fn a_full_page_can_claim_to_be_the_tip() {
    stream("full", 1);
    let written = put("full", &["0", "0", "0"]);
    let page = read(&oldest("full", FIRST), 1);
    assert_eq!(numbers(&page), [written[0].1.as_str()]);
    assert_eq!(page["MillisBehindLatest"], 0, "two records of the same millisecond follow");
    let page = read(&page["NextShardIterator"], 10);
    assert_eq!(numbers(&page), [written[1].1.as_str(), written[2].1.as_str()]);
}

#[test]
fn a_closed_shard_names_its_children_with_its_last_records() {
    let kinesis = stream("split", 1);
    let held = oldest("split", FIRST);
    let written = put("split", &["0", "0"]);
    let before = now();
    kinesis.split_shard("split", FIRST);

    let page = read(&held, 1);
    assert!(children(&page).is_empty() && page["NextShardIterator"].is_string());
    let after = now();
    for from in [page["NextShardIterator"].clone(), at("split", FIRST, before), at("split", FIRST, after)] {
        let page = read(&from, 10);
        assert_eq!(children(&page), ["shardId-000000000001", "shardId-000000000002"]);
        assert!(page["NextShardIterator"].is_null());
        assert_eq!(page["MillisBehindLatest"], 0);
    }
    assert_eq!(numbers(&read(&held, 10)), [written[0].1.as_str(), written[1].1.as_str()]);

    let shards = kinesis.shards("split");
    let range = &shards[0]["SequenceNumberRange"];
    assert_eq!(range["EndingSequenceNumber"], "9223372036854775807", "Kinesis gives one above the start");
    let child = put("split", &["0"]);
    assert_eq!(child[0].0, "shardId-000000000001");
    assert_eq!(numbers(&read(&oldest("split", &child[0].0), 10)), [child[0].1.as_str()]);
}

/// To the second, as all of its times here.
#[test]
fn a_shard_filter_of_a_time_leaves_out_what_closed_before() {
    let kinesis = stream("filter", 2);
    kinesis.split_shard("filter", FIRST);
    std::thread::sleep(Duration::from_millis(1_100));
    let list = |time| {
        let filter = json!({"Type": "FROM_TIMESTAMP", "Timestamp": time});
        let input = json!({"StreamName": "filter", "ShardFilter": filter, "MaxResults": 3});
        kinesis.call("ListShards", &input).unwrap()
    };
    let page = list(now());
    assert_eq!(page["Shards"].as_array().unwrap().len(), 3);
    assert!(page["NextToken"].is_null());
    let page = list(now() - 3600.0);
    assert_eq!(page["Shards"][0]["ShardId"], FIRST);
    let rest = kinesis.call("ListShards", &json!({"NextToken": page["NextToken"]})).unwrap();
    assert_eq!(rest["Shards"].as_array().unwrap().len(), 1);
    assert!(rest["NextToken"].is_null());
}

#[test]
fn shards_split_and_merge_by_count() {
    let kinesis = stream("count", 1);
    kinesis.update_shard_count("count", 4);
    assert_eq!(kinesis.open_shards("count").len(), 4);
    kinesis.update_shard_count("count", 2);
    let open = kinesis.open_shards("count");
    assert_eq!(open.len(), 2);
    // Every shard but the open ones ends, and following children finds those.
    let mut follow = vec![FIRST.to_owned()];
    let mut found = Vec::new();
    while let Some(shard) = follow.pop() {
        let page = read(&oldest("count", &shard), 10);
        match children(&page)[..] {
            [] => found.push(shard),
            ref children => follow.extend(children.iter().map(|&child| child.to_owned())),
        }
    }
    found.sort();
    found.dedup();
    assert_eq!(found, open);

    kinesis.merge_shards("count", &open[0], &open[1]);
    let [one] = &kinesis.open_shards("count")[..] else { panic!("one open shard") };
    let merged = read(&oldest("count", &open[0]), 10);
    assert_eq!(children(&merged), [one]);
    assert_eq!(merged["ChildShards"][0]["ParentShards"], json!(open));
}

#[test]
fn a_stream_made_anew_has_other_starting_numbers_and_old_iterators_look_sound() {
    let kinesis = stream("anew", 2);
    let before = starts("anew");
    let untouched = oldest("anew", FIRST);
    put("anew", &["0"]);
    let moved = read(&oldest("anew", FIRST), 10)["NextShardIterator"].clone();
    kinesis.delete_stream("anew");
    let gone = kinesis.call("GetRecords", &json!({"ShardIterator": moved})).unwrap_err();
    assert_eq!((gone.status, gone.code.as_str()), (400, "ResourceNotFoundException"));

    std::thread::sleep(Duration::from_millis(1_100));
    kinesis.create_stream("anew", 2);
    let after = starts("anew");
    assert!(before.iter().all(|start| !after.contains(start)));
    let empty = read(&moved, 10);
    assert_eq!((numbers(&empty).len(), &empty["MillisBehindLatest"]), (0, &json!(0)));
    put("anew", &["0"]);
    let lost = kinesis.call("GetRecords", &json!({"ShardIterator": moved})).unwrap_err();
    assert_eq!(lost.code, "ResourceNotFoundException");
    // So is one that stood before the first record.
    let input = json!({"ShardIterator": untouched, "Limit": 10});
    assert_eq!(kinesis.call("GetRecords", &input).unwrap_err().code, "ResourceNotFoundException");
}

#[test]
fn hash_keys_choose_the_shard_and_answers_are_dated() {
    let kinesis = stream("lanes", 2);
    let quarter = 1_u128 << 126;
    let keys = [quarter.to_string(), (quarter * 3).to_string()];
    let written = put("lanes", &[&keys[0], &keys[1]]);
    assert_eq!(written[0].0, FIRST);
    assert_eq!(written[1].0, "shardId-000000000001");
    let (_, date) = kinesis.call_dated("ListShards", &json!({"StreamName": "lanes"})).unwrap();
    assert!(date.ends_with(" GMT"), "{date:?}");
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/lanes";
    assert!(kinesis.call("ListShards", &json!({"StreamARN": arn})).is_ok());
}

#[test]
fn an_iterator_that_is_none_is_a_fault_of_the_server() {
    let kinesis = KinesisLocal::shared();
    let error = kinesis.call("GetRecords", &json!({"ShardIterator": "AAAA"})).unwrap_err();
    assert_eq!(error.status, 500, "Kinesis answers 400 InvalidArgumentException");
}

#[test]
fn reading_takes_milliseconds() {
    stream("speed", 1);
    let from = oldest("speed", FIRST);
    let began = Instant::now();
    (0..20).for_each(|_| drop(read(&from, 10)));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
