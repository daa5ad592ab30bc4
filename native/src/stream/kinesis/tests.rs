//! The transport over real sockets, against canned answers.

use std::sync::Mutex;

use aws_sdk_kinesis::config::Credentials;
use snowmelt_core::follower::{CallErrorKind, SequenceNumber};
use snowmelt_core::writer::{PutOutcome, PutRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const ARN: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/orders";

/// Answers every request alike and keeps what it was asked.
struct Canned {
    url: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    bodies: Vec<String>,
}

impl Canned {
    async fn start(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Seen>>::default();
        let answer = format!(
            "HTTP/1.1 {status} X\r\nDate: Mon, 21 Sep 2026 14:13:20 GMT\r\nContent-Type: application/x-amz-json-1.1\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let keep = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                keep.lock().unwrap().connections += 1;
                tokio::spawn(serve(socket, answer.clone(), Arc::clone(&keep)));
            }
        });
        Self { url, seen }
    }

    fn stream(&self, stream: &str) -> KinesisStream {
        at(&self.url, stream)
    }

    fn bodies(&self) -> Vec<String> {
        self.seen.lock().unwrap().bodies.clone()
    }

    fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

async fn serve(mut socket: TcpStream, answer: String, seen: Arc<Mutex<Seen>>) {
    let mut read = Vec::new();
    while let Ok(1..) = socket.read_buf(&mut read).await {
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        seen.lock().unwrap().bodies.push(body.into());
        read.clear();
        socket.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn at(url: &str, stream: &str) -> KinesisStream {
    let builder = aws_sdk_kinesis::Config::builder()
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .region(Region::new("us-east-1"));
    let options = KinesisOptions::default().endpoint(url).call_timeout(Duration::from_millis(500));
    KinesisStream::from_conf(stream, builder, options).unwrap()
}

fn variables(given: &'static [(&'static str, &'static str)]) -> impl Fn(&'static str) -> Option<String> {
    move |name| given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
}

fn records_of(iterator: &str) -> Request {
    Request::Records { shard: "shardId-000000000000".into(), iterator: iterator.into(), limit: 100 }
}

#[tokio::test]
async fn shards_are_listed() {
    let server = Canned::start(
        200,
        r#"{"Shards":[{"ShardId":"shardId-000000000002","ParentShardId":"shardId-000000000000",
            "AdjacentParentShardId":"shardId-000000000001",
            "HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"340282366920938463463374607431768211455"},
            "SequenceNumberRange":{"StartingSequenceNumber":"49600000000000000000000000000000000000000000000000000001"}}],
            "NextToken":"more"}"#,
    )
    .await;
    let stream = server.stream("orders");
    let answer = stream.call(Request::ListShards(ListShards::From(1_790_000_000_123))).await.unwrap();
    assert_eq!(answer.date, Some(1_790_000_000_000));
    let Body::Shards(page) = answer.body else { panic!() };
    assert_eq!(page.next_token.as_deref(), Some("more"));
    assert_eq!(page.shards[0].parents, ["shardId-000000000000", "shardId-000000000001"]);
    assert_eq!(page.shards[0].hash_keys.end, u128::MAX);
    assert!(page.shards[0].starting_sequence_number.as_str().starts_with("496"));
    stream.call(Request::ListShards(ListShards::Next("more".into()))).await.unwrap();
    let filter = r#""ShardFilter":{"Type":"FROM_TIMESTAMP","Timestamp":1790000000.123}"#;
    assert_eq!(
        server.bodies(),
        [format!(r#"{{"StreamName":"orders",{filter}}}"#), r#"{"NextToken":"more"}"#.into()]
    );
}

#[tokio::test]
async fn a_stream_given_by_its_arn_is_asked_for_by_it() {
    let server = Canned::start(200, r#"{"ShardIterator":"AAA"}"#).await;
    let stream = server.stream(ARN);
    assert_eq!(stream.name(), "orders");
    let shard = "shardId-000000000000";
    for from in [IteratorStart::AtTimestamp(1_790_000_000_500), IteratorStart::TrimHorizon] {
        let answer = stream.call(Request::ShardIterator { shard: shard.into(), from }).await.unwrap();
        assert_eq!(answer.body, Body::Iterator("AAA".into()));
    }
    let [timed, horizon] = <[String; 2]>::try_from(server.bodies()).unwrap();
    assert!(timed.contains(&format!(r#""StreamARN":"{ARN}""#)) && !timed.contains("StreamName"), "{timed}");
    assert!(timed.contains("AT_TIMESTAMP") && timed.contains(r#""Timestamp":1790000000.5"#), "{timed}");
    assert!(horizon.contains("TRIM_HORIZON") && !horizon.contains("Timestamp\":"), "{horizon}");
}

#[tokio::test]
async fn records_are_read() {
    let server = Canned::start(
        200,
        r#"{"Records":[{"SequenceNumber":"12","ApproximateArrivalTimestamp":1790000000.25,"Data":"aGk=","PartitionKey":"k"},
            {"SequenceNumber":"13","Data":"","PartitionKey":"k"}],
            "ChildShards":[{"ShardId":"shardId-000000000001","ParentShards":["shardId-000000000000"],
            "HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"9"}}],"MillisBehindLatest":0}"#,
    )
    .await;
    let answer = server.stream("orders").call(records_of("AAA")).await.unwrap();
    let Body::Records(page) = answer.body else { panic!() };
    assert_eq!(
        (page.records[0].data.as_slice(), page.records[0].arrival),
        (b"hi".as_slice(), 1_790_000_000_250)
    );
    assert_eq!(page.records[0].sequence_number, SequenceNumber::from(12));
    assert_eq!((page.records[1].arrival, page.millis_behind_latest), (0, 0));
    assert_eq!((page.next_iterator, page.child_shards[0].hash_keys.end), (None, 9));
    assert_eq!(server.bodies(), [r#"{"ShardIterator":"AAA","Limit":100}"#]);
}

#[tokio::test]
async fn an_answer_that_does_not_say_how_far_behind_it_is_is_not_the_tip() {
    let server = Canned::start(200, r#"{"Records":[],"NextShardIterator":"B"}"#).await;
    let Body::Records(page) = server.stream("orders").call(records_of("A")).await.unwrap().body else {
        panic!()
    };
    assert_eq!(page.millis_behind_latest, 1);
}

#[tokio::test]
async fn nonsense_is_a_failure_and_no_panic() {
    for body in [
        r#"{"Records":[{"SequenceNumber":"x","Data":"","PartitionKey":"k"}],"MillisBehindLatest":0}"#,
        r#"{"Records":[{"SequenceNumber":"1","Data":"???","PartitionKey":"k"}],"MillisBehindLatest":0}"#,
        r#"{"Records":7}"#,
        "<html>",
    ] {
        let server = Canned::start(200, body).await;
        let error = server.stream("orders").call(records_of("A")).await.unwrap_err();
        assert_eq!((error.kind, error.date), (CallErrorKind::Failed, Some(1_790_000_000_000)), "{error:?}");
    }
    for body in [r#"{"Shards":[{"ShardId":"s"}]}"#, r#"{"Shards":null}"#] {
        let server = Canned::start(200, body).await;
        let listed = server.stream("orders").call(Request::ListShards(ListShards::From(0))).await;
        assert_eq!(listed.is_err(), body.contains("ShardId"), "{listed:?}");
    }
}

#[tokio::test]
async fn records_are_put_and_refused_one_by_one() {
    let server = Canned::start(
        200,
        r#"{"FailedRecordCount":1,"Records":[{"ShardId":"shardId-000000000000","SequenceNumber":"42"},
            {"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":"slow down"}]}"#,
    )
    .await;
    let record = |key| PutRecord { data: b"hi".into(), partition_key: "k".into(), explicit_hash_key: key };
    let put = |records| server.stream("orders").put(Put { records });
    let answer = put(vec![record(Some(u128::MAX)), record(None)]).await.unwrap();
    let stored = PutOutcome::Stored {
        shard: "shardId-000000000000".into(),
        sequence_number: SequenceNumber::from(42),
    };
    let code = "ProvisionedThroughputExceededException".into();
    assert_eq!(answer.outcomes, [stored, PutOutcome::Refused { code, message: "slow down".into() }]);
    assert_eq!(answer.date, Some(1_790_000_000_000));
    assert!(server.bodies()[0].contains(r#""ExplicitHashKey":"340282366920938463463374607431768211455""#));
    let error = put(vec![record(None)]).await.unwrap_err();
    assert!(error.message.contains("1 records were put and 2 outcomes"), "{}", error.message);
}

#[tokio::test]
async fn a_refusal_is_sorted_dated_and_not_tried_again() {
    let body = r#"{"__type":"com.amazonaws.kinesis#ExpiredIteratorException","message":"Iterator expired."}"#;
    for (status, body, kind) in [
        (400, body, CallErrorKind::Expired),
        (400, r#"{"__type":"ProvisionedThroughputExceededException"}"#, CallErrorKind::Throttled),
        (400, r#"{"__type":"AccessDeniedException","Message":"no"}"#, CallErrorKind::Denied),
        (500, r#"{"__type":"InternalFailure"}"#, CallErrorKind::Failed),
        (503, "", CallErrorKind::Failed),
        (429, "", CallErrorKind::Throttled),
    ] {
        let server = Canned::start(status, body).await;
        let error = server.stream("orders").call(records_of("A")).await.unwrap_err();
        assert_eq!((error.kind, error.date), (kind, Some(1_790_000_000_000)), "{}", error.message);
        assert_eq!(server.bodies().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn connections_are_kept_until_they_are_forgotten() {
    let server = Canned::start(200, r#"{"ShardIterator":"AAA"}"#).await;
    let stream = server.stream("orders");
    let ask = || Request::ShardIterator { shard: "s".into(), from: IteratorStart::TrimHorizon };
    stream.warm().await;
    for _ in 0..3 {
        stream.call(ask()).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    stream.forget_connections();
    stream.call(ask()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = at(&url, "orders").call(records_of("A")).await.unwrap_err();
    assert_eq!((error.kind, error.date), (CallErrorKind::Failed, None));
    assert!(error.message.contains(&url) && error.message.contains("refused"), "{}", error.message);
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let error = at(&url, "orders").call(records_of("A")).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::TimedOut);
    assert!(error.message.contains("within 500ms") && error.message.contains(&url), "{}", error.message);
}

#[tokio::test]
async fn a_connection_that_is_cut_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let error = at(&url, "orders").call(records_of("A")).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Failed, "{}", error.message);
    assert!(error.message.contains(&url), "{}", error.message);
}

#[test]
fn the_environment_says_where() {
    let environment = variables(&[
        ("AWS_DEFAULT_REGION", "eu-west-3"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:2"),
    ]);
    let stream = KinesisStream::from_variables("orders", KinesisOptions::default(), &environment).unwrap();
    let text = format!("{stream:?}");
    assert!(text.contains("eu-west-3") && text.contains("http://127.0.0.1:2"), "{text}");

    let options = KinesisOptions::default().endpoint("https://example.test").region("us-west-2");
    let text = format!("{:?}", KinesisStream::from_variables("orders", options, &environment).unwrap());
    assert!(text.contains("us-west-2") && text.contains("https://example.test"), "{text}");
}

#[test]
fn a_configuration_that_cannot_work_is_refused_at_once() {
    let make = |stream: &str, environment| {
        KinesisStream::from_variables(stream, KinesisOptions::default(), variables(environment)).unwrap_err()
    };
    assert_eq!(make("orders", &[("AWS_REGION", "")]), StreamConfigError::NoRegion);
    assert!(matches!(make(ARN, &[("AWS_REGION", "eu-west-1")]), StreamConfigError::RegionMismatch { .. }));
    assert!(matches!(make("undefined", &[]), StreamConfigError::NoStream { .. }));
    let environment = &[("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", "localhost:4567")];
    assert!(make("orders", environment).to_string().contains("AWS_ENDPOINT_URL"));
    let none =
        KinesisStream::from_conf("orders", aws_sdk_kinesis::Config::builder(), KinesisOptions::default());
    assert_eq!(none.unwrap_err(), StreamConfigError::NoRegion);
}
