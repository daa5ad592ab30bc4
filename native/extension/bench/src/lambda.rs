//! What stands around the extension: Lambda's Extensions API and a Parameter
//! Store, on the loopback, imitated as far as the measurements need them.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

/// The port of an API, and when extensions registered with it.
pub(crate) struct Around {
    /// Where both APIs are.
    pub(crate) port: u16,
    /// The time of each registration.
    pub(crate) registered: Receiver<Instant>,
}

/// Starts both, for as long as this process lives.
pub(crate) fn start() -> Around {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("its address").port();
    let (tell, registered) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(accept(listener, tell));
    });
    Around { port, registered }
}

async fn accept(listener: TcpListener, tell: Sender<Instant>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    loop {
        let (socket, _) = listener.accept().await.expect("a connection");
        let tell = tell.clone();
        let answer = service_fn(move |request| answer(request, tell.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
    }
}

async fn answer(
    request: Request<Incoming>,
    tell: Sender<Instant>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    match request.uri().path() {
        "/2020-01-01/extension/register" => {
            let _ = tell.send(Instant::now());
            let response = Response::builder().header("Lambda-Extension-Identifier", "bench");
            Ok(response.body(Full::from("{}")).expect("a response"))
        }
        "/2020-01-01/extension/event/next" => std::future::pending().await,
        _ => {
            let body = request
                .into_body()
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default();
            let response = Response::builder().header("Content-Type", "application/x-amz-json-1.1");
            Ok(response.body(Full::from(parameter(&body))).expect("a response"))
        }
    }
}

/// What `GetParameter` answers for any name.
fn parameter(input: &[u8]) -> String {
    let input: serde_json::Value = serde_json::from_slice(input).unwrap_or_default();
    let name = input["Name"].as_str().unwrap_or("unnamed");
    let value = format!("postgres://user:password@database.internal:5432{name}?sslmode=verify-full");
    serde_json::json!({"Parameter": {
        "Name": name, "Type": "SecureString", "Value": value, "Version": 1, "DataType": "text",
        "LastModifiedDate": 1_790_000_000.125,
        "ARN": format!("arn:aws:ssm:us-east-1:123456789012:parameter{name}"),
    }})
    .to_string()
}
