//! The double over raw HTTP: the protocol, each fault, the clock and the log.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::client::Answer;
use kinesis_double::{Double, Effect, FaultRule, Settings};
use serde_json::{Value, json};

struct Tester {
    double: Double,
    address: String,
}

impl Tester {
    /// A double with the stream `s` of one shard.
    async fn start() -> Self {
        let double = Double::start(Settings::default()).await;
        double.kinesis(|kinesis, now| kinesis.create_stream(now, "s", 1)).unwrap();
        let address = double.address().to_string();
        Self { double, address }
    }

    fn raw(&self, operation: &str, body: &Value) -> std::io::Result<Answer> {
        super::client::call(&self.address, operation, body)
    }

    fn ok(&self, operation: &str, body: &Value) -> Value {
        let answer = self.raw(operation, body).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The status and code of an error answer.
    fn refused(&self, operation: &str, body: &Value) -> (u16, String) {
        let answer = self.raw(operation, body).unwrap();
        (answer.status, answer.json()["__type"].as_str().unwrap().to_owned())
    }

    fn put(&self, data: &str) {
        let body = json!({ "StreamName": "s", "Data": data, "PartitionKey": "k" });
        self.ok("PutRecord", &body);
    }

    fn iterator(&self, kind: &str) -> String {
        let body = json!({
            "StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": kind,
        });
        let answer = self.ok("GetShardIterator", &body);
        answer["ShardIterator"].as_str().unwrap().to_owned()
    }

    fn read(&self, iterator: &str) -> Value {
        self.ok("GetRecords", &json!({ "ShardIterator": iterator }))
    }
}

#[expect(clippy::cast_precision_loss, reason = "the wire has seconds as a float")]
fn now_secs(double: &Double) -> f64 {
    double.now() as f64 / 1000.0
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_goes_in_and_comes_out() {
    let test = Tester::start().await;
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    let body = json!({ "StreamARN": arn, "Records": [
        { "Data": "aGVsbG8=", "PartitionKey": "k" },
        { "Data": "", "PartitionKey": "k", "ExplicitHashKey": "7" },
    ] });
    let put = test.ok("PutRecords", &body);
    assert_eq!(put["FailedRecordCount"], 0);
    let page = test.read(&test.iterator("TRIM_HORIZON"));
    let first = &page["Records"][0];
    assert_eq!((&first["Data"], &first["PartitionKey"]), (&json!("aGVsbG8="), &json!("k")));
    assert_eq!(first["SequenceNumber"], put["Records"][0]["SequenceNumber"]);
    let arrival = first["ApproximateArrivalTimestamp"].as_f64().unwrap() * 1000.0;
    assert!((arrival - now_secs(&test.double) * 1000.0).abs() < 60_000.0);
    assert_eq!(page["Records"].as_array().unwrap().len(), 2);
    assert_eq!(page["MillisBehindLatest"], 0);
    assert!(page["NextShardIterator"].is_string());
    assert!(page.get("ChildShards").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn resharding_is_listed_and_the_closed_shard_names_its_children() {
    let test = Tester::start().await;
    let at = json!({ "StreamName": "s", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "99" });
    test.ok("SplitShard", &at);
    let page = test.read(&test.iterator("TRIM_HORIZON"));
    assert!(page.get("NextShardIterator").is_none());
    assert_eq!(page["ChildShards"][1]["HashKeyRange"]["StartingHashKey"], "99");
    assert_eq!(page["ChildShards"][1]["ParentShards"], json!(["shardId-000000000000"]));
    let merge = json!({ "StreamName": "s", "ShardToMerge": "shardId-000000000001", "AdjacentShardToMerge": "shardId-000000000002" });
    test.ok("MergeShards", &merge);
    let filter = json!({ "Type": "FROM_TIMESTAMP", "Timestamp": now_secs(&test.double) - 60.0 });
    let listed = test.ok("ListShards", &json!({ "StreamName": "s", "ShardFilter": filter, "MaxResults": 3 }));
    assert_eq!(listed["Shards"].as_array().unwrap().len(), 3);
    assert!(listed["Shards"][0]["SequenceNumberRange"]["EndingSequenceNumber"].is_string());
    let rest = test.ok("ListShards", &json!({ "NextToken": listed["NextToken"] }));
    assert_eq!(rest["Shards"][0]["AdjacentParentShardId"], "shardId-000000000002");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_made_scaled_described_and_deleted() {
    let test = Tester::start().await;
    test.ok("CreateStream", &json!({ "StreamName": "t", "ShardCount": 2 }));
    let scaled = test.ok(
        "UpdateShardCount",
        &json!({ "StreamName": "t", "TargetShardCount": 4, "ScalingType": "UNIFORM_SCALING" }),
    );
    assert_eq!((&scaled["CurrentShardCount"], &scaled["TargetShardCount"]), (&json!(2), &json!(4)));
    let summary = test.ok("DescribeStreamSummary", &json!({ "StreamName": "t" }));
    assert_eq!(summary["StreamDescriptionSummary"]["OpenShardCount"], 4);
    let described = test.ok("DescribeStream", &json!({ "StreamName": "s" }));
    assert_eq!(described["StreamDescription"]["StreamStatus"], "ACTIVE");
    test.ok("DeleteStream", &json!({ "StreamName": "t" }));
    let gone = test.refused("DescribeStreamSummary", &json!({ "StreamName": "t" }));
    assert_eq!(gone, code(400, "ResourceNotFoundException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_as_the_service_does() {
    let test = Tester::start().await;
    let missing = test.refused("GetRecords", &json!({}));
    assert_eq!(missing, code(400, "ValidationException"));
    let unknown = test.refused("Fly", &json!({}));
    assert_eq!(unknown, code(400, "UnknownOperationException"));
    let body = json!({ "StreamName": "s", "Data": "%", "PartitionKey": "k" });
    assert_eq!(test.refused("PutRecord", &body), code(400, "SerializationException"));
    let iterator = json!({ "ShardIterator": "nonsense" });
    assert_eq!(test.refused("GetRecords", &iterator), code(400, "InvalidArgumentException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_queue_up_by_operation_and_count() {
    let test = Tester::start().await;
    test.double.faults([
        FaultRule::next("GetRecords", 1, Effect::Status(500)),
        FaultRule::next("GetRecords", 1, Effect::Status(503)),
        FaultRule::next("GetRecords", 1, Effect::Throttle),
        FaultRule::next("GetRecords", 1, Effect::AccessDenied),
        FaultRule::next("GetRecords", 1, Effect::Error("ExpiredIteratorException".into())),
        FaultRule::always("ListShards", Effect::Throttle).after(1),
    ]);
    let iterator = test.iterator("LATEST");
    let body = json!({ "ShardIterator": iterator });
    let wanted = [
        code(500, "InternalFailure"),
        code(503, "ServiceUnavailable"),
        code(400, "ProvisionedThroughputExceededException"),
        code(400, "AccessDeniedException"),
        code(400, "ExpiredIteratorException"),
    ];
    for wanted in wanted {
        assert_eq!(test.refused("GetRecords", &body), wanted);
    }
    test.read(&iterator);
    let list = json!({ "StreamName": "s" });
    test.ok("ListShards", &list);
    for _ in 0..2 {
        assert_eq!(test.refused("ListShards", &list), code(400, "LimitExceededException"));
    }
    assert_eq!(test.double.faults_left(), 1);
    test.double.clear_faults();
    test.ok("ListShards", &list);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_carries_out_the_call_and_breaks_its_answer() {
    let test = Tester::start().await;
    test.double.fault(FaultRule::next("PutRecord", 1, Effect::Reset));
    let body = json!({ "StreamName": "s", "Data": "YQ==", "PartitionKey": "k" });
    let error = test.raw("PutRecord", &body).unwrap_err();
    let kinds = [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::UnexpectedEof];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    let page = test.read(&test.iterator("TRIM_HORIZON"));
    assert_eq!(page["Records"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_can_be_late_garbage_skewed_doubled_and_behind() {
    let test = Tester::start().await;
    test.put("YQ==");
    let iterator = test.iterator("TRIM_HORIZON");
    test.double.faults([
        FaultRule::next("GetRecords", 1, Effect::Delay(Duration::from_millis(80))),
        FaultRule::next("GetRecords", 1, Effect::Duplicates),
        FaultRule::next("GetRecords", 1, Effect::MillisBehind(1234)),
        FaultRule::next("GetRecords", 1, Effect::DateSkew(-3_600_000)),
        FaultRule::next("GetRecords", 1, Effect::Garbage).after(1),
    ]);
    let start = Instant::now();
    let answer = test.raw("GetRecords", &json!({ "ShardIterator": iterator })).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(80));
    let page = answer.json();
    assert_eq!(page["MillisBehindLatest"], 1234);
    assert_eq!(page["Records"].as_array().unwrap().len(), 2);
    assert_eq!(page["Records"][0], page["Records"][1]);
    let date = httpdate::parse_http_date(answer.header("date").unwrap()).unwrap();
    let skew = date.elapsed().unwrap();
    assert!(skew > Duration::from_secs(3590) && skew < Duration::from_mins(61), "{skew:?}");
    let garbage = test.raw("GetRecords", &json!({ "ShardIterator": iterator })).unwrap();
    assert!(garbage.status == 200 && garbage.body.starts_with("<html>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_third_record_can_be_refused() {
    let test = Tester::start().await;
    test.double.fault(FaultRule::always("PutRecords", Effect::RefuseRecords(3)));
    let record = |n: u32| json!({ "Data": "YQ==", "PartitionKey": n.to_string() });
    let records: Vec<_> = (0..7).map(record).collect();
    let put = test.ok("PutRecords", &json!({ "StreamName": "s", "Records": records }));
    assert_eq!(put["FailedRecordCount"], 2);
    for (index, outcome) in put["Records"].as_array().unwrap().iter().enumerate() {
        assert_eq!(outcome["ErrorCode"].is_string(), index == 2 || index == 5);
        assert_eq!(outcome["SequenceNumber"].is_string(), index != 2 && index != 5);
    }
    let page = test.read(&test.iterator("TRIM_HORIZON"));
    assert_eq!(page["Records"].as_array().unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_goes_forward_on_request() {
    let test = Tester::start().await;
    test.put("YQ==");
    let iterator = test.iterator("TRIM_HORIZON");
    test.double.advance(300_000);
    let body = json!({ "ShardIterator": iterator });
    assert_eq!(test.refused("GetRecords", &body), code(400, "ExpiredIteratorException"));
    test.double.advance(25 * 3_600_000);
    let page = test.read(&test.iterator("TRIM_HORIZON"));
    assert_eq!(page["Records"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_operation_stream_shard_and_error() {
    let test = Tester::start().await;
    let iterator = test.iterator("LATEST");
    test.read(&iterator);
    test.double.fault(FaultRule::everywhere(Effect::AccessDenied));
    test.refused("ListShards", &json!({ "StreamName": "s" }));
    let calls = test.double.calls();
    let told: Vec<_> = calls
        .iter()
        .map(|c| (c.operation.as_str(), c.stream.as_deref(), c.shard.as_deref(), c.error.as_deref()))
        .collect();
    let shard = Some("shardId-000000000000");
    let wanted = [
        ("GetShardIterator", Some("s"), shard, None),
        ("GetRecords", Some("s"), shard, None),
        ("ListShards", Some("s"), None, Some("AccessDeniedException")),
    ];
    assert_eq!(told, wanted);
    test.double.clear_calls();
    assert!(test.double.calls().is_empty());
}

/// The preface and an empty SETTINGS frame are answered with SETTINGS
/// (RFC 9113, sections 3.4 and 6.5): HTTP/2 with prior knowledge.
#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_spoken_without_tls() {
    let test = Tester::start().await;
    let mut stream = std::net::TcpStream::connect(&test.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[3], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_double_closes_its_port() {
    let test = Tester::start().await;
    let address = test.address.clone();
    drop(test);
    let deadline = Instant::now() + Duration::from_secs(5);
    while std::net::TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < deadline, "still listening");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
