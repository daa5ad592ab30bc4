//! A client that writes bytes and reads answers, and services to ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value as Json;
use snowmelt::Cache;
use snowmelt_extension::contract::cache::{Blob, CacheContract};
use snowmelt_extension::http::{
    Answer, Guards, Limits, Listener, Request, Response, Server, Service, problem,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// An answer as it was read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// By lower-case names.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of an error.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(port: u16) -> Self {
        Self::to("127.0.0.1", port).await
    }

    pub(crate) async fn to(host: &str, port: u16) -> Self {
        Self { stream: TcpStream::connect((host, port)).await.unwrap(), read: Vec::new() }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next answer; `None` if the connection ends first.
    pub(crate) async fn reply(&mut self, body: bool) -> Option<Reply> {
        let end = loop {
            match self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.more().await?,
            }
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let length = if body { length } else { 0 };
        while self.read.len() < length {
            self.more().await?;
        }
        Some(Reply { status, headers, body: self.read.drain(..length).collect() })
    }

    /// `None` at the end.
    async fn more(&mut self) -> Option<()> {
        let read = timeout(LONG, self.stream.read_buf(&mut self.read)).await.expect("an answer in time");
        read.ok().filter(|bytes| *bytes > 0).map(|_| ())
    }

    /// Whether the connection ends, with nothing more to read.
    pub(crate) async fn ended(&mut self) -> bool {
        self.read.is_empty() && self.more().await.is_none()
    }

    /// A request with everything that it needs.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        self.start(method, target, headers, body).await;
        self.reply(method != "HEAD").await.expect("an answer")
    }

    /// The same without waiting for the answer.
    pub(crate) async fn start(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            head.extend([*name, ": ", value, "\r\n"]);
        }
        if !body.is_empty() || matches!(method, "PUT" | "POST") {
            head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        self.write([head.as_bytes(), b"\r\n", body].concat()).await;
    }

    pub(crate) async fn get(&mut self, target: &str) -> Reply {
        self.ask("GET", target, &[], b"").await
    }
}

/// One request over a connection of its own, as bytes.
pub(crate) async fn raw(port: u16, request: impl AsRef<[u8]>) -> Option<Reply> {
    let mut client = Client::connect(port).await;
    client.write(request).await;
    client.reply(true).await
}

/// Until something is so.
pub(crate) async fn until(mut so: impl FnMut() -> bool) {
    let waiting = async {
        while !so() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, waiting).await.expect("it was to become so");
}

/// A service that does what the path says.
#[derive(Default)]
pub(crate) struct Probe {
    pub(crate) go: Notify,
    /// Answers that are under way.
    pub(crate) waiting: AtomicUsize,
}

struct Counted(Arc<Probe>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(crate) fn text(body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// For `Server::serve`, which takes the service.
pub(crate) struct Probing(pub(crate) Arc<Probe>);

impl Service for Probing {
    fn answer(&self, request: Request) -> Answer {
        let probe = Arc::clone(&self.0);
        match request.uri().path() {
            "/now" => text(request.method().to_string()).into(),
            "/large" => text(vec![b'x'; 32 << 20]).into(),
            "/echo" => text(request.into_body()).into(),
            "/wait" => {
                probe.waiting.fetch_add(1, Ordering::SeqCst);
                let counted = Counted(probe);
                Answer::Later(Box::pin(async move {
                    counted.0.go.notified().await;
                    text("waited")
                }))
            }
            "/panic" => panic!("on purpose"),
            "/panic-later" => Answer::Later(Box::pin(async {
                tokio::task::yield_now().await;
                panic!("later, on purpose")
            })),
            _ => problem(StatusCode::NOT_FOUND, "NoSuchPath", "there is none").into(),
        }
    }
}

/// A server with a [`Probe`].
pub(crate) struct Probed {
    pub(crate) server: Server,
    pub(crate) port: u16,
    pub(crate) probe: Arc<Probe>,
}

pub(crate) fn probed(limits: Limits, guards: Guards) -> Probed {
    let listener = Listener::bind(0).unwrap();
    let (server, port, probe) = (Server::new(limits), listener.port(), Arc::new(Probe::default()));
    server.serve(listener, Probing(Arc::clone(&probe)), guards);
    Probed { server, port, probe }
}

/// Ticks short enough to wait for.
pub(crate) fn quick() -> Limits {
    Limits {
        tick: Duration::from_millis(20),
        head_ticks: 4,
        body_ticks: 6,
        write_ticks: 5,
        idle_ticks: 3,
        ..Limits::default()
    }
}

/// What contract 4 caches in these tests.
#[derive(Clone, Debug)]
pub(crate) struct Value(Bytes, HeaderValue);

impl Blob for Value {
    fn new(body: Bytes, content_type: HeaderValue) -> Self {
        Self(body, content_type)
    }

    fn body(&self) -> &Bytes {
        &self.0
    }

    fn content_type(&self) -> &HeaderValue {
        &self.1
    }
}

/// Contract 4 over a cache.
pub(crate) struct Cached {
    pub(crate) cache: Cache<Value>,
    pub(crate) contract: CacheContract<Value>,
    pub(crate) server: Server,
    pub(crate) port: u16,
}

pub(crate) fn cached(cache: Cache<Value>) -> Cached {
    let listener = Listener::bind(0).unwrap();
    let (server, port) = (Server::new(quick_reads()), listener.port());
    let contract = CacheContract::new(cache.clone(), 100);
    server.serve(listener, contract.clone(), Guards::new());
    Cached { cache, contract, server, port }
}

/// Clients of these tests may take their time.
fn quick_reads() -> Limits {
    Limits { tick: Duration::from_millis(20), head_ticks: 500, body_ticks: 500, ..Limits::default() }
}

/// A cache on a stream of this process.
pub(crate) fn cache(stream: &str) -> Cache<Value> {
    Cache::builder().stream(stream).load_timeout(Duration::from_secs(10)).build().unwrap()
}

impl Cached {
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.port).await
    }
}
