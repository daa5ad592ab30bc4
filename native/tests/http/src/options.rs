//! The layer's options, as far as they are this crate's and not the policy's.

use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use snowmelt::http::{CacheLayer, Ttl};
use tokio::time::sleep;

use crate::support::{Calls, Pages, Site, get, request, with};

/// Pages that say nothing of how long they may be kept, and count their calls.
fn silent(
    calls: &Calls,
) -> impl Fn(Request<Body>) -> std::future::Ready<(StatusCode, String)> + Clone + Send + Sync + 'static {
    let calls = calls.clone();
    move |request| {
        let status = request.uri().path()[1..].parse().unwrap_or(StatusCode::OK);
        std::future::ready((status, format!("call {}", calls.next())))
    }
}

#[tokio::test]
async fn a_time_to_live_is_for_those_who_say_none() {
    let (pages, calls) = (Pages::new(), Calls::default());
    let site = Site::of(CacheLayer::new(pages.cache.clone()), silent(&calls)).await;
    assert_eq!((site.get("/").await.how(), site.get("/").await.how()), ("miss", "miss"), "none is made up");

    let ttl =
        Ttl::of(Duration::from_secs(10)).status(404, Duration::from_secs(2)).status(410, Duration::ZERO);
    let site = Site::of(pages.layer().ttl(ttl).build().unwrap(), silent(&calls)).await;
    for path in ["/200", "/404", "/410", "/500", "/429"] {
        site.get(path).await;
    }
    let hows = async || {
        let mut hows = Vec::new();
        for path in ["/200", "/404", "/410", "/500", "/429"] {
            hows.push(site.send(with(get(path), "cache-control", "only-if-cached")).await.status.as_u16());
        }
        hows
    };
    assert_eq!(hows().await, [200, 404, 504, 504, 504]);
    pages.pass(3);
    assert_eq!(hows().await, [200, 504, 504, 504, 504]);
}

#[tokio::test]
async fn a_function_may_give_the_time_to_live() {
    let calls = Calls::default();
    let layer = Pages::new()
        .layer()
        .ttl(Duration::from_secs(10))
        .ttl_by(|status, headers| {
            assert!(headers.contains_key("content-type"));
            (status == StatusCode::TOO_MANY_REQUESTS).then_some(Duration::from_secs(5))
        })
        .build()
        .unwrap();
    let site = Site::of(layer, silent(&calls)).await;
    for (path, how) in [("/429", "hit"), ("/200", "hit"), ("/403", "miss")] {
        site.get(path).await;
        assert_eq!(site.get(path).await.how(), how, "{path}");
    }
}

#[tokio::test]
async fn what_is_skipped_goes_to_the_handler() {
    let calls = Calls::default();
    let layer = Pages::new()
        .layer()
        .ttl(Duration::from_secs(10))
        .skip(|request| request.uri.path().starts_with("/admin"))
        .build()
        .unwrap();
    let site = Site::of(layer, silent(&calls)).await;
    for _ in 0..2 {
        let answer = site.get("/admin/users").await;
        assert_eq!(answer.header("cache-status"), Some("Snowmelt; fwd=bypass; detail=skipped"));
        assert_eq!(answer.how(), "bypass");
    }
    assert_eq!((site.get("/").await.how(), site.get("/").await.how(), calls.count()), ("miss", "hit", 3));
}

#[tokio::test]
async fn a_key_of_ones_own_keeps_tenants_apart() {
    let (pages, calls) = (Pages::new(), Calls::default());
    let tenant =
        |request: &http::request::Parts| Some(request.headers.get("x-tenant")?.to_str().ok()?.to_owned());
    let layer = pages.layer().ttl(Duration::from_secs(10)).key(tenant).build().unwrap();
    let site = Site::of(layer, silent(&calls)).await;
    let ask = async |tenant: &str| site.send(with(get("/"), "x-tenant", tenant)).await;
    let texts = [ask("a").await, ask("b").await, ask("").await, site.get("/").await];
    let texts: Vec<_> = texts.iter().map(|answer| answer.text().to_owned()).collect();
    assert_eq!(texts, ["call 1", "call 2", "call 3", "call 4"]);
    assert_eq!((ask("a").await.text(), ask("b").await.text()), ("call 1", "call 2"));
    let mut keys = pages.cache.keys();
    keys.sort_unstable();
    assert_eq!(keys.last().map(String::as_str), Some("GET http://site.example/#c:b"), "they can be read");
}

#[tokio::test]
async fn coalesced_only() {
    let (pages, calls) = (Pages::new(), Calls::default());
    let counted = calls.clone();
    let handler = move |_: Request<Body>| {
        let call = counted.next();
        async move {
            sleep(Duration::from_millis(100)).await;
            format!("call {call}")
        }
    };
    let site =
        std::sync::Arc::new(Site::of(pages.layer().coalesce_only(true).build().unwrap(), handler).await);
    for round in 1..=2 {
        let requests: Vec<_> = (0..10)
            .map(|_| {
                let site = std::sync::Arc::clone(&site);
                tokio::spawn(async move { site.get("/").await })
            })
            .collect();
        let mut hows = Vec::new();
        for request in requests {
            let answer = request.await.unwrap();
            hows.push(answer.how().to_owned());
            assert_eq!(answer.text(), format!("call {round}"));
        }
        hows.sort_unstable();
        assert_eq!(
            (hows[0].as_str(), hows[8].as_str(), hows[9].as_str()),
            ("coalesced", "coalesced", "miss")
        );
        assert_eq!((calls.count(), pages.cache.len()), (round, 0));
    }
}

/// Says what it was sent, and how often it was called.
fn reader()
-> impl Fn(Request<Body>) -> Pin<Box<dyn Future<Output = String> + Send>> + Clone + Send + Sync + 'static {
    let calls = Calls::default();
    move |request| {
        let call = calls.next();
        Box::pin(async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let start = String::from_utf8_lossy(&body[..body.len().min(8)]).into_owned();
            format!("call {call}: {} bytes, {start}", body.len())
        })
    }
}

/// Queries that are sent by POST. The handler gets the whole body in any case.
#[tokio::test]
async fn a_body_may_be_a_part_of_the_key() {
    let pages = Pages::new();
    let layer =
        pages.layer().methods(["GET", "POST"]).key_body(1000).ttl(Duration::from_secs(10)).build().unwrap();
    let site = Site::start(Router::new().fallback(reader()).layer(layer)).await;
    let ask = async |body: String| {
        let mut asked = request("POST", "/search");
        *asked.body_mut() = Full::new(Bytes::from(body));
        site.send(asked).await
    };
    for how in ["miss", "hit"] {
        for (body, text) in
            [("{\"q\":1}", "call 1: 7 bytes, {\"q\":1}"), ("{\"q\":2}", "call 2: 7 bytes, {\"q\":2}")]
        {
            let answer = ask(body.into()).await;
            assert_eq!((answer.text(), answer.how()), (text, how));
        }
    }
    assert_eq!(ask(String::new()).await.text(), "call 3: 0 bytes, ");
    // Too long for a key: the handler's alone, and whole.
    for call in 4..=5 {
        let answer = ask("y".repeat(300_000)).await;
        assert_eq!(
            (answer.text(), answer.how()),
            (format!("call {call}: 300000 bytes, yyyyyyyy").as_str(), "bypass")
        );
    }
    assert_eq!((site.get("/search").await.how(), site.get("/search").await.how()), ("miss", "hit"));
    let told = ask(" ".repeat(1000)).await;
    assert_eq!(told.how(), "miss", "as long as it may be");
}

/// A body whose length nobody says is read up to the cap, and goes on from there.
#[tokio::test]
async fn a_body_of_unknown_length_reaches_the_handler_whole() {
    use tower_layer::Layer;
    use tower_service::Service;
    let pages = Pages::new();
    let handler = crate::support::Function(|request: Request<snowmelt::http::CacheBody<Body>>| async {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let head = http::Response::builder().header("cache-control", "public, max-age=60");
        Ok::<_, std::convert::Infallible>(head.body(Full::new(body)).unwrap())
    });
    let layer = pages.layer().methods(["POST"]).key_body(1000).build().unwrap();
    let mut service = layer.layer(handler);
    for (chunks, hows) in [(9, ["miss", "hit"]), (300, ["bypass", "bypass"])] {
        for how in hows {
            let (send, receive) = tokio::sync::mpsc::channel(chunks);
            for _ in 0..chunks {
                send.try_send(Bytes::from_static(b"0123456789")).unwrap();
            }
            drop(send);
            let body = Body::new(Chunked(receive));
            let asked = Request::builder().method("POST").uri("/").header("host", "x").body(body).unwrap();
            let response = service.call(asked).await.unwrap();
            assert_eq!(response.headers()["x-cache"], how);
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "0123456789".repeat(chunks));
        }
    }
}

struct Chunked(tokio::sync::mpsc::Receiver<Bytes>);

impl http_body::Body for Chunked {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| Ok(http_body::Frame::data(chunk))))
    }
}

/// Of two layers on one cache the inner one would wait for the load it is a part of.
#[tokio::test]
async fn a_layer_within_a_layer_is_no_deadlock() {
    let (pages, calls) = (Pages::new(), Calls::default());
    let layer = pages.layer().ttl(Duration::from_secs(10)).build().unwrap();
    let app = Router::new().fallback(silent(&calls)).layer(layer.clone()).layer(layer);
    let site = Site::start(app).await;
    for (path, how) in [("/", "miss"), ("/", "hit")] {
        let answer = site.get(path).await;
        assert_eq!((answer.how(), answer.headers.get_all("x-cache").iter().count()), (how, 1));
    }
    assert_eq!((site.send(request("POST", "/")).await.how(), calls.count()), ("bypass", 2));
}

#[tokio::test]
async fn pages_weigh_what_they_take() {
    let pages = Pages::with(|builder| builder.max_weight(100_000).segments(1));
    let handler = |_: Request<Body>| async { ([("cache-control", "max-age=60")], "x".repeat(10_000)) };
    let site = Site::of(pages.layer().build().unwrap(), handler).await;
    for page in 0..50 {
        site.get(&format!("/{page}")).await;
        assert!(pages.cache.weight() <= 100_000);
    }
    assert!((5..10).contains(&pages.cache.len()), "{} pages of 10 kB in 100 kB", pages.cache.len());
}

/// Nobody has to think of it.
#[tokio::test]
async fn pages_are_bounded_by_default() {
    let pages = Pages::with(|builder| builder.segments(1));
    let handler = |_: Request<Body>| async { ([("cache-control", "max-age=60")], "x".repeat(1 << 20)) };
    let site = Site::of(pages.layer().build().unwrap(), handler).await;
    for page in 0..80 {
        site.get(&format!("/{page}")).await;
    }
    assert!((60..64).contains(&pages.cache.len()), "{} pages of 1 MiB in 64 MiB", pages.cache.len());
    assert!(pages.cache.weight() <= 64 << 20);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_name() {
    let builder = || Pages::new().layer();
    for (built, expected) in [
        (
            builder().methods(["DELETE"]).build(),
            "option `methods` is \"DELETE\": only GET, HEAD, POST and QUERY",
        ),
        (builder().methods(["POST"]).build(), "set `key_body`"),
        (builder().key_headers(["no header"]).build(), "option `key_headers` is \"no header\""),
    ] {
        let error = built.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
