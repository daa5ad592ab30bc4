//! Which requests share a page.

use std::future::{Ready, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::OriginalUri;
use axum::routing::get as on_get;
use http::Request;

use crate::support::{Answer, Calls, Pages, Site, get, request, with};

const HOUR: [(&str, &str); 1] = [("cache-control", "max-age=3600")];

type Page = ([(&'static str, &'static str); 1], String);

/// Says what it was asked.
fn echo(calls: &Calls) -> impl Fn(Request<Body>) -> Ready<Page> + Clone + Send + Sync + 'static {
    let calls = calls.clone();
    move |request| {
        calls.next();
        let host = request.headers().get("host").map_or("", |host| host.to_str().unwrap());
        ready((HOUR, format!("{} {host}{}", request.method(), request.uri())))
    }
}

async fn site(calls: &Calls) -> Site {
    Site::of(Pages::new().layer().build().unwrap(), echo(calls)).await
}

/// stampede hashes the path only, in lower case.
#[tokio::test]
async fn queries_do_not_collide() {
    let calls = Calls::default();
    let site = site(&calls).await;
    let paths = [
        "/items?page=1",
        "/items?page=2",
        "/items",
        "/items?",
        "/Items",
        "/items/",
        "/items?PAGE=1",
        "/items?a=1&b=2",
        "/items?b=2&a=1",
    ];
    for how in ["miss", "hit"] {
        for path in paths {
            let answer = site.get(path).await;
            assert_eq!((answer.text(), answer.how()), (format!("GET site.example{path}").as_str(), how));
        }
    }
    assert_eq!(calls.count(), paths.len());
}

/// And it knows no methods.
#[tokio::test]
async fn methods_do_not_collide() {
    let calls = Calls::default();
    let site = site(&calls).await;
    for round in 0..2 {
        for (method, how) in [
            ("GET", ["miss", "hit"]),
            ("POST", ["bypass"; 2]),
            ("PUT", ["bypass"; 2]),
            ("DELETE", ["bypass"; 2]),
        ] {
            let answer = site.send(request(method, "/items")).await;
            assert_eq!(
                (answer.text(), answer.how()),
                (format!("{method} site.example/items").as_str(), how[round])
            );
        }
    }
    assert_eq!(calls.count(), 1 + 2 * 3);
}

#[tokio::test]
async fn hosts_do_not_collide_and_none_is_made_up() {
    let calls = Calls::default();
    let site = site(&calls).await;
    let ask = async |host: &str| site.send(with(get("/"), "host", host)).await;
    for host in ["one.example", "two.example", "one.example:8080"] {
        assert_eq!(ask(host).await.text(), format!("GET {host}/"));
        assert_eq!(ask(host).await.how(), "hit");
    }
    assert_eq!(ask("ONE.example").await.how(), "hit", "a host is the same in any case");

    // A page that was made for one host must not be stored as another's.
    let poison = Request::builder().uri("http://one.example/").header("host", "evil.example");
    let answer: Answer = site.send(poison.body(http_body_util::Full::default()).unwrap()).await;
    assert_eq!(answer.how(), "bypass");
    let twice = with(with(get("/"), "host", "one.example"), "host", "evil.example");
    assert_ne!(site.try_send(twice).await.map_or("refused".into(), |answer| answer.how().to_owned()), "hit");
    assert_eq!(ask("one.example").await.text(), "GET one.example/");
}

/// axum's `nest` cuts the path before a layer within sees it.
#[tokio::test]
async fn nested_routers_need_the_uri_that_was_sent() {
    let pages = Pages::new();
    let layer = pages
        .layer()
        .uri(|request| request.extensions.get::<OriginalUri>().map(|uri| uri.0.clone()))
        .build()
        .unwrap();
    let part = |name: &'static str| {
        Router::new().route("/items", on_get(move || async move { (HOUR, name) })).layer(layer.clone())
    };
    let inner = Site::start(Router::new().nest("/a", part("a")).nest("/b", part("b"))).await;
    // Around them it needs nothing.
    let part =
        |name: &'static str| Router::new().route("/items", on_get(move || async move { (HOUR, name) }));
    let outer = Router::new()
        .nest("/a", part("a"))
        .nest("/b", part("b"))
        .layer(Pages::new().layer().build().unwrap());
    let outer = Site::start(outer).await;
    for site in [inner, outer] {
        for how in ["miss", "hit"] {
            for (path, text) in [("/a/items", "a"), ("/b/items", "b")] {
                let answer = site.get(path).await;
                assert_eq!((answer.text(), answer.how()), (text, how));
            }
        }
    }
}
