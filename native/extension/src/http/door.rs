//! From hyper's requests to a service's answers.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};

use super::connection::{Phase, Progress};
use super::guard::Gate;
use super::problem::problem;
use super::server::Shared;
use super::{Answer, Response, SentBeforeFreeze, Service};
use crate::Pending;

/// A port's service behind its guards.
pub(super) struct House<S> {
    pub(super) service: S,
    pub(super) gate: Gate,
    pub(super) shared: Arc<Shared>,
}

/// A connection's way to the service.
pub(super) struct Door<S> {
    house: Arc<House<S>>,
    progress: Arc<Progress>,
}

impl<S: Service> Door<S> {
    pub(super) fn new(house: Arc<House<S>>, progress: Arc<Progress>) -> Self {
        Self { house, progress }
    }

    fn answer(&self, mut request: http::Request<Incoming>) -> Answer {
        if let Err(refusal) = self.house.gate.check(&request) {
            return Answer::Now(*refusal);
        }
        if request.method() == Method::HEAD {
            *request.method_mut() = Method::GET;
        }
        // What a read asks for is not older than its answer.
        if request.method() != Method::GET && self.progress.froze() {
            request.extensions_mut().insert(SentBeforeFreeze);
        }
        if request.body().is_end_stream() {
            self.progress.enter(Phase::Answering);
            return self.house.service.answer(request.map(|_| Bytes::new()));
        }
        self.progress.enter(Phase::Body);
        let (mut head, body) = request.into_parts();
        self.house.service.received(&mut head);
        let (house, progress) = (Arc::clone(&self.house), Arc::clone(&self.progress));
        Answer::Later(Box::pin(async move {
            let mut held = Held { shared: Arc::clone(&house.shared), bytes: 0 };
            let body = match held.collect(body, head.headers.contains_key(EXPECT)).await {
                Ok(body) => body,
                Err(refusal) => return *refusal,
            };
            progress.enter(Phase::Answering);
            match house.service.answer(http::Request::from_parts(head, body)) {
                Answer::Now(response) => response,
                Answer::Later(response) => response.await,
            }
        }))
    }

    /// The last thing that is done to an answer.
    fn reply(&self, mut response: Response) -> http::Response<Full<Bytes>> {
        if self.house.shared.stopping.load(Ordering::Relaxed) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.progress.enter(Phase::Writing);
        response.map(Full::new)
    }
}

impl<S: Service> hyper::service::Service<http::Request<Incoming>> for Door<S> {
    type Response = http::Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Reply<S>;

    fn call(&self, request: http::Request<Incoming>) -> Reply<S> {
        match catch_unwind(AssertUnwindSafe(|| self.answer(request))) {
            Ok(Answer::Now(response)) => Reply::Now(Some(self.reply(response))),
            Ok(Answer::Later(answer)) => {
                let door = Self { house: Arc::clone(&self.house), progress: Arc::clone(&self.progress) };
                Reply::Later { answer, door }
            }
            Err(_) => Reply::Now(Some(self.reply(panicked()))),
        }
    }
}

/// An answer on its way.
pub(super) enum Reply<S> {
    Now(Option<http::Response<Full<Bytes>>>),
    Later { answer: Pending<Response>, door: Door<S> },
}

impl<S> Unpin for Reply<S> {}

impl<S: Service> Future for Reply<S> {
    type Output = Result<http::Response<Full<Bytes>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Now(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                // Polled after its end.
                None => Poll::Pending,
            },
            Self::Later { answer, door } => {
                let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
                polled.unwrap_or_else(|_| Poll::Ready(panicked())).map(|response| Ok(door.reply(response)))
            }
        }
    }
}

/// The panic's own message went to the panic hook: it may hold anything.
fn panicked() -> Response {
    let message = "the request could not be answered because of a defect: see the extension's log";
    problem(StatusCode::INTERNAL_SERVER_ERROR, "Panicked", message)
}

/// A body that is too large is read on (and thrown away) up to so many times
/// the bound, so that the client gets to read the answer.
const READ_ON: usize = 4;

/// So much is allocated before anything has come, whatever a client announces.
const AT_FIRST: usize = 64 << 10;

/// What a request's body takes of the bound on all bodies.
struct Held {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.bodies.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Held {
    /// The body as one piece of its own: what hyper read it into is larger, and
    /// would stay for as long as the piece does.
    async fn collect(&mut self, mut body: Incoming, expects: bool) -> Result<Bytes, Box<Response>> {
        let most = self.shared.limits.body;
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > most && (expects || announced > most.saturating_mul(READ_ON)) {
            return Err(too_large(most));
        }
        let (mut whole, mut seen) = (Vec::with_capacity(announced.min(AT_FIRST)), 0_usize);
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return Err(cut()) };
            let Ok(piece) = frame.into_data() else { continue };
            seen = seen.saturating_add(piece.len());
            if seen > most.saturating_mul(READ_ON) {
                break;
            }
            if seen > most {
                whole = Vec::new();
                continue;
            }
            self.hold(piece.len())?;
            whole.extend_from_slice(&piece);
        }
        if seen > most { Err(too_large(most)) } else { Ok(whole.into_boxed_slice().into()) }
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Box<Response>> {
        let before = self.shared.bodies.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before + bytes <= self.shared.limits.bodies {
            return Ok(());
        }
        let message = "too many large bodies are being sent at once: send them one after another";
        Err(Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, "TooManyBodies", message)))
    }
}

fn too_large(most: usize) -> Box<Response> {
    let message = format!("the body is longer than {most} bytes: send less");
    Box::new(problem(StatusCode::PAYLOAD_TOO_LARGE, "BodyTooLarge", &message))
}

fn cut() -> Box<Response> {
    let message = "the body ended before it was complete, or is malformed";
    Box::new(problem(StatusCode::BAD_REQUEST, "BodyIncomplete", message))
}
