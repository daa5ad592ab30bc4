//! A site on the loopback behind a layer, its client, and a cache whose time the test moves.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use snowmelt::http::{CacheLayer, CacheLayerBuilder, HttpResponse};
use snowmelt::stream::Stream;
use snowmelt::stream::memory::MemoryStream;
use snowmelt::{Builder, Cache, ManualClock};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// No wait is longer.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Waits, but not for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(LONG, future).await.expect("it takes too long")
}

/// Counts the calls of a handler.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<AtomicUsize>);

impl Calls {
    /// The number of this call, from 1 on.
    pub(crate) fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) async fn reach(&self, count: usize) {
        soon(async {
            while self.count() < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

/// A cache of pages, with its clock and its stream.
pub(crate) struct Pages {
    pub(crate) cache: Cache<HttpResponse>,
    pub(crate) clock: Arc<ManualClock>,
    stream: MemoryStream,
}

impl Pages {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(options: impl FnOnce(Builder<HttpResponse>) -> Builder<HttpResponse>) -> Self {
        let clock = ManualClock::new();
        let wall = Arc::clone(&clock);
        let stream = MemoryStream::new().with_clock(Arc::new(move || wall.wall_millis()));
        Self { cache: cache(&clock, &stream, options), clock, stream }
    }

    /// Another cache on the same stream.
    pub(crate) fn sibling(&self) -> Cache<HttpResponse> {
        cache(&self.clock, &self.stream, |builder| builder)
    }

    pub(crate) fn layer(&self) -> CacheLayerBuilder {
        CacheLayer::builder(self.cache.clone())
    }

    /// Lets that many seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn cache(
    clock: &Arc<ManualClock>,
    stream: &MemoryStream,
    options: impl FnOnce(Builder<HttpResponse>) -> Builder<HttpResponse>,
) -> Cache<HttpResponse> {
    let builder = Cache::builder().stream_transport(Arc::new(stream.clone()) as Arc<dyn Stream>);
    options(builder.clock(Arc::clone(clock)).seed(7)).build().unwrap()
}

/// An axum application on a free port, until it is dropped.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn start(app: Router) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, serving }
    }

    /// One handler for everything, behind a layer.
    pub(crate) async fn of<H, F, R>(layer: CacheLayer, handler: H) -> Self
    where
        H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = R> + Send + 'static,
        R: IntoResponse + 'static,
    {
        Self::start(app(layer, handler)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(get(path)).await
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.try_send(request).await.unwrap()
    }

    pub(crate) async fn try_send(&self, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
        soon(async {
            let response = self.connect().await.send_request(named(request)).await?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        })
        .await
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One handler for everything, behind a layer.
pub(crate) fn app<H, F, R>(layer: CacheLayer, handler: H) -> Router
where
    H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = R> + Send + 'static,
    R: IntoResponse + 'static,
{
    Router::new().fallback(handler).layer(layer)
}

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    request("GET", path)
}

pub(crate) fn request(method: &str, path: &str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(path).body(Full::default()).unwrap()
}

pub(crate) fn with(
    mut request: Request<Full<Bytes>>,
    name: &'static str,
    value: &str,
) -> Request<Full<Bytes>> {
    request.headers_mut().append(name, value.parse().unwrap());
    request
}

/// Every HTTP/1.1 request names its host.
pub(crate) fn named(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.headers_mut().entry("host").or_insert("site.example".parse().unwrap());
    request
}

/// A response, whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// What `X-Cache` says.
    pub(crate) fn how(&self) -> &str {
        self.header("x-cache").unwrap_or("none")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A tower service from a function.
#[derive(Clone)]
pub(crate) struct Function<F>(pub(crate) F);

impl<F, B, R, E, Fut> tower_service::Service<Request<B>> for Function<F>
where
    F: Fn(Request<B>) -> Fut,
    Fut: Future<Output = Result<http::Response<R>, E>>,
{
    type Response = http::Response<R>;
    type Error = E;
    type Future = Fut;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), E>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Fut {
        (self.0)(request)
    }
}
