//! Bodies: whole ones, and those of which the beginning was read.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use pin_project_lite::pin_project;
use snowmelt_http::Reason;
use tokio::time::{Instant, timeout_at};

pin_project! {
    /// A body that is at hand, or that of a handler, or one of which the beginning was read
    /// already. Backpressure and errors are those of the body within.
    ///
    /// It is what a [`CacheLayer`](super::CacheLayer) answers with, and with
    /// [`key_body`](super::CacheLayerBuilder::key_body) also what the handler is given.
    pub struct CacheBody<B: Body> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = Pinned]
    enum Kind<B: Body> {
        Whole { bytes: Bytes },
        Inner { #[pin] body: B },
        Parted { parted: Box<Parted<B>> },
    }
}

/// A body of which the beginning was read.
struct Parted<B: Body> {
    front: Bytes,
    /// What was read last: more data than could be kept, trailers, or an error.
    last: Option<Result<Frame<Bytes>, B::Error>>,
    rest: Option<Pin<Box<B>>>,
}

impl<B: Body> CacheBody<B> {
    pub(super) fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { kind: Kind::Whole { bytes } }
    }

    pub(super) fn inner(body: B) -> Self {
        Self { kind: Kind::Inner { body } }
    }

    fn parted(parted: Parted<B>) -> Self {
        Self { kind: Kind::Parted { parted: Box::new(parted) } }
    }
}

impl<B: Body<Data = Bytes>> Body for CacheBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            Pinned::Whole { bytes } => Poll::Ready(data(bytes)),
            Pinned::Inner { body } => body.poll_frame(context),
            Pinned::Parted { parted } => parted.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole { bytes } => bytes.is_empty(),
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Parted { parted } => parted.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole { bytes } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Inner { body } => body.size_hint(),
            Kind::Parted { parted } => parted.size_hint(),
        }
    }
}

/// Takes all there is.
fn data<E>(bytes: &mut Bytes) -> Option<Result<Frame<Bytes>, E>> {
    let bytes = std::mem::take(bytes);
    (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)))
}

impl<B: Body<Data = Bytes>> Parted<B> {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Some(frame) = data(&mut self.front).or_else(|| self.last.take()) {
            return Poll::Ready(Some(frame));
        }
        match &mut self.rest {
            Some(rest) => rest.as_mut().poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.front.is_empty() && self.last.is_none() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    /// A body that ended with an error has no length: it must not look as if it
    /// were whole.
    fn size_hint(&self) -> SizeHint {
        let last = self.last.as_ref().map(|last| last.as_ref().ok().and_then(Frame::data_ref));
        let read = (self.front.len() + last.flatten().map_or(0, Bytes::len)) as u64;
        let mut hint = SizeHint::new();
        let Some(rest) = self.rest.as_ref().map(Body::size_hint) else {
            hint.set_lower(read);
            return hint;
        };
        hint.set_lower(read.saturating_add(rest.lower()));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
            hint.set_upper(upper);
        }
        hint
    }
}

impl<B: Body> fmt::Debug for CacheBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBody").finish_non_exhaustive()
    }
}

/// Whether nothing follows a head.
pub(super) fn ends<B: Body>(body: &B) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

/// A body, read as far as that went.
pub(super) enum Collected<B: Body> {
    Whole(Bytes),
    /// Not to be kept, and why; all of it, to be sent on.
    Parted(CacheBody<B>, Reason),
}

/// Reads a body: at most so many bytes, for at most so long, and no trailers.
pub(super) async fn collect<B>(body: B, most: u64, within: Option<Duration>) -> Collected<B>
where
    B: Body<Data = Bytes>,
{
    let expected = body.size_hint().lower();
    if expected > most {
        return Collected::Parted(CacheBody::inner(body), Reason::BodyTooLarge);
    }
    let deadline = within.and_then(|within| Instant::now().checked_add(within));
    let mut body = Box::pin(body);
    // A hint only: it does not decide how much memory is taken at once.
    let mut read = Vec::with_capacity(usize::try_from(expected).unwrap_or(0).min(MOST_AT_ONCE));
    let (last, reason) = loop {
        let frame = match deadline {
            // A body that is always ready must not outlast it either.
            Some(deadline) if Instant::now() >= deadline => break (None, Reason::Endless),
            Some(deadline) => match timeout_at(deadline, body.frame()).await {
                Ok(frame) => frame,
                Err(_) => break (None, Reason::Endless),
            },
            None => body.frame().await,
        };
        match frame {
            // In memory of its own, no larger than it: what was read may lie in
            // a buffer that is much larger.
            None => return Collected::Whole(Bytes::from(read.into_boxed_slice())),
            Some(Err(error)) => break (Some(Err(error)), Reason::Failed),
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) if (read.len() + data.len()) as u64 <= most => read.extend_from_slice(data),
                Some(_) => break (Some(Ok(frame)), Reason::BodyTooLarge),
                None => break (Some(Ok(frame)), Reason::Trailers),
            },
        }
    };
    let rest = if reason == Reason::Failed { None } else { Some(body) };
    Collected::Parted(CacheBody::parted(Parted { front: read.into(), last, rest }), reason)
}

const MOST_AT_ONCE: usize = 64 * 1024;
