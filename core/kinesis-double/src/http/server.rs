//! HTTP on the loopback: HTTP/1.1 and, for the SDKs that speak it to Kinesis
//! by default, HTTP/2 without TLS.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::admin;
use super::service::{Reply, Service};
use super::socket::{Answer, Reset, Socket};

/// Serves until dropped; its connections end with it.
pub(super) async fn serve(listener: TcpListener, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&service)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, service: Arc<Service>) {
    // Small answers must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(Reset::default());
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&reset)));
    let handler = {
        let reset = Arc::clone(&reset);
        service_fn(move |request| answer(request, Arc::clone(&service), Arc::clone(&reset)))
    };
    let builder = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // An error here is the client's going away.
        _ = builder.serve_connection(socket, handler) => {}
        () = reset.asked() => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    service: Arc<Service>,
    reset: Arc<Reset>,
) -> Result<Response<Answer>, Infallible> {
    let admin = request.uri().path() == "/_double";
    let target = request.headers().get("x-amz-target").and_then(|v| v.to_str().ok());
    let operation = target.and_then(|t| t.strip_prefix("Kinesis_20131202.")).unwrap_or("");
    let operation = operation.to_owned();
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let reply = if admin { admin::handle(&service, &body) } else { service.call(&operation, &body) };
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    Ok(response(&reply, reset))
}

fn response(reply: &Reply, reset: Arc<Reset>) -> Response<Answer> {
    let body =
        if reply.reset { Answer::broken(&reply.body, reset) } else { Answer::whole(reply.body.clone()) };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    let id = HeaderName::from_static("x-amzn-requestid");
    headers.insert(id, HeaderValue::from_static("00000000-0000-0000-0000-000000000000"));
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(reply.date));
    if let Ok(date) = HeaderValue::from_str(&date) {
        headers.insert(DATE, date);
    }
    response
}
