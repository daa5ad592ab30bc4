//! What a cached response costs beside a bare handler that returns the same bytes, and what it costs to
//! wait for another request's response. `cargo run --profile bench --bin http`
//!
//! Both are asked in turn, of one server over one connection that is kept: where the system places the
//! thread of a server makes more of a difference than the layer does (22 µs or 64 µs an answer). A part
//! may be named: `latency`, `waiters`.

use std::convert::Infallible;
use std::future::Future;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use snowmelt::Cache;
use snowmelt::http::{CacheLayer, HttpResponse};
use snowmelt_bench::report::{median, print_facts};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tower_layer::Layer;
use tower_service::Service;

const ASKED: usize = 20_000;
const ROUNDS: usize = 9;
const WAITERS: usize = 1_000;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    print_facts();
    println!("| what | unit | value | to the bare handler |\n|---|---|---:|---:|");
    if "latency".starts_with(&only) {
        latency();
    }
    if "waiters".starts_with(&only) {
        waiters();
    }
}

/// As large as a list of 50 rows in JSON.
fn page() -> Bytes {
    let row =
        |n: usize| format!(r#"{{"id":{n},"name":"Product number {n}","price":{n}.5,"tags":["a","b"]}}"#);
    Bytes::from(format!("[{}]", (0..50).map(row).collect::<Vec<_>>().join(",")))
}

fn app(path: &str) -> Router {
    let page = page();
    let headers = [("content-type", "application/json"), ("cache-control", "max-age=3600")];
    Router::new().route(path, get(move || std::future::ready((headers, page.clone()))))
}

fn pages() -> Cache<HttpResponse> {
    Cache::builder().stream("none").build().expect("these options fit together")
}

fn latency() {
    let cached = app("/kept").layer(CacheLayer::new(pages()));
    let mut asker = Asker::new(cached.merge(app("/bare")));
    assert!(asker.ask("/kept").1.contains("x-cache: miss") && asker.ask("/kept").1.contains("x-cache: hit"));
    assert!(!asker.ask("/bare").1.contains("x-cache"));
    let mut rounds: [Vec<f64>; 2] = Default::default();
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let mut took: [Vec<f64>; 2] = Default::default();
        for n in 0..ASKED {
            // Who goes first changes too.
            for peer in if n % 2 == 0 { [0, 1] } else { [1, 0] } {
                took[peer].push(micros(asker.ask(["/kept", "/bare"][peer]).0));
            }
        }
        let [cached, bare] = took.map(median);
        // The first round warms up.
        if round > 0 {
            rounds[0].push(cached);
            rounds[1].push(bare);
            ratios.push(cached / bare);
        }
    }
    let [cached, bare] = rounds.map(median);
    println!("| a cached page of 4 kB over loopback, p50 | µs | {cached:.1} | {:.2} |", median(ratios));
    println!("| the bare handler, p50 | µs | {bare:.1} | |");
}

/// A server on a thread of its own, and a connection to it.
struct Asker {
    connection: TcpStream,
    buffer: Vec<u8>,
}

impl Asker {
    fn new(app: Router) -> Self {
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
                tell.send(listener.local_addr().expect("an address")).expect("someone waits for it");
                axum::serve(listener, app).await.expect("it serves");
            });
        });
        let address: SocketAddr = told.recv().expect("the server starts");
        let connection = TcpStream::connect(address).expect("it listens");
        connection.set_nodelay(true).expect("an option of every socket");
        Self { connection, buffer: vec![0; 64 * 1024] }
    }

    /// How long it took, and the head.
    fn ask(&mut self, path: &str) -> (Duration, String) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\n\r\n");
        let began = Instant::now();
        self.connection.write_all(request.as_bytes()).expect("it is open");
        let (mut read, mut whole) = (0, usize::MAX);
        while read < whole {
            let more = self.connection.read(&mut self.buffer[read..]).expect("it answers");
            assert!(more > 0, "the server closed the connection");
            read += more;
            if whole == usize::MAX {
                whole = length(&self.buffer[..read]).unwrap_or(usize::MAX);
            }
        }
        let took = began.elapsed();
        (took, String::from_utf8_lossy(&self.buffer[..read.min(600)]).to_lowercase())
    }
}

/// How long a response is, once its head is there.
fn length(response: &[u8]) -> Option<usize> {
    let head = response.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&response[..head]).expect("a head is text").to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some(head + length.parse::<usize>().expect("a number"))
}

fn waiters() {
    let one = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let two = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    for (what, runtime) in [("1 thread", one), ("2 threads", two)] {
        let took = (0..30).map(|_| wait(&runtime)).collect();
        println!("| 1,000 waiters of one response, each, {what} | µs | {:.2} | |", median(took));
    }
}

/// From the handler's end until all have their response, for each.
#[expect(clippy::cast_precision_loss, reason = "a thousand")]
fn wait(runtime: &Runtime) -> f64 {
    let cache = pages();
    let handler = Gated { gate: Arc::new(Semaphore::new(0)), ended: Arc::default(), page: page() };
    let service = CacheLayer::new(cache.clone()).layer(handler.clone());
    runtime.block_on(async {
        let ask = || {
            let mut service = service.clone();
            let request = Request::builder().uri("http://shop.example/products");
            let request = request.body(Body::empty()).expect("a request");
            tokio::spawn(async move {
                let response = service.call(request).await.expect("it does not fail");
                (Instant::now(), response)
            })
        };
        let all: Vec<_> = (0..WAITERS).map(|_| ask()).collect();
        while cache.stats().coalesced + 1 < WAITERS as u64 {
            tokio::task::yield_now().await;
        }
        handler.gate.add_permits(1);
        let mut last = None;
        for one in all {
            let (at, response) = one.await.expect("it does not panic");
            assert!(response.status().is_success());
            last = last.max(Some(at));
        }
        let ended = handler.ended.lock().expect("no panic").expect("it ran");
        micros(last.expect("one at least").saturating_duration_since(ended)) / WAITERS as f64
    })
}

/// Answers once its gate is open, and notes when.
#[derive(Clone)]
struct Gated {
    gate: Arc<Semaphore>,
    ended: Arc<Mutex<Option<Instant>>>,
    page: Bytes,
}

impl Service<Request<Body>> for Gated {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let Self { gate, ended, page } = self.clone();
        Box::pin(async move {
            let _pass = gate.acquire().await.expect("it is not closed");
            let response = Response::builder().header("cache-control", "max-age=3600");
            let response = response.body(Body::from(page)).expect("a response");
            *ended.lock().expect("no panic") = Some(Instant::now());
            Ok(response)
        })
    }
}

fn micros(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6
}
