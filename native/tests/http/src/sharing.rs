//! Many requests, one call of the handler.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use snowmelt::http::{CacheLayer, CacheService, HttpResponse};
use snowmelt::{Cache, Invalidation};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tower_layer::Layer;
use tower_service::Service;

use crate::support::{Calls, Pages, Site, app, get, named, soon, with};

/// A page that says which call made it, once the gate is open.
fn page(
    calls: &Calls,
    gate: &Arc<Semaphore>,
) -> impl Fn(Request<Body>) -> PageFuture + Clone + Send + Sync + 'static {
    let (calls, gate) = (calls.clone(), Arc::clone(gate));
    move |_| {
        let (call, gate) = (calls.next(), Arc::clone(&gate));
        Box::pin(async move {
            let _pass = gate.acquire().await.unwrap();
            let headers = [("cache-control", "max-age=60"), ("cache-tag", "product:7 products")];
            (headers, format!("call {call}"))
        })
    }
}

type PageFuture = std::pin::Pin<Box<dyn Future<Output = ([(&'static str, &'static str); 2], String)> + Send>>;

/// Those without credentials wait for one of their own then, and do not all run the handler.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_in_vain_for_one_with_credentials_asks_again() {
    let (calls, gate) = (Calls::default(), Arc::new(Semaphore::new(0)));
    let (counted, open) = (calls.clone(), Arc::clone(&gate));
    let handler = move |request: Request<Body>| {
        let (call, gate) = (counted.next(), Arc::clone(&open));
        async move {
            let _pass = gate.acquire().await.unwrap();
            let known = request.headers().contains_key("cookie");
            format!("{} {call}", if known { "known" } else { "stranger" })
        }
    };
    let layer = Pages::new().layer().ttl(Duration::from_secs(60)).build().unwrap();
    let router = app(layer, handler);
    let ask = |request: Request<http_body_util::Full<bytes::Bytes>>| {
        let mut router = router.clone();
        tokio::spawn(async move {
            let response = router.call(named(request).map(Body::new)).await.unwrap();
            response.into_body().collect().await.unwrap().to_bytes()
        })
    };
    let known = || with(get("/"), "cookie", "session=1");
    let leader = ask(known());
    calls.reach(1).await;
    let others: Vec<_> = (0..20).map(|_| ask(get("/"))).chain([ask(known()), ask(known())]).collect();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(calls.count(), 1, "all wait");
    gate.add_permits(1000);
    assert_eq!(soon(leader).await.unwrap(), "known 1");
    let mut told = Vec::new();
    for other in others {
        told.push(String::from_utf8(soon(other).await.unwrap().to_vec()).unwrap());
    }
    assert_eq!(calls.count(), 4, "{told:?}");
    assert!(told[..20].iter().all(|text| text.starts_with("stranger") && *text == told[0]), "{told:?}");
    assert!(told[20..].iter().all(|text| text.starts_with("known")) && told[20] != told[21], "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_requests_make_one_call_and_an_invalidation_exactly_one_more() {
    let (calls, gate) = (Calls::default(), Arc::new(Semaphore::new(0)));
    let cache: Cache<HttpResponse> = Cache::builder().stream("memory:thousand").build().unwrap();
    let router = app(CacheLayer::new(cache.clone()), page(&calls, &gate));
    for round in 1..=2 {
        let thousand: Vec<_> = (0..1000)
            .map(|_| {
                let mut router = router.clone();
                tokio::spawn(async move {
                    let request = named(get("/products/7")).map(Body::new);
                    let response = router.call(request).await.unwrap();
                    let how = response.headers()["x-cache"].to_str().unwrap().to_owned();
                    (how, response.into_body().collect().await.unwrap().to_bytes())
                })
            })
            .collect();
        calls.reach(round).await;
        // All but one wait by now, or come later and find it.
        sleep(Duration::from_millis(200)).await;
        gate.add_permits(1000);
        let mut misses = 0;
        for request in thousand {
            let (how, body) = soon(request).await.unwrap();
            assert_eq!(body, format!("call {round}"));
            assert!(["miss", "coalesced", "hit"].contains(&how.as_str()), "{how}");
            misses += usize::from(how == "miss");
        }
        assert_eq!((calls.count(), misses), (round, 1), "round {round}");
        assert!(cache.stats().coalesced >= 900, "they did not wait for one load: {:?}", cache.stats());
        gate.forget_permits(usize::MAX);
        soon(async { cache.invalidate(Invalidation::tags(["product:7"])).await }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_share_a_call_too() {
    let (calls, gate) = (Calls::default(), Arc::new(Semaphore::new(0)));
    let pages = Pages::new();
    let site = Arc::new(Site::of(pages.layer().build().unwrap(), page(&calls, &gate)).await);
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let site = Arc::clone(&site);
            tokio::spawn(async move { site.get("/products/7").await })
        })
        .collect();
    calls.reach(1).await;
    sleep(Duration::from_millis(100)).await;
    gate.add_permits(1);
    for request in requests {
        assert_eq!(request.await.unwrap().text(), "call 1");
    }
    assert_eq!((calls.count(), site.get("/products/7").await.how()), (1, "hit"));
}

#[tokio::test]
async fn an_invalidation_elsewhere_drops_the_page_here() {
    let (calls, gate) = (Calls::default(), Arc::new(Semaphore::new(9)));
    let pages = Pages::new();
    let site = Site::of(pages.layer().build().unwrap(), page(&calls, &gate)).await;
    let elsewhere = pages.sibling();
    for (round, what) in [
        Invalidation::tags(["products"]),
        Invalidation::prefixes(["GET http://site.example/products/"]),
        Invalidation::from("GET http://site.example/products/7"),
        Invalidation::tags(["product:8"]),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = site.get("/products/7").await;
        assert_eq!((answer.text(), answer.how()), (format!("call {}", round + 1).as_str(), "miss"));
        assert_eq!(answer.header("cache-tag"), None, "tags name what lies behind");
        assert_eq!(site.get("/products/7").await.how(), "hit");
        soon(async { elsewhere.invalidate(what).await }).await.unwrap();
        pages.pass(2);
    }
    assert_eq!(site.get("/products/7").await.how(), "hit", "the last one named another product");
}

/// stampede's first caller takes everybody with it.
#[tokio::test]
async fn the_first_client_may_go_away() {
    let (calls, gate) = (Calls::default(), Arc::new(Semaphore::new(0)));
    let pages = Pages::new();
    let site = Arc::new(Site::of(pages.layer().build().unwrap(), page(&calls, &gate)).await);
    let mut first = site.connect().await;
    let request = tokio::spawn(async move { first.send_request(named(get("/slow"))).await });
    calls.reach(1).await;
    let second = {
        let site = Arc::clone(&site);
        tokio::spawn(async move { site.get("/slow").await })
    };
    sleep(Duration::from_millis(50)).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled(), "its connection is closed");
    sleep(Duration::from_millis(50)).await;
    gate.add_permits(1);
    let answer = soon(second).await.unwrap();
    assert_eq!((answer.text(), answer.how(), calls.count()), ("call 1", "coalesced", 1));
    assert_eq!(site.get("/slow").await.how(), "hit");
}

#[tokio::test]
async fn a_client_that_goes_away_alone_leaves_a_page_behind() {
    let (calls, gate) = (Calls::default(), Arc::new(Semaphore::new(0)));
    let pages = Pages::new();
    let mut router = app(pages.layer().build().unwrap(), page(&calls, &gate));
    let only = tokio::spawn(router.call(named(get("/slow")).map(Body::new)));
    calls.reach(1).await;
    only.abort();
    assert!(only.await.is_err());
    gate.add_permits(1);
    soon(async {
        while pages.cache.is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let response = router.call(named(get("/slow")).map(Body::new)).await.unwrap();
    assert_eq!(response.headers()["x-cache"], "hit");
}

/// A service that is ready once only, and counts its clones.
#[derive(Debug)]
struct Picky {
    ready: bool,
    calls: Calls,
}

impl Clone for Picky {
    fn clone(&self) -> Self {
        Self { ready: false, calls: self.calls.clone() }
    }
}

impl Service<Request<Body>> for Picky {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        self.ready = true;
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called before it was ready");
        let call = self.calls.next();
        let response = Response::builder().header("cache-control", "max-age=60");
        std::future::ready(Ok(response.body(Body::from(format!("call {call}"))).unwrap()))
    }
}

#[tokio::test]
async fn the_service_within_is_asked_whether_it_is_ready() {
    let calls = Calls::default();
    let pages = Pages::new();
    let layer = pages.layer().build().unwrap();
    let mut service: CacheService<Picky> = layer.layer(Picky { ready: false, calls: calls.clone() });
    for (method, path) in [("GET", "/a"), ("GET", "/a"), ("POST", "/a"), ("HEAD", "/b")] {
        let request = crate::support::request(method, path);
        service.call(named(request).map(Body::new)).await.unwrap();
    }
    assert_eq!(calls.count(), 3);
}
