//! The peer: hyper and nothing else, in a process of its own, which answers
//! every request with the same bytes.

use std::convert::Infallible;
use std::io::Read;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Serves until it is killed. The standard input gives the content type, a
/// line, and then the body; the port is printed.
pub(crate) fn serve() {
    let mut given = Vec::new();
    std::io::stdin().read_to_end(&mut given).expect("the standard input can be read");
    let end = given.iter().position(|&byte| byte == b'\n').expect("a line with the content type");
    let kind = HeaderValue::from_bytes(&given[..end]).expect("a content type");
    let body = Bytes::from(given.split_off(end + 1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(accept(kind, body));
}

async fn accept(kind: HeaderValue, body: Bytes) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("its address").port());
    loop {
        let (socket, _) = listener.accept().await.expect("a connection");
        socket.set_nodelay(true).expect("a TCP socket");
        let (kind, body) = (kind.clone(), body.clone());
        let answer = service_fn(move |_: Request<_>| {
            let mut response = Response::new(Full::new(body.clone()));
            response.headers_mut().insert(CONTENT_TYPE, kind.clone());
            std::future::ready(Ok::<_, Infallible>(response))
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
    }
}
