//! Bodies that are long, slow, endless, broken, or end with trailers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tower_service::Service;

use crate::support::{Calls, Pages, Site, app, get, named, request, soon};

const CHUNK: usize = 64 * 1024;
const MIB: usize = 1 << 20;

/// Bytes that are alive, and the most that ever were.
#[derive(Clone, Debug, Default)]
struct Alive(Arc<[AtomicUsize; 2]>);

impl Alive {
    fn chunk(&self) -> Bytes {
        let now = self.0[0].fetch_add(CHUNK, Ordering::SeqCst) + CHUNK;
        self.0[1].fetch_max(now, Ordering::SeqCst);
        Bytes::from_owner(Chunk { bytes: vec![b'x'; CHUNK], alive: self.clone() })
    }

    fn most(&self) -> usize {
        self.0[1].load(Ordering::SeqCst)
    }
}

struct Chunk {
    bytes: Vec<u8>,
    alive: Alive,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.alive.0[0].fetch_sub(CHUNK, Ordering::SeqCst);
    }
}

/// A body that makes a chunk whenever it is asked for one.
struct Chunks {
    left: usize,
    alive: Alive,
    made: Calls,
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.made.next();
        Poll::Ready(Some(Ok(Frame::data(self.alive.chunk()))))
    }
}

/// 200 MB go through, and neither the layer nor what waits for a slow client holds more than a few.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_body_streams_through() {
    let (alive, made, calls) = (Alive::default(), Calls::default(), Calls::default());
    let pages = Pages::new();
    let handler = {
        let (alive, made, calls) = (alive.clone(), made.clone(), calls.clone());
        move |_: Request<Body>| {
            calls.next();
            let body = Chunks { left: 200 * MIB / CHUNK, alive: alive.clone(), made: made.clone() };
            async move { ([("cache-control", "max-age=60")], Body::new(body)) }
        }
    };
    let site = Site::of(pages.layer().build().unwrap(), handler).await;
    let mut connection = site.connect().await;
    let response = soon(connection.send_request(named(get("/long")))).await.unwrap();
    assert_eq!(response.headers()["cache-status"], "Snowmelt; fwd=miss; detail=body-too-large");
    let mut body = response.into_body();
    let mut length = soon(body.frame()).await.unwrap().unwrap().into_data().unwrap().len();
    // The client reads no more: what is made meanwhile is what the sockets take.
    sleep(Duration::from_millis(300)).await;
    let stalled = made.count() * CHUNK;
    assert!(stalled < 40 * MIB, "{stalled} bytes were made for a client that does not read");
    while let Some(frame) = soon(body.frame()).await {
        length += frame.unwrap().into_data().unwrap().len();
    }
    assert_eq!((length, made.count()), (200 * MIB, 200 * MIB / CHUNK));
    assert!(alive.most() < 8 * MIB, "{} bytes were held at once", alive.most());
    assert_eq!((pages.cache.len(), calls.count()), (0, 1));
}

#[tokio::test]
async fn a_length_over_the_cap_is_not_even_begun_to_be_read() {
    let pages = Pages::new();
    let handler = |_: Request<Body>| async { ([("cache-control", "max-age=60")], "x".repeat(101)) };
    let site = Site::of(pages.layer().max_body(100).build().unwrap(), handler).await;
    for _ in 0..2 {
        let answer = site.get("/").await;
        assert_eq!(
            (answer.body.len(), answer.how(), answer.header("content-length")),
            (101, "miss", Some("101"))
        );
    }
    let site = Site::of(Pages::new().layer().max_body(101).build().unwrap(), handler).await;
    site.get("/").await;
    assert_eq!(site.get("/").await.how(), "hit");
}

/// What a handler sends bit by bit, as the test says.
fn fed(frames: mpsc::Receiver<Result<Frame<Bytes>, std::io::Error>>) -> Body {
    struct Fed(mpsc::Receiver<Result<Frame<Bytes>, std::io::Error>>);
    impl http_body::Body for Fed {
        type Data = Bytes;
        type Error = std::io::Error;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            self.0.poll_recv(context)
        }
    }
    Body::new(Fed(frames))
}

fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

/// A site whose pages are what is sent on the channel; each call gets the frames so far.
async fn streamed(
    pages: &Pages,
    timeout: Duration,
    kind: &'static str,
    texts: &'static [&'static str],
    ends: bool,
) -> (Site, Calls) {
    let calls = Calls::default();
    let counted = calls.clone();
    let handler = move |_: Request<Body>| {
        counted.next();
        let (send, receive) = mpsc::channel(16);
        for text in texts {
            send.try_send(Ok(data(text))).unwrap();
        }
        if !ends {
            // The stream stays open for longer than the test.
            tokio::spawn(async move {
                send.closed().await;
            });
        }
        let head = Response::builder().header("cache-control", "max-age=60").header("content-type", kind);
        std::future::ready(head.body(fed(receive)).unwrap())
    };
    (Site::of(pages.layer().body_timeout(timeout).build().unwrap(), handler).await, calls)
}

#[tokio::test]
async fn a_streamed_body_is_stored_once_it_is_whole() {
    let pages = Pages::new();
    let frames = &["one ", "two ", "three"];
    let (site, calls) = streamed(&pages, Duration::from_secs(20), "text/plain", frames, true).await;
    for how in ["miss", "hit"] {
        let answer = site.get("/").await;
        assert_eq!(
            (answer.text(), answer.how(), answer.header("content-length")),
            ("one two three", how, Some("13"))
        );
    }
    assert_eq!(calls.count(), 1);
}

/// Server-sent events go on for ever: nobody waits for their end.
#[tokio::test]
async fn events_are_passed_on_at_once() {
    let pages = Pages::new();
    let frames = &["data: 1\n\n"];
    let (site, calls) = streamed(&pages, Duration::from_secs(3600), "text/event-stream", frames, false).await;
    for call in 1..=2 {
        let mut connection = site.connect().await;
        let mut response = soon(connection.send_request(named(get("/events")))).await.unwrap();
        assert_eq!(response.headers()["cache-status"], "Snowmelt; fwd=miss; detail=endless");
        let first = soon(response.body_mut().frame()).await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((first, calls.count()), (Bytes::from("data: 1\n\n"), call));
    }
}

/// So does what does not say so, after a while.
#[tokio::test]
async fn a_body_without_an_end_is_given_up() {
    let pages = Pages::new();
    let frames = &["tick ", "tick "];
    let (site, calls) = streamed(&pages, Duration::from_millis(100), "text/plain", frames, false).await;
    let began = Instant::now();
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut connection = site.connect().await;
        streams.push(tokio::spawn(async move {
            let mut response = connection.send_request(named(get("/ticks"))).await.unwrap();
            let mut text = Vec::new();
            while text.len() < 10 {
                text.extend(response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap());
            }
            (response.headers()["cache-status"].clone(), text)
        }));
    }
    for stream in streams {
        let (status, text) = soon(stream).await.unwrap();
        assert_eq!(
            (status.to_str().unwrap(), text),
            ("Snowmelt; fwd=miss; detail=endless", b"tick tick ".to_vec())
        );
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!((calls.count(), pages.cache.len()), (3, 0));
}

/// Not over a connection: hyper closes it before the beginning is sent, with or without the layer.
#[tokio::test]
async fn a_body_that_breaks_off_breaks_off_for_the_client_and_is_not_stored() {
    let pages = Pages::new();
    let handler = |_: Request<Body>| async {
        let (send, receive) = mpsc::channel(2);
        send.try_send(Ok(data("one "))).unwrap();
        send.try_send(Err(std::io::Error::other("the disk is gone"))).unwrap();
        Response::builder().header("cache-control", "max-age=60").body(fed(receive)).unwrap()
    };
    let mut router = app(pages.layer().build().unwrap(), handler);
    for _ in 0..2 {
        let response = soon(router.call(named(get("/")).map(Body::new))).await.unwrap();
        assert_eq!(response.headers()["cache-status"], "Snowmelt; fwd=miss; detail=failed");
        let mut body = response.into_body();
        assert_eq!(http_body::Body::size_hint(&body).exact(), None, "it looks whole");
        assert_eq!(soon(body.frame()).await.unwrap().unwrap().into_data().unwrap(), "one ");
        assert!(soon(body.frame()).await.unwrap().is_err());
        assert!(soon(body.frame()).await.is_none());
        assert_eq!(pages.cache.len(), 0);
    }
}

#[tokio::test]
async fn a_response_with_trailers_is_passed_on_with_them() {
    let pages = Pages::new();
    let handler = |_: Request<Body>| async {
        let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "7".parse().unwrap())]);
        let frames =
            vec![Ok::<_, Infallible>(Frame::data(Bytes::from("text"))), Ok(Frame::trailers(trailers))];
        let head = Response::builder().header("cache-control", "max-age=60").header("trailer", "x-sum");
        head.body(Body::new(StreamBody::new(Frames(frames.into_iter())))).unwrap()
    };
    let site = Site::of(pages.layer().build().unwrap(), handler).await;
    for _ in 0..2 {
        let asks = crate::support::with(named(get("/")), "te", "trailers");
        let response = soon(site.connect().await.send_request(asks)).await.unwrap();
        assert_eq!(response.headers()["cache-status"], "Snowmelt; fwd=miss; detail=trailers");
        let collected = soon(response.into_body().collect()).await.unwrap();
        assert_eq!(
            collected.trailers().map(|trailers| trailers["x-sum"].clone()),
            Some("7".parse().unwrap())
        );
        assert_eq!(collected.to_bytes(), "text");
    }
    assert_eq!(pages.cache.len(), 0);
}

/// An iterator as a stream.
struct Frames<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Frames<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

/// An empty page, and one without a body.
#[tokio::test]
async fn nothing_is_a_body_too() {
    let calls = Calls::default();
    let handler = {
        let calls = calls.clone();
        move |request: Request<Body>| {
            calls.next();
            let status = if request.uri().path() == "/none" { 204 } else { 200 };
            async move { (http::StatusCode::from_u16(status).unwrap(), [("cache-control", "max-age=60")]) }
        }
    };
    let site = Site::of(Pages::new().layer().build().unwrap(), handler).await;
    for how in ["miss", "hit"] {
        for (path, status, length) in [("/none", 204, None), ("/empty", 200, Some("0"))] {
            let answer = site.get(path).await;
            assert_eq!(
                (answer.status.as_u16(), answer.how(), answer.header("content-length")),
                (status, how, length)
            );
        }
    }
    assert_eq!(calls.count(), 2);
}

/// An upgrade is between the client and the handler.
#[tokio::test]
async fn protocols_can_be_changed() {
    let handler = |request: Request<Body>| async move {
        assert!(request.extensions().get::<hyper::upgrade::OnUpgrade>().is_some(), "it reaches the handler");
        Response::builder()
            .status(101)
            .header("upgrade", "echo")
            .header("connection", "upgrade")
            .body(Body::empty())
            .unwrap()
    };
    let site = Site::of(Pages::new().layer().build().unwrap(), handler).await;
    let mut asks = named(request("GET", "/"));
    asks.headers_mut().insert("upgrade", "echo".parse().unwrap());
    asks.headers_mut().insert("connection", "upgrade".parse().unwrap());
    let response = soon(site.connect().await.send_request(asks)).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-cache"]),
        (101, &"bypass".parse().unwrap())
    );
}
