//! Contract 3, row by row.

use std::time::Duration;

use http::Method;
use snowmelt_extension::http::Service;
use snowmelt_extension::origin::{Ask, ParameterAsk, SecretAsk};

use crate::support::{TOKEN, World, denied, parameter, request, respond, secret, seen, text};

const GET: &str = "/systemsmanager/parameters/get?";

fn ask(name: &str) -> ParameterAsk {
    ParameterAsk { name: name.into(), version: None, label: None, with_decryption: false, region: None }
}

#[tokio::test]
async fn a_parameter_is_asked_for_as_by_the_documentation() {
    const ARN: &str = "arn:aws:ssm:us-east-1:123456789012:parameter/a/b";
    let world = World::new();
    let version = |name, version| ParameterAsk { version: Some(version), ..ask(name) };
    let label = |name, label: &str| ParameterAsk { label: Some(label.into()), ..ask(name) };
    let decrypted = |yes| ParameterAsk { with_decryption: yes, ..ask("a") };
    for (query, expected) in [
        ("name=MyParameter", ask("MyParameter")),
        ("name=%2Fa%2Fb", ask("/a/b")),
        ("name=/a/b", ask("/a/b")),
        ("name=/a/b&unknown=1", ask("/a/b")),
        ("name=MyParameter&version=5", version("MyParameter", 5)),
        ("name=%2Fa%2Fb&label=release", label("/a/b", "release")),
        ("name=a&version=5&label=release", version("a", 5)),
        ("name=a&label=release&version=5", label("a", "release")),
        ("name=a&label=release&version=x", label("a", "release")),
        ("name=a&version=&label=release", label("a", "release")),
        ("name=a:5", version("a", 5)),
        ("name=a%3Arelease", label("a", "release")),
        ("name=arn:aws:ssm:us-east-1:123456789012:parameter/a/b", ask(ARN)),
        ("name=arn:aws:ssm:us-east-1:123456789012:parameter/a/b:7", version(ARN, 7)),
        ("name=arn%3Aaws%3Assm%3Aus-east-1%3A123456789012%3Aparameter%2Fa%2Fb&label=x", label(ARN, "x")),
        ("name=a&withDecryption=true", decrypted(true)),
        ("name=a&withDecryption=True", decrypted(true)),
        ("name=a&withDecryption=1", decrypted(true)),
        ("name=a&withDecryption=false", decrypted(false)),
        ("name=a&withDecryption=", decrypted(false)),
    ] {
        world.aws(&format!("{GET}{query}")).await;
        assert_eq!(world.fake.last(), Ask::Parameter(expected), "{query}");
    }
}

#[tokio::test]
async fn a_secret_is_asked_for_as_by_the_documentation() {
    let world = World::new();
    let ask = |id: &str, version: Option<&str>, stage: Option<&str>| {
        let (version_id, version_stage) = (version.map(Into::into), stage.map(Into::into));
        Ask::Secret(SecretAsk { id: id.into(), version_id, version_stage })
    };
    for (query, expected) in [
        ("secretId=db", ask("db", None, None)),
        ("secretId=prod%2Fdb&versionStage=AWSPREVIOUS", ask("prod/db", None, Some("AWSPREVIOUS"))),
        ("secretId=prod/db&versionId=a-b&withDecryption=true", ask("prod/db", Some("a-b"), None)),
        ("secretId=a%2Bb&versionId=&versionStage=x", ask("a+b", None, Some("x"))),
        (
            "secretId=arn:aws:secretsmanager:us-east-1:1:secret:db-1QmcxB",
            ask("arn:aws:secretsmanager:us-east-1:1:secret:db-1QmcxB", None, None),
        ),
    ] {
        world.aws(&format!("/secretsmanager/get?{query}")).await;
        assert_eq!(world.fake.last(), expected, "{query}");
    }
}

#[tokio::test]
async fn bodies_are_json_and_paths_are_lenient() {
    let world = World::new();
    world.fake.set("a", parameter("a", "1"));
    world.fake.set("db", secret("db", "pw"));
    for uri in [
        "/systemsmanager/parameters/get?name=a",
        "/systemsmanager/parameters/get/?name=a",
        "//systemsmanager/parameters/get?name=a",
    ] {
        let response = world.aws(uri).await;
        let (status, content_type, body) = seen(&response);
        assert_eq!((status, content_type), (200, "application/json"), "{uri}");
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["Parameter"]["Value"], "1");
        assert_eq!(json["Parameter"]["LastModifiedDate"], "2022-11-16T08:22:40.362Z");
        assert_eq!(json["Parameter"]["Selector"], serde_json::Value::Null);
    }
    let response = world.aws("/secretsmanager/get?secretId=db").await;
    assert!(text(&response).contains(r#""SecretBinary":null,"SecretString":"pw""#), "{}", text(&response));
    assert_eq!(world.fake.calls(), 2);
    assert_eq!(seen(&world.aws("/ping").await), (200, "text/plain; charset=utf-8", "healthy"));
}

#[tokio::test]
async fn without_the_token_all_paths_are_alike() {
    let world = World::new();
    world.fake.set("a", parameter("a", "1"));
    world.aws("/systemsmanager/parameters/get?name=a").await;
    let mut seen_bodies = Vec::new();
    for token in [None, Some(""), Some("IQo"), Some("IQoJ-s3cr3t-m4rk3r-token2")] {
        for uri in ["/systemsmanager/parameters/get?name=a", "/secretsmanager/get", "/ping", "/none"] {
            for method in [Method::GET, Method::POST] {
                let response = respond(world.aws.answer(request(method, uri, token))).await;
                assert_eq!(response.status(), 401);
                seen_bodies.push((response.headers().clone(), response.body().clone()));
            }
        }
    }
    seen_bodies.dedup();
    assert_eq!(seen_bodies.len(), 1);
    let mut twice = request(Method::GET, "/ping", Some(TOKEN));
    twice.headers_mut().append("x-aws-parameters-secrets-token", "other".parse().unwrap());
    assert_eq!(respond(world.aws.answer(twice)).await.status(), 401);
    assert_eq!(world.fake.calls(), 1);
}

#[tokio::test]
async fn bad_requests_say_how_to_ask() {
    let world = World::new();
    for (uri, part) in [
        ("/systemsmanager/parameters/get", "missing parameter name"),
        ("/systemsmanager/parameters/get?name=", "missing parameter name"),
        ("/secretsmanager/get?versionId=1", "missing parameter secretId"),
        ("/systemsmanager/parameters/get?name=a&version=x", "from 1 on"),
        ("/systemsmanager/parameters/get?name=a&version=0", "from 1 on"),
        ("/systemsmanager/parameters/get?name=a:99999999999999999999", "from 1 on"),
        ("/systemsmanager/parameters/get?name=a:1&version=2", "the name has a selector"),
        ("/systemsmanager/parameters/get?name=a&withDecryption=yes", "invalid withDecryption value"),
        ("/secretsmanager/get?secretId=a&refreshNow=2", "invalid refreshNow value"),
        ("/secretsmanager/get?secretId=%FF", "`secretId` is not percent-encoded"),
    ] {
        let response = world.aws(uri).await;
        let (status, content_type, body) = seen(&response);
        assert_eq!((status, content_type), (400, "application/json"), "{uri}");
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["__type"], "ValidationException");
        assert!(json["message"].as_str().unwrap().contains(part), "{uri}: {body}");
    }
    assert_eq!(world.aws("/none").await.status(), 404);
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let response = respond(world.aws.answer(request(method, "/ping", Some(TOKEN)))).await;
        assert_eq!(response.status(), 405);
    }
    assert_eq!(world.fake.calls(), 0);
}

#[tokio::test]
async fn what_there_is_not_has_the_services_own_error() {
    let world = World::new();
    for (uri, code) in [
        ("/systemsmanager/parameters/get?name=none", "ParameterNotFound"),
        ("/systemsmanager/parameters/get?name=none&version=3", "ParameterVersionNotFound"),
        ("/systemsmanager/parameters/get?name=none:live", "ParameterVersionNotFound"),
        ("/secretsmanager/get?secretId=none", "ResourceNotFoundException"),
    ] {
        let response = world.aws(uri).await;
        let json: serde_json::Value = serde_json::from_str(text(&response)).unwrap();
        assert_eq!((response.status().as_u16(), json["__type"].as_str()), (400, Some(code)), "{uri}");
    }
}

#[tokio::test]
async fn a_failing_service_has_its_status_and_code_passed_on() {
    let world = World::new();
    for (name, error, status, code) in [
        ("a", denied(Some(400), Some("AccessDeniedException")), 400, "AccessDeniedException"),
        ("b", denied(Some(503), None), 503, "AccessDeniedException"),
        ("c", denied(None, None), 500, "AccessDeniedException"),
        ("d", denied(Some(200), Some("Odd")), 500, "Odd"),
    ] {
        world.fake.fail(name, error);
        let response = world.aws(&format!("/secretsmanager/get?secretId={name}")).await;
        let json: serde_json::Value = serde_json::from_str(text(&response)).unwrap();
        assert_eq!((response.status().as_u16(), json["__type"].as_str()), (status, Some(code)), "{name}");
        assert_eq!(json["message"], "not allowed: add ssm:GetParameter to the role of the function");
    }
}

#[tokio::test]
async fn parameters_and_secrets_have_lifetimes_of_their_own() {
    // Far past `max_lag`, as long as the stream can be read.
    let world = World::with(|settings| settings.aws.parameter_ttl = Duration::from_secs(7200));
    world.fake.set("a", parameter("a", "1"));
    world.fake.set("db", secret("db", "1"));
    world.aws("/systemsmanager/parameters/get?name=a").await;
    world.aws("/secretsmanager/get?secretId=db").await;
    world.fake.set("a", parameter("a", "2"));
    world.fake.set("db", secret("db", "2"));
    let newer = async |uri: &str| text(&world.aws(uri).await).contains(r#":"2""#);
    world.clock.advance(Duration::from_secs(150));
    assert!(!newer("/secretsmanager/get?secretId=db").await);
    world.clock.advance(Duration::from_secs(100));
    assert!(newer("/secretsmanager/get?secretId=db").await);
    world.clock.advance(Duration::from_secs(6900));
    assert!(!newer("/systemsmanager/parameters/get?name=a").await);
    world.clock.advance(Duration::from_secs(100));
    assert!(newer("/systemsmanager/parameters/get?name=a").await);
}
