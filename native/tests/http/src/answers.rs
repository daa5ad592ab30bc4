//! What clients get: the policy's headers, on the wire.

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, StatusCode};

use crate::support::{Calls, Pages, Site, get, request, with};

const MINUTE: [(&str, &str); 1] = [("cache-control", "max-age=60")];

/// Pages that count their calls.
async fn counting(pages: &Pages, headers: &'static [(&'static str, &'static str)]) -> (Site, Calls) {
    let calls = Calls::default();
    let counted = calls.clone();
    let handler = move |_: Request<Body>| {
        let call = counted.next();
        let mut response = http::Response::new(Body::from(format!("call {call}")));
        for (name, value) in headers {
            response.headers_mut().append(*name, value.parse().unwrap());
        }
        std::future::ready(response)
    };
    (Site::of(pages.layer().build().unwrap(), handler).await, calls)
}

#[tokio::test]
async fn an_answer_says_how_it_came_about() {
    let pages = Pages::new();
    let (site, _) = counting(&pages, &[("cache-control", "max-age=60"), ("x-own", "kept")]).await;
    let first = site.get("/").await;
    assert_eq!((first.how(), first.header("age"), first.header("x-own")), ("miss", None, Some("kept")));
    assert_eq!(first.header("cache-status"), Some("Snowmelt; fwd=miss; stored; ttl=60"));
    pages.pass(7);
    let second = site.get("/").await;
    assert_eq!((second.how(), second.header("age"), second.text()), ("hit", Some("7"), "call 1"));
    assert_eq!(second.header("cache-status"), Some("Snowmelt; hit; ttl=53"));
    assert_eq!((second.header("etag"), second.header("date")), (first.header("etag"), first.header("date")));
    assert!(first.header("etag").is_some_and(|etag| etag.starts_with("W/\"")));
    pages.pass(54);
    assert_eq!(site.get("/").await.text(), "call 2", "its time is over");
}

#[tokio::test]
async fn who_has_it_already_is_told_so() {
    let (site, calls) = counting(&Pages::new(), &MINUTE).await;
    let etag = site.get("/").await.header("etag").unwrap().to_owned();
    for path in ["/", "/another"] {
        let answer = site.send(with(get(path), "if-none-match", &etag)).await;
        let expected = if path == "/" { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        assert_eq!((answer.status, answer.body.is_empty()), (expected, path == "/"), "{path}");
    }
    // The one whose request ran the handler may have it as well, and others get the whole page.
    let (site, _) = counting(&Pages::new(), &[("cache-control", "max-age=60"), ("etag", "\"v1\"")]).await;
    let answer = site.send(with(get("/"), "if-none-match", "\"v1\"")).await;
    assert_eq!(
        (answer.status, answer.how(), answer.header("etag")),
        (StatusCode::NOT_MODIFIED, "miss", Some("\"v1\""))
    );
    assert_eq!((site.get("/").await.how(), calls.count()), ("hit", 2));
    // Also of what is not stored: the handler did not see the condition.
    let (site, _) = counting(&Pages::new(), &[("cache-control", "private"), ("etag", "\"v1\"")]).await;
    let answer = site.send(with(get("/"), "if-none-match", "\"v1\"")).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(site.get("/").await.text(), "call 2");
}

#[tokio::test]
async fn head_is_answered_from_what_get_left() {
    let (site, calls) = counting(&Pages::new(), &MINUTE).await;
    let answer = site.send(request("HEAD", "/")).await;
    assert_eq!((answer.how(), answer.header("content-length"), calls.count()), ("miss", Some("6"), 1));
    site.get("/").await;
    let answer = site.send(request("HEAD", "/")).await;
    assert_eq!((answer.how(), answer.header("content-length"), answer.body.len()), ("hit", Some("6"), 0));
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn variants_are_kept_apart() {
    let (pages, calls) = (Pages::new(), Calls::default());
    let handler = {
        let calls = calls.clone();
        move |request: Request<Body>| {
            calls.next();
            let language = request
                .headers()
                .get("accept-language")
                .map_or("none".into(), |value| value.to_str().unwrap().to_owned());
            async move {
                (
                    [("cache-control", "max-age=60"), ("vary", "Accept-Language"), ("cache-tag", "page")],
                    language,
                )
            }
        }
    };
    let site = Site::of(pages.layer().build().unwrap(), handler).await;
    for (round, how) in [(1, "miss"), (1, "hit"), (2, "miss"), (2, "hit")] {
        for language in ["de", "fr", "en"] {
            let answer = site.send(with(get("/"), "accept-language", language)).await;
            assert_eq!((answer.text(), answer.how()), (language, how), "round {round}");
        }
        let answer = site.get("/").await;
        assert_eq!((answer.text(), answer.how(), calls.count()), ("none", how, 4 * round));
        if (round, how) == (1, "hit") {
            pages.cache.invalidate(snowmelt::Invalidation::tags(["page"])).await.unwrap();
        }
    }
}

/// Requests of several variants at once: as many calls as there are variants.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variants_are_shared_too() {
    let (pages, calls) = (Pages::new(), Calls::default());
    let handler = {
        let calls = calls.clone();
        move |request: Request<Body>| {
            calls.next();
            let language = request.headers()["accept-language"].to_str().unwrap().to_owned();
            async move {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                ([("cache-control", "max-age=60"), ("vary", "Accept-Language")], language)
            }
        }
    };
    let site = std::sync::Arc::new(Site::of(pages.layer().build().unwrap(), handler).await);
    let requests: Vec<_> = (0..40)
        .map(|n| {
            let (site, language) = (std::sync::Arc::clone(&site), ["de", "fr"][n % 2]);
            tokio::spawn(
                async move { (language, site.send(with(get("/"), "accept-language", language)).await) },
            )
        })
        .collect();
    for request in requests {
        let (language, answer) = request.await.unwrap();
        assert_eq!(answer.text(), language);
    }
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn clients_may_ask_for_a_new_one_or_for_none() {
    let pages = Pages::new();
    let (site, calls) = counting(&pages, &MINUTE).await;
    let ask = async |control: &str| site.send(with(get("/"), "cache-control", control)).await;
    let answer = ask("only-if-cached").await;
    assert_eq!((answer.status, calls.count()), (StatusCode::GATEWAY_TIMEOUT, 0));
    site.get("/").await;
    assert_eq!(ask("only-if-cached").await.text(), "call 1");
    let anew = ask("no-cache").await;
    assert_eq!((anew.text(), anew.how()), ("call 2", "miss"));
    assert_eq!(
        (site.get("/").await.text(), site.get("/").await.how()),
        ("call 2", "hit"),
        "it is stored for the others"
    );
    pages.pass(10);
    assert_eq!(ask("max-age=20").await.how(), "hit");
    assert_eq!(ask("max-age=5").await.text(), "call 3");
    assert_eq!(ask("min-fresh=55").await.how(), "hit");
    assert_eq!(ask("min-fresh=90").await.text(), "call 4");
    // What is stored will do; else this client is on its own.
    assert_eq!(ask("no-store").await.how(), "hit");
    pages.cache.clear();
    assert_eq!((ask("no-store").await.text(), pages.cache.len()), ("call 5", 0));
}

/// Cookies, CORS and rate limits are for the client whose request ran the handler.
/// A page that got its lifetime from an option may have a login button.
#[tokio::test]
async fn who_has_credentials_gets_no_page_that_was_made_without() {
    let (pages, calls) = (Pages::new(), Calls::default());
    let counted = calls.clone();
    let handler = move |request: Request<Body>| {
        counted.next();
        let known = request.headers().contains_key("cookie");
        std::future::ready(if known { "welcome back" } else { "log in" })
    };
    let layer = pages.layer().ttl(std::time::Duration::from_secs(60)).build().unwrap();
    let site = Site::of(layer, handler).await;
    for (how, cookie, text) in [
        ("miss", None, "log in"),
        ("miss", Some("session=1"), "welcome back"),
        ("hit", None, "log in"),
        ("miss", Some("session=1"), "welcome back"),
        ("hit", None, "log in"),
    ] {
        let request = get("/");
        let request = if let Some(cookie) = cookie { with(request, "cookie", cookie) } else { request };
        let answer = site.send(request).await;
        assert_eq!((answer.how(), answer.text()), (how, text));
    }
    assert_eq!(calls.count(), 3);
}

#[tokio::test]
async fn what_is_for_one_client_is_not_replayed() {
    let headers = &[
        ("cache-control", "public, max-age=60"),
        ("set-cookie", "session=1"),
        ("set-cookie", "seen=1"),
        ("access-control-allow-origin", "https://one.example"),
        ("x-ratelimit-remaining", "7"),
        ("x-page", "1"),
    ];
    let (site, _) = counting(&Pages::new(), headers).await;
    let first = site.get("/").await;
    assert_eq!(first.headers.get_all("set-cookie").iter().count(), 2);
    let own = ["set-cookie", "access-control-allow-origin", "x-ratelimit-remaining"];
    assert!(own.iter().all(|name| first.headers.contains_key(*name)), "{:?}", first.headers);
    let second = site.get("/").await;
    assert_eq!((second.how(), second.header("x-page")), ("hit", Some("1")));
    assert!(own.iter().all(|name| !second.headers.contains_key(*name)), "{:?}", second.headers);
}

#[tokio::test]
async fn what_the_server_knows_of_a_request_reaches_the_handler() {
    let handler = |request: Request<Body>| async move {
        let peer = request.extensions().get::<ConnectInfo<std::net::SocketAddr>>().map(|peer| peer.0.ip());
        ([("cache-control", "max-age=60")], format!("{peer:?}"))
    };
    let site = Site::of(Pages::new().layer().build().unwrap(), handler).await;
    assert_eq!(site.get("/").await.text(), "Some(127.0.0.1)");
    assert_eq!(site.send(request("POST", "/")).await.text(), "Some(127.0.0.1)");
}

/// A byte range is cut by the handler; the whole page stays whole.
#[tokio::test]
async fn ranges_are_the_handlers() {
    let calls = Calls::default();
    let handler = {
        let calls = calls.clone();
        move |request: Request<Body>| {
            calls.next();
            let range = request.headers().contains_key("range");
            async move {
                let status = if range { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
                (status, [("cache-control", "max-age=60")], if range { "ab" } else { "abcd" })
            }
        }
    };
    let site = Site::of(Pages::new().layer().build().unwrap(), handler).await;
    let answer = site.send(with(get("/"), "range", "bytes=0-1")).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (206, "ab"));
    assert_eq!((site.get("/").await.text(), site.get("/").await.how(), calls.count()), ("abcd", "hit", 2));
}
