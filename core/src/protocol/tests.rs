//! Against the examples of the Kinesis API reference, and against junk.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use serde_json::{Value, json};

use super::*;
use crate::follower::{
    Answer, Body, CallError, CallErrorKind, ChildShard, HashKeyRange, IteratorStart, ListShards, RecordPage,
    SequenceNumber,
};
use crate::random::Random;
use crate::writer::{Put, PutOutcome, PutRecord};

mod refusals;

const NAME: Address<'_> = Address { name: "exampleStreamName", arn: None };
const ARN: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/exampleStreamName";
const BY_ARN: Address<'_> = Address { name: "exampleStreamName", arn: Some(ARN) };

fn text(text: &str) -> String {
    text.into()
}

#[test]
fn operations_have_names() {
    for operation in Operation::ALL {
        assert_eq!(Operation::from_name(operation.name()), Some(operation));
        assert_eq!(operation.target(), format!("Kinesis_20131202.{}", operation.name()));
    }
    for name in ["getRecords", "DescribeStream", ""] {
        assert_eq!(Operation::from_name(name), None);
    }
}

#[test]
fn lists_of_shards_are_asked_for() {
    let first = Request::ListShards(ListShards::From(1_790_000_000_123));
    let (operation, input) = request(&first, NAME);
    assert_eq!(operation, Operation::ListShards);
    let filter = json!({ "Type": "FROM_TIMESTAMP", "Timestamp": 1_790_000_000.123 });
    assert_eq!(input, json!({ "StreamName": "exampleStreamName", "ShardFilter": filter }));
    assert!(input.to_string().contains(r#""Timestamp":1790000000.123"#), "milliseconds are kept: {input}");
    assert_eq!(request(&first, BY_ARN).1, json!({ "StreamARN": ARN, "ShardFilter": filter }));
    let next = Request::ListShards(ListShards::Next("AAA".into()));
    assert_eq!(request(&next, NAME).1, json!({ "NextToken": "AAA" }));
    assert_eq!(request(&next, BY_ARN).1, json!({ "NextToken": "AAA", "StreamARN": ARN }));
}

#[test]
fn iterators_are_asked_for() {
    let ask = |from| Request::ShardIterator { shard: "shardId-000000000001".into(), from };
    let (operation, input) = request(&ask(IteratorStart::TrimHorizon), NAME);
    assert_eq!(operation, Operation::GetShardIterator);
    let horizon = json!({
        "StreamName": "exampleStreamName",
        "ShardId": "shardId-000000000001",
        "ShardIteratorType": "TRIM_HORIZON",
    });
    assert_eq!(input, horizon);
    let at = json!({
        "StreamARN": ARN,
        "ShardId": "shardId-000000000001",
        "ShardIteratorType": "AT_TIMESTAMP",
        "Timestamp": 1_790_000_000.5,
    });
    assert_eq!(request(&ask(IteratorStart::AtTimestamp(1_790_000_000_500)), BY_ARN).1, at);
    // No time is too large to be written.
    assert!(request(&ask(IteratorStart::AtTimestamp(u64::MAX)), NAME).1["Timestamp"].is_f64());
}

#[test]
fn records_are_asked_for() {
    let ask = |limit| Request::Records { shard: "s".into(), iterator: "AAA".into(), limit };
    let (operation, input) = request(&ask(2), NAME);
    assert_eq!(operation, Operation::GetRecords);
    assert_eq!(input, json!({ "ShardIterator": "AAA", "Limit": 2 }));
    let by_arn = json!({ "ShardIterator": "AAA", "Limit": 10_000, "StreamARN": ARN });
    assert_eq!(request(&ask(u32::MAX), BY_ARN).1, by_arn);
    assert_eq!(request(&ask(0), NAME).1["Limit"], 1);
}

/// `PutRecords`, "Sample Request".
#[test]
fn records_are_put() {
    let record = |data: &str, explicit_hash_key| PutRecord {
        data: data.into(),
        partition_key: "partitionKey1".into(),
        explicit_hash_key,
    };
    let put = Put { records: vec![record("example1", None), record("", Some(u128::MAX))] };
    let entries = json!([
        { "Data": "ZXhhbXBsZTE=", "PartitionKey": "partitionKey1" },
        {
            "Data": "",
            "PartitionKey": "partitionKey1",
            "ExplicitHashKey": "340282366920938463463374607431768211455",
        },
    ]);
    assert_eq!(put_request(&put, NAME), json!({ "StreamName": "exampleStreamName", "Records": entries }));
    assert_eq!(put_request(&put, BY_ARN), json!({ "StreamARN": ARN, "Records": entries }));
}

/// `ListShards`, "Sample Response", with a shard that has parents.
fn list_shards() -> Value {
    json!({
        "NextToken": "AAAAAAAAAAGK9EEG0sJqVhCUS2JsgigQ5dcpB4q9PYswrH2oK44Skbjtm+WR0xA7",
        "Shards": [{
            "ShardId": "shardId-000000000001",
            "HashKeyRange": {
                "EndingHashKey": "68056473384187692692674921486353642280",
                "StartingHashKey": "34028236692093846346337460743176821145",
            },
            "SequenceNumberRange": {
                "StartingSequenceNumber": "49579844037727333356165064238440708846556371693205002258",
            },
        }, {
            "ShardId": "shardId-000000000003",
            "ParentShardId": "shardId-000000000001",
            "AdjacentParentShardId": "shardId-000000000002",
            "HashKeyRange": { "StartingHashKey": "0", "EndingHashKey": "340282366920938463463374607431768211455" },
            "SequenceNumberRange": { "StartingSequenceNumber": "7", "EndingSequenceNumber": null },
        }],
    })
}

/// `GetRecords`, "Sample Response", with a child shard.
fn get_records() -> Value {
    json!({
        "MillisBehindLatest": 2100,
        "NextShardIterator": "AAAAAAAAAAHsW8zCWf9164uy8Epue6WS3w6wmj4a4USt",
        "Records": [{
            "Data": "XzxkYXRhPl8w",
            "PartitionKey": "partitionKey",
            "ApproximateArrivalTimestamp": 1_441_215_410.867,
            "SequenceNumber": "21269319989652663814458848515492872193",
        }],
        "ChildShards": [{
            "ShardId": "shardId-000000000003",
            "ParentShards": ["shardId-000000000001", "shardId-000000000002"],
            "HashKeyRange": { "StartingHashKey": "0", "EndingHashKey": "9" },
        }],
    })
}

/// `PutRecords`, "Sample Response" of records that were not all stored.
fn put_records() -> Value {
    json!({
        "FailedRecordCount": 2,
        "Records": [
            { "SequenceNumber": "49543463076548007577105092703039560359975228518395012686", "ShardId": "shardId-000000000000" },
            {
                "ErrorCode": "ProvisionedThroughputExceededException",
                "ErrorMessage": "Rate exceeded for shard shardId-000000000001",
            },
            { "ErrorCode": "InternalFailure", "ErrorMessage": null },
        ],
    })
}

fn shards(output: &Value) -> crate::follower::ShardPage {
    match answer(Operation::ListShards, output, Some(7)).unwrap() {
        Answer { body: Body::Shards(page), date: Some(7) } => page,
        other => panic!("{other:?}"),
    }
}

fn page(output: &Value) -> RecordPage {
    match answer(Operation::GetRecords, output, Some(7)).unwrap() {
        Answer { body: Body::Records(page), date: Some(7) } => page,
        other => panic!("{other:?}"),
    }
}

#[test]
fn lists_of_shards_are_read() {
    let page = shards(&list_shards());
    assert!(page.next_token.unwrap().starts_with("AAAAAAAAAAGK9"));
    let [first, second] = &page.shards[..] else { panic!("two shards") };
    assert_eq!((first.id.as_str(), first.parents.len()), ("shardId-000000000001", 0));
    assert_eq!(first.hash_keys.start, 34_028_236_692_093_846_346_337_460_743_176_821_145);
    assert_eq!(
        first.starting_sequence_number.as_str(),
        "49579844037727333356165064238440708846556371693205002258"
    );
    assert_eq!(second.parents, ["shardId-000000000001", "shardId-000000000002"]);
    assert_eq!(second.hash_keys, HashKeyRange { start: 0, end: u128::MAX });
    for none in
        [json!({}), json!({ "Shards": null, "NextToken": null }), json!({ "Shards": [], "NextToken": "" })]
    {
        assert_eq!(shards(&none), crate::follower::ShardPage::default(), "{none}");
    }
}

#[test]
fn iterators_are_read() {
    let read = |output: Value| answer(Operation::GetShardIterator, &output, None);
    assert_eq!(read(json!({ "ShardIterator": "AAA" })).unwrap().body, Body::Iterator("AAA".into()));
    for none in [json!({}), json!({ "ShardIterator": "" }), json!({ "ShardIterator": null })] {
        let error = read(none).unwrap_err();
        assert_eq!(
            error.message,
            "the answer to GetShardIterator makes no sense: there is no iterator in it"
        );
    }
}

#[test]
fn records_are_read() {
    let page = page(&get_records());
    let [record] = &page.records[..] else { panic!("one record") };
    assert_eq!(record.data, b"_<data>_0");
    assert_eq!(record.arrival, 1_441_215_410_867);
    assert_eq!(record.sequence_number.as_str(), "21269319989652663814458848515492872193");
    assert_eq!((page.millis_behind_latest, page.next_iterator.is_some()), (2100, true));
    let child = ChildShard {
        id: text("shardId-000000000003"),
        parents: vec![text("shardId-000000000001"), text("shardId-000000000002")],
        hash_keys: HashKeyRange { start: 0, end: 9 },
    };
    assert_eq!(page.child_shards, [child]);
}

#[test]
fn what_is_missing_is_nothing_but_never_the_tip() {
    let none = page(&json!({ "Records": [{ "SequenceNumber": "1" }], "NextShardIterator": "" }));
    assert_eq!((none.millis_behind_latest, none.next_iterator), (1, None));
    assert_eq!((none.records[0].data.len(), none.records[0].arrival), (0, 0));
    assert_eq!(page(&json!({ "MillisBehindLatest": 0 })).millis_behind_latest, 0);
    assert_eq!(page(&json!({ "MillisBehindLatest": null })).millis_behind_latest, 1);
}

#[test]
fn data_may_be_bytes_already() {
    // As a host's own values may have it.
    let output = json!({ "Records": [
        { "SequenceNumber": "1", "Data": [104, 105] },
        { "SequenceNumber": "2", "Data": "aGk=" },
        { "SequenceNumber": "3", "Data": null },
    ] });
    let data: Vec<_> = page(&output).records.into_iter().map(|record| record.data).collect();
    assert_eq!(data, [b"hi".to_vec(), b"hi".to_vec(), vec![]]);
    let bytes = serde::de::value::BytesDeserializer::<serde::de::value::Error>::new(b"hi");
    let record = serde::de::value::MapDeserializer::new([("Data", bytes)].into_iter());
    let record = <RecordOutput as serde::Deserialize>::deserialize(record).unwrap();
    assert_eq!(record.data, Some(b"hi".to_vec()));
}

#[test]
fn puts_are_answered_one_by_one() {
    let answer = put_answer(put_records(), Some(7)).unwrap();
    let stored = PutOutcome::Stored {
        shard: "shardId-000000000000".into(),
        sequence_number: SequenceNumber::parse("49543463076548007577105092703039560359975228518395012686")
            .unwrap(),
    };
    let refused =
        |code: &str, message: &str| PutOutcome::Refused { code: code.into(), message: message.into() };
    let slow =
        refused("ProvisionedThroughputExceededException", "Rate exceeded for shard shardId-000000000001");
    assert_eq!(
        (answer.date, &answer.outcomes[..]),
        (Some(7), &[stored, slow, refused("InternalFailure", "")][..])
    );
}

#[test]
fn nonsense_is_a_failure_that_names_what_is_wrong() {
    let of = |operation: Operation, output: Value| -> CallError {
        let result = match operation {
            Operation::PutRecords => put_answer(&output, Some(7)).map(drop),
            operation => answer(operation, &output, Some(7)).map(drop),
        };
        result.unwrap_err()
    };
    let record = |record: Value| json!({ "Records": [record] });
    let keys = json!({ "StartingHashKey": "0", "EndingHashKey": "9" });
    for (operation, output, word) in [
        (Operation::GetRecords, json!({ "Records": 7 }), "invalid type"),
        (Operation::GetRecords, json!(null), "invalid type"),
        (Operation::GetRecords, json!({ "MillisBehindLatest": -1 }), "-1 ms behind"),
        (Operation::GetRecords, json!({ "MillisBehindLatest": 1e300 }), "expected i64"),
        (Operation::GetRecords, json!({ "MillisBehindLatest": u64::MAX }), "expected i64"),
        (Operation::GetRecords, record(json!({ "Data": "" })), r#"a record has the sequence number """#),
        (Operation::GetRecords, record(json!({ "SequenceNumber": "x" })), r#"number "x", not a number"#),
        (Operation::GetRecords, record(json!({ "SequenceNumber": "1", "Data": "???" })), "no base64"),
        (Operation::GetRecords, record(json!({ "SequenceNumber": "1", "Data": [256] })), "expected u8"),
        (
            Operation::GetRecords,
            record(json!({ "SequenceNumber": "1", "ApproximateArrivalTimestamp": -1 })),
            "-1",
        ),
        (
            Operation::GetRecords,
            record(json!({ "SequenceNumber": "1", "ApproximateArrivalTimestamp": 1e30 })),
            "not a time",
        ),
        (
            Operation::GetRecords,
            json!({ "ChildShards": [{ "ShardId": "s" }] }),
            "s has no range of hash keys",
        ),
        (Operation::ListShards, json!({ "Shards": [{ "ShardId": "s" }] }), "s has no range of hash keys"),
        (
            Operation::ListShards,
            json!({ "Shards": [{ "ShardId": "s", "HashKeyRange": keys }] }),
            "shard s has the sequence number",
        ),
        (
            Operation::ListShards,
            json!({ "Shards": [{ "ShardId": "s", "HashKeyRange": { "StartingHashKey": "-1" } }] }),
            r#"hash key "-1""#,
        ),
        (Operation::GetShardIterator, json!("AAA"), "invalid type"),
        (Operation::PutRecords, record(json!({ "SequenceNumber": "1" })), "without its shard"),
        (Operation::PutRecords, record(json!({ "ShardId": "s" })), "shard s has the sequence number"),
    ] {
        let error = of(operation, output);
        assert_eq!((error.kind, error.date), (CallErrorKind::Failed, Some(7)));
        let start = format!("the answer to {} makes no sense: ", operation.name());
        assert!(error.message.starts_with(&start) && error.message.contains(word), "{}", error.message);
    }
    assert!(answer(Operation::PutRecords, put_records(), None).is_err());
}

#[test]
fn bodies_are_read_as_they_come() {
    let body = get_records().to_string();
    assert_eq!(
        answer_json(Operation::GetRecords, body.as_bytes(), None).unwrap().body,
        Body::Records(page(&get_records()))
    );
    assert_eq!(put_answer_json(put_records().to_string().as_bytes(), None).unwrap().outcomes.len(), 3);
    for body in [&b"<html>"[..], b"", b"{", b"\xff\xfe", b"{\"MillisBehindLatest\":1e999}"] {
        for operation in [Operation::ListShards, Operation::GetShardIterator, Operation::GetRecords] {
            let result = answer_json(operation, body, None);
            let known = body.starts_with(b"{\"") && operation != Operation::GetRecords;
            assert!(result.is_err() || known, "{operation:?}: {result:?}");
        }
        put_answer_json(body, None).map_or_else(|_| (), |answer| assert!(answer.outcomes.is_empty()));
    }
}

/// What may stand in the place of a value.
fn junk(random: &mut Random) -> Value {
    match random.up_to(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(i64::MIN),
        5 => json!(1e308),
        6 => json!(0.5),
        7 => json!(""),
        8 => json!("-1"),
        9 => json!("9".repeat(200)),
        10 => json!("\u{0}é"),
        11 => json!([]),
        12 => json!({}),
        _ => json!([[["deep"]], null]),
    }
}

/// Replaces, removes or moves a value somewhere below.
fn mutate(value: &mut Value, random: &mut Random) {
    let deeper = random.up_to(4) > 0;
    match value {
        Value::Object(members) if deeper && !members.is_empty() => {
            let at = random.up_to(members.len() as u64 - 1);
            let name = members.keys().nth(usize::try_from(at).unwrap()).unwrap().clone();
            match random.up_to(8) {
                0 => drop(members.remove(&name)),
                1 => {
                    let moved = members.remove(&name).unwrap();
                    members.insert(name.to_lowercase(), moved);
                }
                _ => mutate(&mut members[&name], random),
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = usize::try_from(random.up_to(items.len() as u64 - 1)).unwrap();
            mutate(&mut items[at], random);
        }
        value => *value = junk(random),
    }
}

#[test]
fn junk_is_an_error_and_never_a_panic() {
    let mut random = Random::new(42);
    let (mut good, mut bad) = (0, 0);
    for (operation, sample) in [
        (Operation::ListShards, list_shards()),
        (Operation::GetShardIterator, json!({ "ShardIterator": "AAA" })),
        (Operation::GetRecords, get_records()),
        (Operation::PutRecords, put_records()),
    ] {
        for _ in 0..4000 {
            let mut output = sample.clone();
            for _ in 0..=random.up_to(2) {
                mutate(&mut output, &mut random);
            }
            let body = output.to_string();
            let error = match operation {
                Operation::PutRecords => {
                    let from_text = put_answer_json(body.as_bytes(), None);
                    assert_eq!(put_answer(&output, None).is_err(), from_text.is_err(), "{body}");
                    from_text.err()
                }
                operation => {
                    let from_text = answer_json(operation, body.as_bytes(), None);
                    assert_eq!(answer(operation, &output, None).is_err(), from_text.is_err(), "{body}");
                    from_text.err()
                }
            };
            match error {
                Some(error) => {
                    assert_eq!(error.kind, CallErrorKind::Failed, "{body}");
                    bad += 1;
                }
                None => good += 1,
            }
        }
    }
    assert!(good > 500 && bad > 500, "{good} good, {bad} bad: the mutations test nothing");
}
