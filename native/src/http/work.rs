//! One run of the handler, and what becomes of its response.

use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, Response, StatusCode, response};
use http_body::Body;
use parking_lot::Mutex;
use snowmelt_http::{Answer, How, Keep, Question, Reason, ResponseHead, Verdict};
use tokio::sync::oneshot;

use crate::loaded::Loaded;

use super::body::{CacheBody, Collected, collect};
use super::handler::{Handler, Panic, caught};
use super::head::{Head, View};
use super::rules::Rules;
use super::value::HttpResponse;

/// What is known of a request on its way to the handler.
pub(super) struct Asked {
    pub(super) rules: Arc<Rules>,
    pub(super) head: Head,
    pub(super) question: Question,
}

/// What the handler is run with.
pub(super) struct Job<S, B> {
    pub(super) handler: S,
    pub(super) request: Request<B>,
}

/// Where a job is until someone takes it: the load, or the request itself. The load also takes what it
/// tells the request with.
pub(super) type Slot<S, B> = Mutex<Option<(Job<S, B>, Tell<S, B>)>>;
pub(super) type Tell<S, B> = oneshot::Sender<Outcome<<S as Handler<B>>::Body, <S as Handler<B>>::Error>>;

/// What a run came to.
pub(super) enum Outcome<RB: Body, E> {
    Kept(Box<Kept>),
    Passed(Passed<RB>),
    Failed(E),
    Panicked(Panic),
}

/// A response that others may have.
pub(super) struct Kept {
    pub(super) loaded: Loaded<HttpResponse>,
    /// For the client whose request ran the handler, and for nobody else.
    own: HeaderMap,
    extensions: Extensions,
}

/// One that they may not.
pub(super) struct Passed<RB: Body> {
    parts: response::Parts,
    body: CacheBody<RB>,
    reason: Reason,
}

/// Why a load has nothing for those who wait for it: they run the handler themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotShared(pub(super) Reason);

/// Runs the handler for all who ask the same, in a task of its own. `key` is what it is to be stored under.
pub(super) async fn load<S, B>(
    asked: Arc<Asked>,
    slot: Arc<Slot<S, B>>,
    key: String,
) -> Result<Loaded<HttpResponse>, NotShared>
where
    S: Handler<B>,
    B: Send + 'static,
{
    let taken = slot.lock().take();
    // It is there: only those who do not load any more take it themselves.
    let Some((job, tell)) = taken else { return Err(NotShared(Reason::Failed)) };
    let outcome = caught(asked.work(job)).await.unwrap_or_else(Outcome::Panicked);
    let rules = &asked.rules;
    let shared = match &outcome {
        Outcome::Kept(kept) => Ok(kept.loaded.clone()),
        other => Err(NotShared(other.reason())),
    };
    if shared.as_ref().is_err_and(|NotShared(reason)| !reason.is_failure()) {
        // What was said before is not to be served in the place of this.
        rules.cache.delete(&key);
    }
    // If the client is gone, a response that is for it alone ends here.
    let _ = tell.send(outcome);
    shared
}

impl Asked {
    pub(super) fn view(&self) -> View<'_> {
        self.head.view()
    }

    /// Lets the handler make a response for everybody.
    pub(super) async fn work<S, B>(&self, job: Job<S, B>) -> Outcome<S::Body, S::Error>
    where
        S: Handler<B>,
    {
        let response = match job.handler.run(self.for_everybody(job.request)).await {
            Ok(response) => response,
            Err(error) => return Outcome::Failed(error),
        };
        let (parts, body) = response.into_parts();
        let keep = match self.judge(&parts) {
            Verdict::Pass(reason) => return Outcome::passed(parts, CacheBody::inner(body), reason),
            Verdict::Keep(keep) => keep,
        };
        match collect(body, keep.body_cap, Some(self.rules.body_timeout)).await {
            Collected::Whole(bytes) => self.sealed(keep, parts, bytes),
            Collected::Parted(body, reason) => Outcome::passed(parts, body, reason),
        }
    }

    /// The request without what would make the response one for this client only.
    pub(super) fn for_everybody<B>(&self, request: Request<B>) -> Request<B> {
        let (mut parts, body) = request.into_parts();
        for name in self.question.drop_request_headers {
            parts.headers.remove(*name);
        }
        self.rules.take_in_hand(&mut parts);
        Request::from_parts(parts, body)
    }

    fn judge(&self, parts: &response::Parts) -> Verdict {
        let ttl = self.rules.functions.ttl.as_ref().and_then(|ttl| ttl(parts.status, &parts.headers));
        let head = ResponseHead { status: parts.status.as_u16(), headers: &parts.headers, ttl };
        self.rules.policy.judge(&self.view().request(), &self.question, &head, self.rules.now_ms())
    }

    fn sealed<RB, E>(&self, mut keep: Keep, parts: response::Parts, body: Bytes) -> Outcome<RB, E>
    where
        RB: Body<Data = Bytes>,
    {
        let (ttl, stale, rescue) = (keep.ttl, keep.stale_while_revalidate, keep.stale_if_error);
        let (own, tags) = (std::mem::take(&mut keep.own), std::mem::take(&mut keep.tags));
        let meta = match self.rules.policy.seal(keep, &body) {
            Ok(meta) => meta,
            Err(reason) => return Outcome::passed(parts, CacheBody::whole(body), reason),
        };
        let value = HttpResponse::new(meta, body);
        let weight = value.weight();
        let loaded = Loaded::new(value)
            .tags(tags)
            .ttl(ttl)
            .stale_while_revalidate(stale)
            .stale_if_error(rescue)
            .absent(false)
            .weight(weight);
        Outcome::Kept(Box::new(Kept { loaded, own, extensions: parts.extensions }))
    }

    /// What a client gets of a stored response.
    pub(super) fn answer<RB: Body>(&self, value: &HttpResponse, how: How) -> Response<CacheBody<RB>> {
        answer(&self.rules, self.view(), &self.question, value, how)
    }

    /// What the client gets whose request ran the handler.
    pub(super) fn deliver<RB, E>(&self, outcome: Outcome<RB, E>) -> Result<Response<CacheBody<RB>>, E>
    where
        RB: Body,
    {
        match outcome {
            Outcome::Kept(kept) => {
                let mut response = self.answer(&kept.loaded.value, How::Miss);
                for (name, value) in &kept.own {
                    response.headers_mut().append(name, value.clone());
                }
                *response.extensions_mut() = kept.extensions;
                Ok(response)
            }
            Outcome::Passed(Passed { parts, body, reason }) => {
                Ok(pass(&self.rules, self.view(), Some(&self.question), reason, parts, body))
            }
            Outcome::Failed(error) => Err(error),
            // Where the server expects it, as if there were no cache.
            Outcome::Panicked(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl<RB: Body, E> Outcome<RB, E> {
    fn passed(parts: response::Parts, body: CacheBody<RB>, reason: Reason) -> Self {
        Self::Passed(Passed { parts, body, reason })
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Passed(passed) => passed.reason,
            _ => Reason::Failed,
        }
    }

    /// Whether an old response is better than this.
    pub(super) fn is_failure(&self) -> bool {
        !matches!(self, Self::Kept(_)) && self.reason().is_failure()
    }
}

/// What a client gets of a stored response.
pub(super) fn answer<RB: Body>(
    rules: &Rules,
    view: View<'_>,
    question: &Question,
    value: &HttpResponse,
    how: How,
) -> Response<CacheBody<RB>> {
    let answer = rules.policy.answer(&view.request(), question, value.meta(), how, rules.now_ms());
    respond(answer, value.body())
}

/// An answer of the policy.
pub(super) fn respond<RB: Body>(answer: Answer, body: &Bytes) -> Response<CacheBody<RB>> {
    let body = if answer.with_body { CacheBody::whole(body.clone()) } else { CacheBody::empty() };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    *response.headers_mut() = answer.headers;
    response
}

/// What a client gets of a response that is for it alone.
pub(super) fn pass<RB: Body>(
    rules: &Rules,
    view: View<'_>,
    question: Option<&Question>,
    reason: Reason,
    mut parts: response::Parts,
    body: CacheBody<RB>,
) -> Response<CacheBody<RB>> {
    let status = parts.status.as_u16();
    let passed = rules.policy.pass(&view.request(), question, reason, status, &mut parts.headers);
    if passed.status != status {
        parts.status = StatusCode::from_u16(passed.status).unwrap_or(parts.status);
    }
    // The server leaves out the body of an answer to HEAD, and takes its length from it.
    let sent = passed.with_body || view.method == http::Method::HEAD;
    Response::from_parts(parts, if sent { body } else { CacheBody::empty() })
}
