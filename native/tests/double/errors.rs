//! Errors name the cause and the remedy.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use kinesis_double::{Effect, FaultRule};
use snowmelt::{BuildError, Cache, CallErrorKind, CatchUpError, InvalidateError};

use crate::support::{STREAM, Service, connect};

/// What a catch-up and an invalidation say.
async fn failures(cache: &Cache<u32>) -> [(CallErrorKind, String); 2] {
    cache.insert("k", 1).unwrap();
    let Err(CatchUpError::Failed { kind, message }) = cache.catch_up().await else { panic!("it fails") };
    let reading = (kind, message);
    let Err(InvalidateError::Write(error)) = cache.invalidate("other").await else { panic!("it fails") };
    assert_eq!(cache.get("k").await, Some(1), "nothing that was true is lost");
    [reading, (error.kind, error.message)]
}

fn assert_names(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
}

fn at(endpoint: &str, stream: &str) -> Cache<u32> {
    let builder = Cache::builder().stream_transport(connect(endpoint, stream));
    builder.catch_up_budget(Duration::from_secs(10)).build().unwrap()
}

#[tokio::test]
async fn a_missing_stream() {
    let service = Service::start(1).await;
    for (kind, message) in failures(&at(&service.double.endpoint(), "order")).await {
        assert_eq!(kind, CallErrorKind::NotFound);
        assert_names(&message, &["no stream order in us-east-1", "check the name and the region"]);
    }
}

#[tokio::test]
async fn denied_access() {
    for operation in ["ListShards", "GetShardIterator", "GetRecords"] {
        let service = Service::start(1).await;
        service.double.fault(FaultRule::always(operation, Effect::AccessDenied));
        let cache = service.holding(&[]).await;
        cache.insert("k", 1).unwrap();
        let error = cache.catch_up().await.unwrap_err();
        assert!(matches!(error, CatchUpError::Failed { kind: CallErrorKind::Denied, .. }), "{error}");
        let action = format!("kinesis:{operation}");
        let message = error.to_string();
        assert_names(
            &message,
            &[operation, &action, "arn:aws:kinesis:us-east-1:ACCOUNT:stream/orders", "allow"],
        );
        assert_eq!(cache.get("k").await, Some(1));
        cache.invalidate("other").await.unwrap();
    }
    let service = Service::start(1).await;
    service.double.fault(FaultRule::always("PutRecords", Effect::AccessDenied));
    let writer = service.holding(&["k"]).await;
    let start = Instant::now();
    let error = writer.invalidate("k").await.unwrap_err().to_string();
    assert_names(
        &error,
        &["allow kinesis:PutRecords on arn:aws:kinesis:us-east-1", "other caches were not told"],
    );
    assert!(start.elapsed() < Duration::from_secs(2), "trying again cannot help");
    assert_eq!(service.take_calls().iter().filter(|(operation, _)| operation == "PutRecords").count(), 1);
}

#[tokio::test]
async fn an_encrypted_stream_without_its_key() {
    let service = Service::start(1).await;
    service.double.fault(FaultRule::everywhere(Effect::Error("KMSAccessDeniedException".into())));
    let [reading, writing] = failures(&service.cache()).await;
    assert_eq!((reading.0, writing.0), (CallErrorKind::Denied, CallErrorKind::Denied));
    assert_names(&reading.1, &["encrypted", "kms:Decrypt"]);
    assert_names(&writing.1, &["encrypted", "kms:GenerateDataKey"]);
}

#[tokio::test]
async fn credentials_that_are_not_valid_there() {
    let service = Service::start(1).await;
    service.double.fault(FaultRule::everywhere(Effect::Error("UnrecognizedClientException".into())));
    for (kind, message) in failures(&service.cache()).await {
        assert_eq!(kind, CallErrorKind::Denied);
        assert_names(&message, &["not valid in region us-east-1", "AWS_ACCESS_KEY_ID"]);
    }
}

#[test]
fn the_wrong_region() {
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders";
    let error = Cache::<u32>::builder().stream(arn).region("us-east-1").build().unwrap_err();
    assert!(matches!(error, BuildError::Stream(_)), "{error:?}");
    assert_names(&error.to_string(), &["eu-west-1", "us-east-1", "`region`", "correct one of the two"]);
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens() {
    // Free a moment ago, and nobody's since.
    let endpoint = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for (kind, message) in failures(&at(&endpoint, STREAM)).await {
        assert_eq!(kind, CallErrorKind::Failed);
        assert_names(&message, &[&endpoint, "refused", "check that something listens"]);
    }
}

#[tokio::test]
async fn an_endpoint_that_never_answers() {
    // The kernel accepts; nobody reads.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let cache = at(&endpoint, STREAM);
    cache.insert("k", 1).unwrap();
    let Err(CatchUpError::Failed { kind, message }) = cache.catch_up().await else { panic!("it fails") };
    assert_eq!(kind, CallErrorKind::TimedOut);
    assert_names(&message, &["ListShards on stream orders", &endpoint, "no answer", "within 3s"]);
    assert_eq!(cache.get("k").await, Some(1));
}

/// What a process without credentials, or with those given, prints: the error
/// of a catch-up on `endpoint`.
fn in_a_process_with(endpoint: &str, variables: &[(&str, &str)]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "errors::a_catch_up_in_a_process_of_its_own", "--ignored", "--nocapture"]);
    child.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "us-east-1");
    child.env("HOME", "/nonexistent").env("AWS_ENDPOINT_URL_KINESIS", endpoint);
    let output = child.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
#[ignore = "run by the test below, with an environment of its own"]
async fn a_catch_up_in_a_process_of_its_own() {
    let endpoint = std::env::var("AWS_ENDPOINT_URL_KINESIS").unwrap_or_default();
    assert!(endpoint.starts_with("http://127.0.0.1:"), "not on its own: {endpoint:?}");
    let cache: Cache<u32> = Cache::builder().stream(STREAM).build().unwrap();
    cache.insert("k", 1).unwrap();
    println!("caught up: {:?}", cache.catch_up().await.map_err(|error| error.to_string()));
    println!("written: {:?}", cache.invalidate("k").await.map(drop).map_err(|error| error.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_from_the_environment_or_none() {
    let service = Service::start(1).await;
    let endpoint = service.double.endpoint();
    let run = move |variables: &'static [(&str, &str)]| {
        let endpoint = endpoint.clone();
        tokio::task::spawn_blocking(move || in_a_process_with(&endpoint, variables))
    };
    let printed = run(&[]).await.unwrap();
    assert_names(
        &printed,
        &[
            "caught up: Err(",
            "ListShards has no AWS credentials",
            "written: Err(",
            "PutRecords has no AWS credentials",
            "give the function a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ],
    );
    assert!(service.take_calls().is_empty(), "nothing can be signed");
    let printed = run(&[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]).await.unwrap();
    assert_names(&printed, &["caught up: Ok(())", "written: Ok(())"]);
    let calls: Vec<String> = service.take_calls().into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(calls, ["ListShards", "GetShardIterator", "GetRecords", "PutRecords"]);
}
