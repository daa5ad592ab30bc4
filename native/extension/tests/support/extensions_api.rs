//! The Extensions API over the loopback, imitated from its documentation
//! ("Using the Lambda Extensions API to create extensions", with its API
//! reference): who is not registered, registers twice or has reported an error
//! is refused with 403, and an event goes to who waits for it, once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast, oneshot};

const ID: &str = "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111";

/// A call that the API got.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Without the version: `/register`.
    pub(crate) path: String,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    events: VecDeque<Value>,
    registered: bool,
    failed: bool,
    refused: Option<(String, u16, Value)>,
}

struct Shared {
    state: Mutex<State>,
    called: Condvar,
    pushed: Notify,
    cut: broadcast::Sender<()>,
}

/// Serves until it is dropped.
pub(crate) struct ExtensionsApi {
    shared: Arc<Shared>,
    address: String,
    end: Option<oneshot::Sender<()>>,
    serving: Option<std::thread::JoinHandle<()>>,
}

impl ExtensionsApi {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("sockets do that");
        let address = listener.local_addr().expect("it is bound").to_string();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            called: Condvar::new(),
            pushed: Notify::new(),
            cut: broadcast::channel(1).0,
        });
        let (end, ended) = oneshot::channel();
        let serving = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(async move {
                    tokio::select! { () = accept(listener, shared) => {} _ = ended => {} }
                });
            }
        });
        Self { shared, address, end: Some(end), serving: Some(serving) }
    }

    /// As `AWS_LAMBDA_RUNTIME_API` has it.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn invoke(&self) {
        self.push(json!({
            "eventType": "INVOKE",
            "deadlineMs": 676_051,
            "requestId": "3da1f2dc-3222-475e-9205-e2e6c6318895",
            "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest",
            "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2"},
        }));
    }

    pub(crate) fn shut_down(&self) {
        self.push(json!({"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": 676_051}));
    }

    pub(crate) fn push(&self, event: Value) {
        self.state().events.push_back(event);
        self.shared.pushed.notify_waiters();
    }

    /// Answers calls of `path` so from now on.
    pub(crate) fn refuse(&self, path: &str, status: u16, body: Value) {
        self.state().refused = Some((path.to_owned(), status, body));
    }

    /// Closes all connections, as a freeze may.
    pub(crate) fn cut(&self) {
        let _ = self.shared.cut.send(());
    }

    /// Listens no more.
    pub(crate) fn stop(&mut self) {
        drop(self.end.take());
        if let Some(serving) = self.serving.take() {
            serving.join().expect("it serves without panics");
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.path).collect()
    }

    /// Blocks until so many calls of `path` have come; gives the last of them.
    pub(crate) fn wait(&self, path: &str, count: usize) -> Call {
        let mut state = self.state();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let found = state.calls.iter().filter(|call| call.path == path).nth(count - 1).cloned();
            if let Some(call) = found {
                return call;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {count} calls of {path}, but {:?}", state.calls);
            state = self.shared.called.wait_timeout(state, left).expect("no panic under the lock").0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no panic under the lock")
    }
}

impl Drop for ExtensionsApi {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut cut = shared.cut.subscribe();
            let answer = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(answer(&shared, request).await) }
            });
            tokio::select! {
                _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer) => {}
                _ = cut.recv() => {}
            }
        });
    }
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let path = parts.uri.path();
    let path = path.strip_prefix("/2020-01-01/extension").unwrap_or(path).to_owned();
    let call = Call {
        path: path.clone(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        at: Instant::now(),
    };
    let answer = decide(shared, parts.method.as_str(), &call);
    {
        let mut state = shared.state.lock().expect("no panic under the lock");
        state.calls.push(call);
        shared.called.notify_all();
    }
    match answer {
        Some((status, body)) => reply(status, &body),
        None => reply(200, &next(shared).await),
    }
}

/// `None` is the next event.
fn decide(shared: &Shared, method: &str, call: &Call) -> Option<(u16, Value)> {
    let mut state = shared.state.lock().expect("no panic under the lock");
    if let Some((_, status, body)) = state.refused.as_ref().filter(|(path, ..)| *path == call.path) {
        return Some((*status, body.clone()));
    }
    let forbidden = |kind: &str| Some((403, json!({"errorType": kind, "errorMessage": "forbidden"})));
    if state.failed {
        return forbidden("Extension.InvalidExtensionState");
    }
    if call.path == "/register" {
        if call.header("lambda-extension-name").is_empty() {
            return forbidden("Extension.InvalidExtensionName");
        }
        if std::mem::replace(&mut state.registered, true) {
            return forbidden("Extension.InvalidExtensionState");
        }
        let function = json!({"functionName": "helloWorld", "functionVersion": "$LATEST", "handler": "lambda_function.lambda_handler"});
        return Some((200, function));
    }
    if !state.registered || call.header("lambda-extension-identifier") != ID {
        return forbidden("Extension.UnknownExtensionIdentifier");
    }
    match (method, call.path.as_str()) {
        ("GET", "/event/next") => None,
        ("POST", "/init/error" | "/exit/error") => {
            if call.header("lambda-extension-function-error-type").is_empty() {
                return forbidden("Extension.MissingHeader");
            }
            state.failed = true;
            Some((202, json!({"status": "OK"})))
        }
        _ => Some((404, json!({}))),
    }
}

/// Who was cut off while it waited takes no event with it.
async fn next(shared: &Shared) -> Value {
    loop {
        let pushed = shared.pushed.notified();
        if let Some(event) = shared.state.lock().expect("no panic under the lock").events.pop_front() {
            return event;
        }
        pushed.await;
    }
}

fn reply(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status.try_into().expect("a status");
    response.headers_mut().insert("lambda-extension-identifier", ID.parse().expect("a header"));
    response
}
