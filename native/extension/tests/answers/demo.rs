//! Contracts 1 and 2, row by row.

use http::Method;
use snowmelt_extension::answers::{Form, How, Wanted};
use snowmelt_extension::http::{Answer, Service};
use snowmelt_extension::origin::{Ask, Attribute, ParameterAsk};

use crate::support::{World, denied, item, item_ask, parameter, request, respond, seen, text};

fn world() -> World {
    let world = World::new();
    world.fake.set("/shop/limit", parameter("/shop/limit", "12 €"));
    world.fake.set("users-7 a+b", item(&[("pk", Attribute::String("7 a+b".into()))]));
    world
}

#[tokio::test]
async fn a_parameter_is_its_value() {
    let world = world();
    for uri in [
        "/parameters?name=/shop/limit",
        "/parameters?name=%2Fshop%2Flimit",
        "/parameters/?x=1&name=/shop/limit&name=no",
    ] {
        assert_eq!(seen(&world.demo(uri).await), (200, "text/plain; charset=utf-8", "12 €"), "{uri}");
    }
    assert_eq!(world.fake.calls(), 1);
    assert!(matches!(
        world.demo.answer(request(Method::GET, "/parameters?name=/shop/limit", None)),
        Answer::Now(_)
    ));
}

#[tokio::test]
async fn a_listed_parameter_is_read_in_its_region_and_no_other() {
    let world = world();
    world.demo("/parameters?name=/listed").await;
    let ask = |name: &str, region: Option<&str>| {
        let region = region.map(Into::into);
        Ask::Parameter(ParameterAsk {
            name: name.into(),
            version: None,
            label: None,
            with_decryption: true,
            region,
        })
    };
    assert_eq!(world.fake.last(), ask("/listed", Some("eu-west-1")));
    world.demo("/parameters?name=/listed:live").await;
    let Ask::Parameter(labelled) = world.fake.last() else { panic!("no parameter") };
    assert_eq!((labelled.name.as_str(), labelled.label.as_deref()), ("/listed", Some("live")));
    assert_eq!(labelled.region.as_deref(), Some("eu-west-1"));
    world.demo("/parameters?name=up").await;
    assert_eq!(world.fake.last(), ask("up", None));
    // Nobody shows a token here: what is not listed may be a secret of others.
    let calls = world.fake.calls();
    for name in [
        "unlisted",
        "/aws/reference/secretsmanager/db",
        "arn:aws:ssm:us-east-1:123456789012:parameter/listed",
    ] {
        world.fake.set(name, parameter(name, "secret"));
        let reply = world.demo(&format!("/parameters?name={name}")).await;
        assert_eq!(reply.status(), 404, "{name}");
        assert!(text(&reply).contains("config.yaml"), "{}", text(&reply));
    }
    assert_eq!(world.fake.calls(), calls);
}

#[tokio::test]
async fn an_item_is_json_plain_or_typed() {
    let world = world();
    for (uri, body) in [
        ("/dynamodb?name=users@@7+a%2Bb", r#"{"pk":"7 a+b"}"#),
        ("/dynamodb?name=users%40%407%20a%2Bb&format=json", r#"{"pk":"7 a+b"}"#),
        ("/dynamodb?name=users@@7%20a%2Bb&format=dynamodb", r#"{"pk":{"S":"7 a+b"}}"#),
    ] {
        assert_eq!(seen(&world.demo(uri).await), (200, "application/json", body), "{uri}");
    }
    assert_eq!(world.fake.calls(), 2);
    assert_eq!(world.fake.last(), Ask::Item(item_ask("users", "7 a+b")));
}

#[tokio::test]
async fn what_cannot_be_answered_says_why() {
    let world = world();
    world.fake.fail("down", denied(Some(400), Some("AccessDeniedException")));
    for (uri, status, code, part) in [
        ("/parameters?name=none", 404, "NotFound", "no such thing"),
        ("/dynamodb?name=users@@none", 404, "NotFound", "no such thing"),
        ("/dynamodb?name=nobody-7", 404, "NotFound", "not listed"),
        ("/dynamodb?name=sorted@@7", 400, "BadRequest", "sorted@@hash@@sort"),
        ("/dynamodb?name=users-7&format=xml", 400, "BadRequest", "`format` is neither"),
        ("/parameters", 400, "BadRequest", "/parameters?name=NAME"),
        ("/dynamodb?name=", 400, "BadRequest", "/dynamodb?name=NAME"),
        ("/parameters?name=a:0", 400, "BadRequest", "from 1 on"),
        ("/parameters?name=%zz", 400, "BadRequest", "write % as %25"),
        ("/parameters?name=down", 502, "Denied", "add ssm:GetParameter"),
        ("/", 404, "NotFound", "/dynamodb?name=NAME"),
        ("/secrets?name=a", 404, "NotFound", "/parameters?name=NAME"),
    ] {
        let response = world.demo(uri).await;
        let (seen_status, content_type, body) = seen(&response);
        assert_eq!((seen_status, content_type), (status, "application/json"), "{uri}");
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["error"]["code"], code, "{uri}");
        assert!(json["error"]["message"].as_str().unwrap().contains(part), "{uri}: {body}");
    }
}

#[tokio::test]
async fn only_get_is_answered() {
    let world = world();
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let response =
            respond(world.demo.answer(request(method, "/parameters?name=/shop/limit", None))).await;
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET, HEAD");
    }
    assert_eq!(world.fake.calls(), 0);
}

#[tokio::test]
async fn as_the_demo_it_finds_no_data() {
    let world = World::with(|settings| settings.compat_demo = true);
    world.fake.fail("down", denied(Some(400), None));
    world.fake.set("up", parameter("up", "1"));
    for uri in [
        "/parameters?name=none",
        "/parameters?name=down",
        "/parameters?name=%zz",
        "/parameters?name=",
        "/dynamodb?name=nobody-7",
        "/dynamodb?name=sorted@@7",
        "/other?name=a",
    ] {
        assert_eq!(
            seen(&world.demo(uri).await),
            (200, "text/plain; charset=utf-8", "No data found"),
            "{uri}"
        );
    }
    assert_eq!(text(&world.demo("/parameters?name=up").await), "1");
}

#[tokio::test]
async fn everything_listed_is_prefetched_some_at_once() {
    let world = World::with(|settings| settings.parameters.retain(|listed| listed.name == "/listed"));
    world.fake.set("/listed", parameter("/listed", "1"));
    for hash in 1..20 {
        world.fake.set(&format!("users-{hash}"), item(&[("pk", Attribute::String(hash.to_string()))]));
    }
    world.fake.fail("users-3", denied(None, None));
    world.demo.prefetch().await;
    assert_eq!((world.fake.calls(), world.fake.most_at_once()), (21, 8));
    assert_eq!(text(&world.demo("/parameters?name=/listed").await), "1");
    assert_eq!(text(&world.demo("/dynamodb?name=users-19").await), r#"{"pk":"19"}"#);
    assert_eq!(world.fake.calls(), 21);
    assert_eq!(world.demo("/dynamodb?name=users-3").await.status(), 502);
    assert_eq!(world.demo("/dynamodb?name=users-0").await.status(), 404);
}

#[test]
fn keys_begin_with_what_invalidates_them() {
    let how = How { refresh_now: false, ttl: std::time::Duration::MAX };
    let wanted = Wanted::new(Ask::Item(item_ask("a/b", "ü")), Form::Item, how);
    assert_eq!(wanted.thing(), "dynamodb/a%2Fb/%C3%BC");
    assert!(wanted.key().starts_with("dynamodb/a%2Fb/%C3%BC\0"));
}
