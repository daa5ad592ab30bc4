//! Services as what they are here: something that makes a response.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

/// Makes a response of a request. Every tower service that can be cloned, and whose bodies are bytes, is
/// one; there is no other use for this trait than to write that shortly.
pub trait Handler<B>: Clone + Send + 'static {
    /// The response's body.
    type Body: Body<Data = Bytes, Error: Send> + Send + 'static;
    /// Why there is no response.
    type Error: Send + 'static;

    /// Waits until the service is ready, and calls it.
    fn run(
        self,
        request: Request<B>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Self::Error>> + Send;
}

impl<S, B, RB> Handler<B> for S
where
    S: Service<Request<B>, Response = Response<RB>, Future: Send, Error: Send + 'static>
        + Clone
        + Send
        + 'static,
    B: Send + 'static,
    RB: Body<Data = Bytes, Error: Send> + Send + 'static,
{
    type Body = RB;
    type Error = S::Error;

    async fn run(mut self, request: Request<B>) -> Result<Response<RB>, S::Error> {
        poll_fn(|context| self.poll_ready(context)).await?;
        self.call(request).await
    }
}

/// What something panicked with.
pub(super) type Panic = Box<dyn Any + Send>;

/// Ends well or with the panic, which goes on where the request is.
pub(super) async fn caught<F: Future>(future: F) -> Result<F::Output, Panic> {
    let mut future = pin!(future);
    // Nothing of it is used after a panic.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}
