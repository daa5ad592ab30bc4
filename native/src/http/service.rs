//! The layer's service: what can be answered at once is.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use snowmelt_core::Lookup as Found;
use snowmelt_http::{Ask, How, Lookup, Match, Question, Reason};
use tower_service::Service;

use super::body::{CacheBody, Collected, collect, ends};
use super::flow::{Flow, Start};
use super::future::CacheFuture;
use super::handler::Handler;
use super::head::{Said, Sent, View};
use super::layer::{AsTheyAre, ReadAhead};
use super::rules::Rules;
use super::work::{Asked, Job, answer, pass};

/// A service behind a [`CacheLayer`](super::CacheLayer).
///
/// It is always ready: what is cached is answered whether the service within is ready or not. A clone of that is
/// waited for and called where the handler has to run.
pub struct CacheService<S, M = AsTheyAre> {
    inner: S,
    rules: Arc<Rules>,
    bodies: PhantomData<fn() -> M>,
}

impl<S, M> CacheService<S, M> {
    pub(super) fn new(inner: S, rules: Arc<Rules>) -> Self {
        Self { inner, rules, bodies: PhantomData }
    }
}

impl<S: Clone, M> Clone for CacheService<S, M> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.rules))
    }
}

impl<S, M> fmt::Debug for CacheService<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheService").field("cache", &self.rules.cache).finish_non_exhaustive()
    }
}

impl<S, B> Service<Request<B>> for CacheService<S, AsTheyAre>
where
    S: Handler<B>,
    B: Body + Send + 'static,
{
    type Response = Response<CacheBody<S::Body>>;
    type Error = S::Error;
    type Future = CacheFuture<S::Body, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        match self.rules.enter(&parts) {
            Entry::Through => through(&self.inner, parts, body),
            Entry::Skipped(said) => self.rules.bypass(
                &self.inner,
                Incoming { parts, body, said, sent: Sent::Unread },
                Reason::Skipped,
            ),
            Entry::Ask(said) => {
                let sent = if ends(&body) { Sent::Nothing } else { Sent::Unread };
                self.rules.ask(&self.inner, Incoming { parts, body, said, sent })
            }
        }
    }
}

impl<S, B> Service<Request<B>> for CacheService<S, ReadAhead>
where
    S: Handler<CacheBody<B>>,
    B: Body<Data = Bytes, Error: Send> + Send + 'static,
{
    type Response = Response<CacheBody<S::Body>>;
    type Error = S::Error;
    type Future = CacheFuture<S::Body, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let said = match self.rules.enter(&parts) {
            Entry::Through => return through(&self.inner, parts, CacheBody::inner(body)),
            Entry::Skipped(said) => {
                let body = CacheBody::inner(body);
                let request = Incoming { parts, body, said, sent: Sent::Unread };
                return self.rules.bypass(&self.inner, request, Reason::Skipped);
            }
            Entry::Ask(said) => said,
        };
        let nothing = ends(&body);
        match self.rules.wants_body(&parts, &said).filter(|_| !nothing) {
            None => {
                let sent = if nothing { Sent::Nothing } else { Sent::Unread };
                self.rules.ask(&self.inner, Incoming { parts, body: CacheBody::inner(body), said, sent })
            }
            Some(most) => {
                let (rules, inner) = (Arc::clone(&self.rules), self.inner.clone());
                CacheFuture::boxed(async move {
                    let (body, sent) = match collect(body, most, None).await {
                        Collected::Whole(bytes) => (CacheBody::whole(bytes.clone()), Sent::Read(bytes)),
                        Collected::Parted(body, _) => (body, Sent::Unread),
                    };
                    rules.ask(&inner, Incoming { parts, body, said, sent }).await
                })
            }
        }
    }
}

/// What is done with a request before the policy is asked.
enum Entry {
    /// A layer on the same cache has it in hand already.
    Through,
    Skipped(Said),
    Ask(Said),
}

/// A request, taken apart.
struct Incoming<B> {
    parts: Parts,
    body: B,
    said: Said,
    sent: Sent,
}

impl<B> Incoming<B> {
    fn view(&self) -> View<'_> {
        View::new(&self.parts, &self.said, &self.sent)
    }
}

/// Runs the handler, and leaves its response as it is.
fn through<S, B>(inner: &S, parts: Parts, body: B) -> CacheFuture<S::Body, S::Error>
where
    S: Handler<B>,
    B: Send + 'static,
{
    let run = inner.clone().run(Request::from_parts(parts, body));
    CacheFuture::boxed(async move { Ok(run.await?.map(CacheBody::inner)) })
}

impl Rules {
    fn enter(&self, parts: &Parts) -> Entry {
        if self.in_hand(parts) {
            Entry::Through
        } else if self.skips(parts) {
            Entry::Skipped(Said { uri: self.uri(parts), key: None })
        } else {
            Entry::Ask(Said { uri: self.uri(parts), key: self.key(parts) })
        }
    }

    fn ask<S, B>(self: &Arc<Self>, inner: &S, request: Incoming<B>) -> CacheFuture<S::Body, S::Error>
    where
        S: Handler<B>,
        B: Send + 'static,
    {
        let question = match self.policy.ask(&request.view().request()) {
            Ask::Bypass(reason) => return self.bypass(inner, request, reason),
            Ask::Look(question) => question,
        };
        match self.look(request.view(), &question) {
            Ok(response) => CacheFuture::ready(response),
            Err(start) => {
                let asked = Asked { rules: Arc::clone(self), head: request.view().keep(), question };
                let Incoming { parts, body, .. } = request;
                let job = Job { handler: inner.clone(), request: Request::from_parts(parts, body) };
                CacheFuture::boxed(Flow::new(asked, job).run(*start))
            }
        }
    }

    /// Answers from memory, without waiting for anything; else says where to go on.
    fn look<RB: Body>(
        &self,
        view: View<'_>,
        question: &Question,
    ) -> Result<Response<CacheBody<RB>>, Box<Start>> {
        let arrival = self.cache.arrive();
        let (mut key, mut variant) = (Cow::Borrowed(question.key.as_str()), false);
        loop {
            let mut found = Found::Miss;
            if question.lookup != Lookup::Anew {
                found = self.cache.look(&key);
            }
            if let Found::Hit(value) = &found {
                match self.policy.matches(&view.request(), question, value.meta(), self.now_ms()) {
                    Match::Yes => return Ok(answer(self, view, question, value, How::Hit)),
                    Match::Other(other) if !variant => {
                        (key, variant) = (Cow::Owned(other), true);
                        continue;
                    }
                    Match::Other(_) | Match::TooOld => {}
                }
            }
            return Err(Box::new(Start { key: key.into_owned(), variant, found, arrival }));
        }
    }

    /// Runs the handler with the request as it is.
    fn bypass<S, B>(
        self: &Arc<Self>,
        inner: &S,
        request: Incoming<B>,
        reason: Reason,
    ) -> CacheFuture<S::Body, S::Error>
    where
        S: Handler<B>,
        B: Send + 'static,
    {
        let (rules, inner, head) = (Arc::clone(self), inner.clone(), request.view().keep());
        CacheFuture::boxed(async move {
            let request = Request::from_parts(request.parts, request.body);
            let (parts, body) = inner.run(request).await?.into_parts();
            let changed = rules.policy.invalidates(&head.view().request(), parts.status.as_u16());
            if let Some(changed) = changed
                && let Err(error) = rules.cache.invalidate(changed).await
            {
                tracing::warn!(%error, "the pages of a URL that was written to were not invalidated everywhere");
            }
            Ok(pass(&rules, head.view(), None, reason, parts, CacheBody::inner(body)))
        })
    }
}
