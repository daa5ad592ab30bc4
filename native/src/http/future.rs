//! What a service gives at once: an answer, or the way to it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http_body::Body;

use super::body::CacheBody;

type Answer<RB, E> = Result<Response<CacheBody<RB>>, E>;

/// The response of a [`CacheService`](super::CacheService) to come.
#[must_use = "futures do nothing unless polled"]
pub struct CacheFuture<RB: Body, E>(State<RB, E>);

enum State<RB: Body, E> {
    /// `None` once it was given.
    Ready(Option<Answer<RB, E>>),
    Boxed(Pin<Box<dyn Future<Output = Answer<RB, E>> + Send>>),
}

impl<RB: Body, E> CacheFuture<RB, E> {
    pub(super) fn ready(response: Response<CacheBody<RB>>) -> Self {
        Self(State::Ready(Some(Ok(response))))
    }

    pub(super) fn boxed(future: impl Future<Output = Answer<RB, E>> + Send + 'static) -> Self {
        Self(State::Boxed(Box::pin(future)))
    }
}

// Nothing in it is pinned in place.
impl<RB: Body, E> Unpin for CacheFuture<RB, E> {}

impl<RB: Body, E> Future for CacheFuture<RB, E> {
    type Output = Answer<RB, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(answer) => match answer.take() {
                Some(answer) => Poll::Ready(answer),
                None => panic!("polled after it was ready"),
            },
            State::Boxed(future) => future.as_mut().poll(context),
        }
    }
}

impl<RB: Body, E> fmt::Debug for CacheFuture<RB, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheFuture").finish_non_exhaustive()
    }
}
