//! A handler that fails, panics, or makes what cannot be shared: its own request bears it, the others
//! run the handler themselves.

use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower_layer::Layer;
use tower_service::Service;

use crate::support::{Answer, Calls, Function, Pages, Site, get, named, soon};

const MINUTE: [(&str, &str); 1] = [("cache-control", "max-age=60")];

/// The first call takes a moment.
async fn first_is_slow(call: usize) {
    if call == 1 {
        sleep(Duration::from_millis(100)).await;
    }
}

/// Three requests: one runs the handler, the others wait for it.
async fn three(site: &Site, calls: &Calls) -> Vec<JoinHandle<hyper::Result<Answer>>> {
    let mut three = Vec::new();
    for _ in 0..3 {
        let mut connection = site.connect().await;
        three.push(tokio::spawn(async move {
            let (parts, body) = connection.send_request(named(get("/"))).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        }));
        calls.reach(1).await;
    }
    three
}

/// Whose first call panics.
fn panicky(calls: &Calls) -> impl Fn(Request<Body>) -> Page + Clone + Send + Sync + 'static {
    let calls = calls.clone();
    move |_| {
        let call = calls.next();
        Box::pin(async move {
            first_is_slow(call).await;
            assert_ne!(call, 1, "the first call panics: this is meant to happen");
            (MINUTE, format!("call {call}"))
        })
    }
}

type Page = Pin<Box<dyn Future<Output = ([(&'static str, &'static str); 1], String)> + Send>>;

#[tokio::test]
async fn a_panic_is_its_own_requests() {
    let bare = Site::start(Router::new().fallback(panicky(&Calls::default()))).await;
    let expected = bare.try_send(get("/")).await.expect_err("axum closes the connection");
    assert!(expected.is_incomplete_message(), "{expected}");

    let (calls, pages) = (Calls::default(), Pages::new());
    let site = Site::of(pages.layer().build().unwrap(), panicky(&calls)).await;
    let mut ends = Vec::new();
    for request in three(&site, &calls).await {
        ends.push(soon(request).await.unwrap());
    }
    let panicked = ends.remove(0).expect_err("as without the layer");
    assert!(panicked.is_incomplete_message(), "{panicked}");
    for answer in ends {
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.how()), (StatusCode::OK, "miss"));
        assert_eq!(answer.header("cache-status"), Some("Snowmelt; fwd=miss; detail=failed"));
    }
    assert_eq!((calls.count(), pages.cache.len()), (3, 0));
    assert_eq!(site.get("/").await.how(), "miss");
    assert_eq!((site.get("/").await.how(), calls.count()), ("hit", 4));
}

#[tokio::test]
async fn an_error_is_its_own_requests() {
    let (calls, pages) = (Calls::default(), Pages::new());
    let handler = {
        let calls = calls.clone();
        Function(move |_: Request<Full<Bytes>>| {
            let call = calls.next();
            async move {
                first_is_slow(call).await;
                if call == 1 {
                    return Err("no database".to_owned());
                }
                let response = Response::builder().header("cache-control", "max-age=60");
                Ok(response.body(Full::new(Bytes::from("page"))).unwrap())
            }
        })
    };
    let service = pages.layer().build().unwrap().layer(handler);
    let mut requests = Vec::new();
    for _ in 0..3 {
        let mut service = service.clone();
        requests.push(tokio::spawn(async move { service.call(named(get("/"))).await }));
        calls.reach(1).await;
    }
    let mut ends = Vec::new();
    for request in requests {
        ends.push(soon(request).await.unwrap());
    }
    assert_eq!(ends.remove(0).unwrap_err(), "no database");
    assert!(ends.iter().all(|end| end.as_ref().is_ok_and(|response| response.status() == StatusCode::OK)));
    assert_eq!((calls.count(), pages.cache.len()), (3, 0));
}

#[tokio::test]
async fn a_service_that_does_not_become_ready_fails_requests_that_need_it() {
    #[derive(Clone)]
    struct Broken;
    impl Service<Request<Full<Bytes>>> for Broken {
        type Response = Response<Full<Bytes>>;
        type Error = &'static str;
        type Future = std::future::Pending<Result<Self::Response, Self::Error>>;
        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
            std::task::Poll::Ready(Err("closed"))
        }
        fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
            unreachable!("it is not ready")
        }
    }
    let pages = Pages::new();
    let mut service = pages.layer().build().unwrap().layer(Broken);
    for method in ["GET", "POST"] {
        let request = named(crate::support::request(method, "/"));
        assert_eq!(soon(service.call(request)).await.unwrap_err(), "closed");
    }
}

/// Nobody waits twice for what is not shared, and everybody gets a response of their own.
#[tokio::test]
async fn who_waited_for_what_is_not_shared_runs_the_handler() {
    for (status, control, detail) in
        [(200, "no-store", "no-store"), (200, "private", "private"), (503, "max-age=60", "server-error")]
    {
        let (calls, pages) = (Calls::default(), Pages::new());
        let handler = {
            let calls = calls.clone();
            move |_: Request<Body>| {
                let call = calls.next();
                async move {
                    first_is_slow(call).await;
                    (
                        StatusCode::from_u16(status).unwrap(),
                        [("cache-control", control)],
                        format!("call {call}"),
                    )
                }
            }
        };
        let site = Site::of(pages.layer().build().unwrap(), handler).await;
        let mut texts = Vec::new();
        for request in three(&site, &calls).await {
            let answer = soon(request).await.unwrap().unwrap();
            assert_eq!((answer.status.as_u16(), answer.how()), (status, "miss"));
            assert_eq!(
                answer.header("cache-status").unwrap(),
                format!("Snowmelt; fwd=miss; detail={detail}")
            );
            texts.push(answer.text().to_owned());
        }
        texts.sort_unstable();
        assert_eq!(texts, ["call 1", "call 2", "call 3"]);
        assert_eq!(pages.cache.len(), 0);
    }
}
