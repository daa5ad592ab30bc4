//! Lambda's HTTP events, as AWS documents them, through `lambda_http`'s own adapter.

use std::convert::Infallible;

use axum::Router;
use http_body_util::BodyExt;
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Body, IntoResponse, Request, RequestExt, Response};
use serde_json::{Value, json};
use snowmelt::http::{CacheBody, CacheLayer, Query};
use snowmelt::{Cache, Invalidation};
use tower_layer::Layer;
use tower_service::Service;

use crate::support::{Calls, Function, Pages, soon};

const EVENTS: [(&str, &str); 5] = [
    ("apigw_v1", include_str!("../events/apigw_v1.json")),
    ("apigw_v2", include_str!("../events/apigw_v2.json")),
    ("function_url", include_str!("../events/function_url.json")),
    ("alb", include_str!("../events/alb.json")),
    ("alb_multi_value", include_str!("../events/alb_multi_value.json")),
];

/// A documented event, asked for with another method and without its body.
fn event(text: &str, method: &str) -> Value {
    let mut event: Value = serde_json::from_str(text).unwrap();
    if event["version"] == "2.0" {
        event["requestContext"]["http"]["method"] = method.into();
    } else {
        event["httpMethod"] = method.into();
    }
    if method != "POST" {
        event["body"] = Value::Null;
    }
    event
}

/// What the runtime would send back.
async fn invoke<S, R>(service: &S, event: &Value) -> Value
where
    S: Service<Request, Response = R, Error = Infallible, Future: Send> + Clone + Send + 'static,
    R: IntoResponse,
{
    let request: LambdaRequest = serde_json::from_str(&event.to_string()).unwrap();
    let call = Adapter::from(service.clone()).call(LambdaEvent::new(request, Context::default()));
    serde_json::to_value(soon(call).await.unwrap()).unwrap()
}

/// A header of an answer, in whatever form it has there.
fn header<'a>(answer: &'a Value, name: &str) -> &'a str {
    let single = answer["headers"][name].as_str();
    single.or_else(|| answer["multiValueHeaders"][name][0].as_str()).unwrap_or("none")
}

/// Says what it was called with, and how often it was.
fn pager()
-> impl Fn(Request) -> std::future::Ready<Result<Response<Body>, Infallible>> + Clone + Send + 'static {
    let calls = Calls::default();
    move |request| {
        let call = calls.next();
        let context = request.lambda_context_ref().is_some() && request.request_context_ref().is_some();
        let response = Response::builder()
            .header("cache-control", "public, max-age=60")
            .header("cache-tag", "page")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("content-type", "text/plain");
        let text = format!("call {call}, context {context}, {} bytes", request.body().as_ref().len());
        std::future::ready(Ok(response.body(Body::from(text)).unwrap()))
    }
}

#[tokio::test]
async fn every_kind_of_event_is_cached() {
    for (name, text) in EVENTS {
        let pages = Pages::new();
        // From these events `lambda_http` makes queries in any order.
        let service = pages.layer().query(Query::Sorted).build().unwrap().layer(Function(pager()));
        let get = event(text, "GET");
        let (first, second) = (invoke(&service, &get).await, invoke(&service, &get).await);
        for (answer, how) in [(&first, "miss"), (&second, "hit")] {
            assert_eq!(answer["statusCode"], 200, "{name}");
            assert_eq!(answer["body"], "call 1, context true, 0 bytes", "{name}");
            assert_eq!(answer["isBase64Encoded"], false, "{name}");
            assert_eq!(header(answer, "x-cache"), how, "{name}: {answer}");
        }
        assert!(first.to_string().contains("a=1") && !second.to_string().contains("a=1"), "{name}: {second}");

        let post = event(text, "POST");
        let sent = post["body"].as_str().map_or(0, str::len);
        let answer = invoke(&service, &post).await;
        assert_eq!(answer["body"], format!("call 2, context true, {sent} bytes"), "{name}");
        assert_eq!(header(&answer, "x-cache"), "bypass", "{name}");

        // Another query is another page.
        let mut other = get.clone();
        let field = if other["version"] == "2.0" { "rawQueryString" } else { "queryStringParameters" };
        other[field] = if field == "rawQueryString" { json!("page=2") } else { json!({ "page": "2" }) };
        if other["multiValueQueryStringParameters"].is_object() {
            other["multiValueQueryStringParameters"] = json!({ "page": ["2"] });
        }
        assert_eq!(header(&invoke(&service, &other).await, "x-cache"), "miss", "{name}");

        pages.cache.invalidate(Invalidation::tags(["page"])).await.unwrap();
        assert_eq!(header(&invoke(&service, &get).await, "x-cache"), "miss", "{name}");
    }
}

/// As AWS's guide has it: an axum application behind `lambda_http`.
#[tokio::test]
async fn an_axum_application_runs_on_lambda() {
    let calls = Calls::default();
    let cache: Cache<_> = Cache::builder().stream("none").build().unwrap();
    let counted = calls.clone();
    let page = move || {
        let call = counted.next();
        async move { ([("cache-control", "max-age=60"), ("content-type", "image/png")], format!("call {call}")) }
    };
    let app =
        Router::new().fallback(page).layer(CacheLayer::builder(cache).query(Query::Sorted).build().unwrap());
    for (name, text) in &EVENTS[1..4] {
        let get = event(text, "GET");
        for how in ["miss", "hit"] {
            let answer = invoke(&app, &get).await;
            assert_eq!(header(&answer, "x-cache"), how, "{name}: {answer}");
            assert_eq!(answer["isBase64Encoded"], true, "{name}: it is no text");
        }
    }
    assert_eq!(calls.count(), 3);
}

/// The same question by POST, with the body as a part of the key.
#[tokio::test]
async fn queries_by_post_are_cached_too() {
    let (pages, calls) = (Pages::new(), Calls::default());
    let counted = calls.clone();
    let handler = Function(move |request: http::Request<CacheBody<Body>>| {
        let call = counted.next();
        async move {
            let sent = request.into_body().collect().await.unwrap().to_bytes();
            let head = Response::builder().header("cache-control", "public, max-age=60");
            Ok::<_, Infallible>(
                head.body(format!("call {call}: {}", String::from_utf8_lossy(&sent))).unwrap(),
            )
        }
    });
    let service = pages.layer().methods(["POST"]).key_body(1000).build().unwrap().layer(handler);
    let mut post = event(EVENTS[1].1, "POST");
    for how in ["miss", "hit"] {
        let answer = invoke(&service, &post).await;
        assert_eq!((header(&answer, "x-cache"), &answer["body"]), (how, &json!("call 1: Hello from Lambda")));
    }
    post["body"] = json!("SGVsbG8=");
    post["isBase64Encoded"] = json!(true);
    assert_eq!(invoke(&service, &post).await["body"], "call 2: Hello");
}
