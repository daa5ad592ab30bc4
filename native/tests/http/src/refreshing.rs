//! Old pages: while they are refreshed, and where they cannot be.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use snowmelt::Refreshing;
use snowmelt::http::CacheLayer;
use tokio::time::sleep;

use crate::support::{Calls, Pages, Site, get, request, soon, with};

/// What a call does.
#[derive(Clone, Copy)]
enum Does {
    Well,
    Fail,
    Panic,
    /// It takes 300 ms.
    Slowly,
    PassOn,
}

/// A page of which each call does what the script says, the last one for ever.
async fn scripted(layer: CacheLayer, control: &'static str, script: &'static [Does]) -> (Arc<Site>, Calls) {
    let calls = Calls::default();
    let counted = calls.clone();
    let handler = move |_: Request<Body>| {
        let call = counted.next();
        let does = script[(call - 1).min(script.len() - 1)];
        async move {
            let (status, control) = match does {
                Does::Well => (StatusCode::OK, control),
                Does::Fail => (StatusCode::BAD_GATEWAY, "no-store"),
                Does::Panic => panic!("this call panics: it is meant to"),
                Does::Slowly => {
                    sleep(Duration::from_millis(300)).await;
                    (StatusCode::OK, control)
                }
                Does::PassOn => (StatusCode::OK, "no-store"),
            };
            (status, [("cache-control", control), ("cache-tag", "page")], format!("call {call}"))
        }
    };
    (Arc::new(Site::of(layer, handler).await), calls)
}

#[tokio::test]
async fn one_request_refreshes_and_the_others_get_the_old_page() {
    let pages = Pages::new();
    let layer = pages.layer().build().unwrap();
    let (site, calls) =
        scripted(layer, "max-age=5, stale-while-revalidate=60", &[Does::Well, Does::Slowly]).await;
    site.get("/").await;
    pages.pass(6);
    let refresher = {
        let site = Arc::clone(&site);
        tokio::spawn(async move { site.get("/").await })
    };
    calls.reach(2).await;
    for _ in 0..5 {
        let answer = site.get("/").await;
        assert_eq!((answer.text(), answer.how(), answer.header("age")), ("call 1", "stale", Some("6")));
    }
    // Without a hook the one that refreshes waits: nothing is left behind for a freeze.
    let answer = soon(refresher).await.unwrap();
    assert_eq!((answer.text(), answer.how()), ("call 2", "miss"));
    assert_eq!((site.get("/").await.text(), calls.count()), ("call 2", 2));
}

#[tokio::test]
async fn with_a_hook_nobody_waits() {
    let refreshes: Arc<Mutex<Vec<Refreshing>>> = Arc::default();
    let kept = Arc::clone(&refreshes);
    let pages = Pages::with(|builder| {
        builder
            .stale_while_revalidate(Duration::from_secs(60))
            .wait_until(move |refresh| kept.lock().unwrap().push(refresh))
    });
    let layer = pages.layer().build().unwrap();
    let (site, calls) = scripted(layer, "max-age=5", &[Does::Well, Does::Slowly]).await;
    site.get("/").await;
    pages.pass(6);
    let answer = site.get("/").await;
    assert_eq!((answer.text(), answer.how()), ("call 1", "stale"), "the layer's window is the cache's");
    let refresh = refreshes.lock().unwrap().pop().expect("the hook was told");
    soon(refresh).await;
    assert_eq!((site.get("/").await.text(), calls.count()), ("call 2", 2));
}

/// The one that refreshes in the background may be of another variant than the page it found.
#[tokio::test]
async fn a_refresh_in_the_background_is_never_answered_with_another_variant() {
    let pages =
        Pages::with(|builder| builder.stale_while_revalidate(Duration::from_secs(60)).wait_until(drop));
    let handler = |request: Request<Body>| async move {
        let language = request.headers()["accept-language"].to_str().unwrap().to_owned();
        ([("cache-control", "max-age=5"), ("vary", "accept-language")], language)
    };
    let site = Site::of(pages.layer().build().unwrap(), handler).await;
    for _ in 0..4 {
        for language in ["de", "fr", "fr", "en", "de"] {
            let answer = site.send(with(get("/"), "accept-language", language)).await;
            assert_eq!(answer.text(), language);
        }
        pages.pass(6);
    }
}

#[tokio::test]
async fn an_old_page_stands_in_for_a_failure() {
    for (does, what) in [(Does::Fail, "a 502"), (Does::Panic, "a panic")] {
        let pages = Pages::new();
        let layer = pages.layer().stale_if_error(Duration::from_secs(60)).build().unwrap();
        let script: &'static [Does] = match does {
            Does::Fail => &[Does::Well, Does::Fail],
            _ => &[Does::Well, Does::Panic],
        };
        let (site, calls) = scripted(layer, "max-age=5", script).await;
        site.get("/").await;
        pages.pass(6);
        for call in 2..=3 {
            let answer = site.get("/").await;
            assert_eq!((answer.text(), answer.how(), calls.count()), ("call 1", "stale", call), "{what}");
        }
        // An invalidated page stands in for nothing.
        pages.cache.invalidate(snowmelt::Invalidation::tags(["page"])).await.unwrap();
        let failed = site.try_send(get("/")).await;
        assert!(failed.is_err() || failed.unwrap().status == StatusCode::BAD_GATEWAY, "{what}");
    }
}

#[tokio::test]
async fn the_windows_are_the_caches_unless_others_are_given() {
    for (layer, how) in [
        (CacheLayer::new as fn(_) -> _, "stale"),
        (|cache| CacheLayer::builder(cache).build().unwrap(), "stale"),
        (|cache| CacheLayer::builder(cache).stale_if_error(Duration::ZERO).build().unwrap(), "miss"),
    ] {
        let pages = Pages::with(|builder| builder.stale_if_error(Duration::from_secs(60)));
        let (site, _) = scripted(layer(pages.cache.clone()), "max-age=5", &[Does::Well, Does::Fail]).await;
        site.get("/").await;
        pages.pass(6);
        assert_eq!(site.get("/").await.how(), how);
    }
}

/// A response that is merely not shared is no failure: its client is to get it.
#[tokio::test]
async fn an_old_page_stands_in_for_nothing_else() {
    let pages = Pages::new();
    let layer = pages.layer().stale_if_error(Duration::from_secs(60)).build().unwrap();
    let (site, _) = scripted(layer, "max-age=5", &[Does::Well, Does::PassOn]).await;
    site.get("/").await;
    pages.pass(6);
    assert_eq!((site.get("/").await.text(), site.get("/").await.text()), ("call 2", "call 3"));
}

/// What is for nobody else any more is not served in its old form either, for as long as the window is.
#[tokio::test]
async fn an_old_page_goes_when_the_new_one_is_not_shared() {
    for hook in [false, true] {
        let refreshes: Arc<Mutex<Vec<Refreshing>>> = Arc::default();
        let kept = Arc::clone(&refreshes);
        let pages = Pages::with(|builder| {
            if hook { builder.wait_until(move |refresh| kept.lock().unwrap().push(refresh)) } else { builder }
        });
        let layer = pages.layer().build().unwrap();
        let control = "max-age=5, stale-while-revalidate=3600, stale-if-error=3600";
        let (site, _) = scripted(layer, control, &[Does::Well, Does::PassOn, Does::PassOn, Does::Fail]).await;
        site.get("/").await;
        pages.pass(6);
        let text = if hook { "call 1" } else { "call 2" };
        assert_eq!(site.get("/").await.text(), text);
        let refresh = refreshes.lock().unwrap().pop();
        if let Some(refresh) = refresh {
            soon(refresh).await;
        }
        assert_eq!(site.get("/").await.text(), "call 3");
        assert_eq!(site.get("/").await.status, StatusCode::BAD_GATEWAY);
    }
}

#[tokio::test]
async fn waiters_are_rescued_too() {
    let pages = Pages::new();
    let layer = pages.layer().stale_if_error(Duration::from_secs(60)).build().unwrap();
    let calls = Calls::default();
    let counted = calls.clone();
    let handler = move |_: Request<Body>| {
        let call = counted.next();
        async move {
            if call == 1 {
                return (StatusCode::OK, [("cache-control", "max-age=5")], "page");
            }
            sleep(Duration::from_millis(200)).await;
            (StatusCode::INTERNAL_SERVER_ERROR, [("cache-control", "no-store")], "failed")
        }
    };
    let site = Arc::new(Site::of(layer, handler).await);
    site.get("/").await;
    pages.pass(6);
    let requests: Vec<_> = (0..10)
        .map(|_| {
            let site = Arc::clone(&site);
            tokio::spawn(async move { site.get("/").await })
        })
        .collect();
    for request in requests {
        let answer = request.await.unwrap();
        assert_eq!((answer.text(), answer.how()), ("page", "stale"));
    }
    assert!(calls.count() < 11, "each of them ran the handler");
}

#[tokio::test]
async fn a_slow_refresh_is_not_waited_for_longer_than_is_said() {
    let pages = Pages::with(|builder| builder.soft_load_timeout(Duration::from_millis(50)));
    let layer = pages.layer().stale_if_error(Duration::from_secs(60)).build().unwrap();
    let (site, calls) = scripted(layer, "max-age=5", &[Does::Well, Does::Slowly]).await;
    site.get("/").await;
    pages.pass(6);
    let answer = site.get("/").await;
    assert_eq!((answer.text(), answer.how()), ("call 1", "stale"));
    soon(async {
        while site.get("/").await.text() != "call 2" {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(calls.count(), 2, "it went on");
}

#[tokio::test]
async fn an_unsafe_request_invalidates_its_url_if_that_is_asked_for() {
    for (on, how) in [(true, "miss"), (false, "hit")] {
        let pages = Pages::new();
        let (elsewhere, layer) = (pages.sibling(), pages.layer().invalidate_unsafe(on).build().unwrap());
        let (site, _) = scripted(layer, "max-age=60", &[Does::Well]).await;
        site.get("/page?a=1").await;
        elsewhere.insert("GET http://site.example/page?a=1", stored(&pages)).unwrap();
        assert_eq!(site.send(request("PUT", "/page?a=1")).await.how(), "bypass");
        assert_eq!(site.get("/page?a=1").await.how(), how);
        soon(elsewhere.catch_up()).await.unwrap();
        assert_eq!(elsewhere.is_empty(), on, "the stream carries it");
    }
}

fn stored(pages: &Pages) -> snowmelt::http::HttpResponse {
    let key = pages.cache.keys().pop().expect("one page");
    pages.cache.peek(key).unwrap()
}
