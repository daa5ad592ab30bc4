use std::net::TcpListener;
use std::time::{Duration, Instant};

use snowmelt_extension::origin::{Ask, ItemAsk, KeyAttribute, KeyType, OriginError, ParameterAsk, Trouble};

use super::support::{
    Double, Reply, failure, options, origin, parameter, parameter_body, refusal, secret, value,
};

fn get_parameter() -> Ask {
    Ask::Parameter(parameter("/a"))
}

fn get_item() -> Ask {
    let hash = KeyAttribute { name: "id".into(), of: KeyType::String, value: "1".into() };
    Ask::Item(ItemAsk { table: "users".into(), region: None, hash, sort: None, consistent: true })
}

fn asks() -> [Ask; 3] {
    [get_parameter(), Ask::Secret(secret("s")), get_item()]
}

fn says(error: &OriginError, parts: &[&str]) {
    for part in parts {
        assert!(error.message.contains(part), "{part:?} is not in {}", error.message);
    }
}

#[tokio::test]
async fn an_origin_that_is_down_is_unavailable() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let origin = origin(options(&format!("http://{free}")));
    for ask in asks() {
        let error = failure(&origin, ask).await;
        assert_eq!((error.trouble, error.status), (Trouble::Unavailable, None));
        says(&error, &["could not reach", &free.to_string(), "something listens"]);
    }
}

#[tokio::test]
async fn a_limit_is_kept_and_ends_a_call() {
    let double = Double::start(|_, _| Reply::Never);
    let mut options = options(double.endpoint());
    options.parameter_timeout = Duration::from_millis(300);
    let origin = origin(options);
    let began = Instant::now();
    let error = failure(&origin, get_parameter()).await;
    assert_eq!(error.trouble, Trouble::TimedOut);
    assert!(began.elapsed() >= Duration::from_millis(300) && began.elapsed() < Duration::from_secs(5));
    says(&error, &["GetParameter of parameter /a in us-east-1", "no answer", "within 300ms"]);
}

#[tokio::test]
async fn a_slow_answer_within_the_limit_is_taken() {
    let double = Double::start(|_, _| Reply::Late(Duration::from_millis(700), 200, parameter_body("slow")));
    assert_eq!(value(&double.origin(), parameter("/a")).await.unwrap().as_deref(), Some("slow"));
    assert_eq!(double.requests(), 1);
}

#[tokio::test]
async fn throttling_is_retried_and_then_named() {
    for (ask, code) in asks().into_iter().zip([
        "ThrottlingException",
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
    ]) {
        let double = Double::start(move |_, _| Reply::Answer(400, refusal(code, "Rate exceeded")));
        let error = failure(&double.origin(), ask).await;
        assert_eq!((error.trouble, error.status), (Trouble::Throttled, Some(400)));
        assert_eq!(
            (error.code.as_deref(), error.service_message.as_deref()),
            (Some(code), Some("Rate exceeded"))
        );
        assert_eq!(double.requests(), 3);
    }
}

#[tokio::test]
async fn being_denied_names_the_action_and_is_not_retried() {
    for (ask, action) in
        asks().into_iter().zip(["ssm:GetParameter", "secretsmanager:GetSecretValue", "dynamodb:GetItem"])
    {
        let double = Double::start(|_, _| Reply::Answer(400, refusal("AccessDeniedException", "no")));
        let error = failure(&double.origin(), ask).await;
        assert_eq!(error.trouble, Trouble::Denied);
        assert_eq!(error.code.as_deref(), Some("AccessDeniedException"));
        says(&error, &["allow", action]);
        assert_eq!(double.requests(), 1);
    }
}

#[tokio::test]
async fn other_ways_to_be_denied_name_their_remedies() {
    for (code, message, part) in [
        ("ExpiredTokenException", "old", "have expired"),
        ("UnrecognizedClientException", "bad", "not valid in region us-east-1"),
        ("AccessDeniedException", "not authorized to perform: kms:Decrypt on key", "allow kms:Decrypt"),
        ("AccessDeniedException", "Access to KMS is not allowed", "allow kms:Decrypt"),
        ("InvalidKeyId", "no key", "allow kms:Decrypt"),
    ] {
        let double = Double::start(move |_, _| Reply::Answer(400, refusal(code, message)));
        let error = failure(&double.origin(), get_parameter()).await;
        assert_eq!(error.trouble, Trouble::Denied, "{code}");
        says(&error, &[part]);
    }
}

#[tokio::test]
async fn a_fault_of_the_service_is_retried() {
    for status in [500, 503] {
        let double = Double::start(move |number, _| match number {
            0 => Reply::Answer(status, refusal("InternalServerError", "oh")),
            _ => Reply::Answer(200, parameter_body("fine")),
        });
        assert_eq!(value(&double.origin(), parameter("/a")).await.unwrap().as_deref(), Some("fine"));
        assert_eq!(double.requests(), 2);
    }
    let double = Double::start(|_, _| Reply::Answer(500, refusal("InternalServerError", "oh")));
    let error = failure(&double.origin(), get_parameter()).await;
    assert_eq!((error.trouble, error.status), (Trouble::Unavailable, Some(500)));
    assert_eq!(double.requests(), 3);
}

#[tokio::test]
async fn answers_that_make_no_sense_are_errors() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<a/>\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"Parameter\":{\"Version\":\"x\"",
        "HTTP/1.1 403 No\r\nContent-Length: 6\r\n\r\n<html>",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"Para",
        "what is this",
        "",
    ] {
        let double = Double::start(move |_, _| Reply::Bytes(bytes.into()));
        let error = failure(&double.origin(), get_parameter()).await;
        assert_ne!(error.trouble, Trouble::Throttled, "{bytes:?}");
        says(&error, &["GetParameter of parameter /a"]);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_idled_costs_nothing() {
    let double = Double::start(|_, _| Reply::Last(200, parameter_body("fine")));
    let origin = double.origin();
    for _ in 0..5 {
        assert_eq!(value(&origin, parameter("/a")).await.unwrap().as_deref(), Some("fine"));
    }
    assert_eq!(double.requests(), 5);
}

#[tokio::test]
async fn no_more_calls_are_made_at_once_than_allowed() {
    let double = Double::start(|_, _| Reply::Late(Duration::from_millis(200), 200, parameter_body("x")));
    let mut options = options(double.endpoint());
    options.max_connections = 2;
    let origin = origin(options.clone());
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let origin = origin.clone();
            tokio::spawn(async move { value(&origin, parameter("/a")).await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!((double.requests(), double.connections()), (6, 2));

    let double = Double::start(|_, _| Reply::Never);
    options.endpoints.ssm = Some(double.endpoint().to_owned());
    (options.max_connections, options.parameter_timeout) = (1, Duration::from_millis(400));
    let origin = super::support::origin(options);
    let first = tokio::spawn({
        let origin = origin.clone();
        async move { failure(&origin, get_parameter()).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Dropped before the first one's turn ends.
    let second = tokio::time::timeout(Duration::from_millis(100), failure(&origin, get_parameter()));
    assert!(second.await.is_err());
    assert_eq!(first.await.unwrap().trouble, Trouble::TimedOut);
    assert_eq!(double.requests(), 1);
}

#[tokio::test]
async fn what_is_no_region_goes_nowhere() {
    let double = Double::start(|_, _| Reply::Never);
    let origin = double.origin();
    for region in ["evil.example", "eu-west-1/../x", "", "a@b"] {
        let ask = ParameterAsk { region: Some(region.into()), ..parameter("/a") };
        let error = failure(&origin, Ask::Parameter(ask)).await;
        assert_eq!(error.trouble, Trouble::Refused);
        says(&error, &["is no region"]);
    }
    let error = failure(&origin, Ask::Secret(secret("arn:aws:secretsmanager:evil.example:1:secret:x"))).await;
    says(&error, &["\"evil.example\" is no region"]);
    let mut options = options(double.endpoint());
    options.region = None;
    says(&failure(&super::support::origin(options), get_item()).await, &["set AWS_REGION"]);
    assert_eq!(double.requests(), 0);
}

#[tokio::test]
async fn many_regions_do_not_grow_without_bound_and_still_answer() {
    let double = Double::start(|_, _| Reply::Answer(200, parameter_body("x")));
    let origin = double.origin();
    for number in 0..70 {
        let ask = ParameterAsk { region: Some(format!("aa-bb-{number}")), ..parameter("/a") };
        assert!(value(&origin, ask).await.unwrap().is_some());
    }
    assert_eq!(double.connections(), 70);
    // The first one's client had to go, and its connection with it.
    let ask = ParameterAsk { region: Some("aa-bb-0".into()), ..parameter("/a") };
    assert!(value(&origin, ask).await.unwrap().is_some());
    assert_eq!(double.connections(), 71);
}
