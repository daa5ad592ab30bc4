//! The way of a request that is not answered at once.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body;
use snowmelt_core::{Arrival, Lookup as Found};
use snowmelt_http::{How, Lookup, Match, Reason};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::error::LoadError;
use crate::fetched::{self, Fetched};
use crate::reader::Reader;

use super::body::CacheBody;
use super::handler::Handler;
use super::value::HttpResponse;
use super::work::{Asked, Job, NotShared, Outcome, Slot, load, pass, respond};

type Answer<RB, E> = Result<Response<CacheBody<RB>>, E>;
type Fetch = Result<Fetched<HttpResponse, NotShared>, LoadError<NotShared>>;

/// Where the way begins.
pub(super) struct Start {
    /// The primary key, or that of a variant.
    pub(super) key: String,
    /// Whether it is that of a variant.
    pub(super) variant: bool,
    pub(super) found: Found<HttpResponse>,
    pub(super) arrival: Arrival,
}

pub(super) struct Flow<S: Handler<B>, B: Send + 'static> {
    asked: Arc<Asked>,
    slot: Arc<Slot<S, B>>,
    /// What the own load tells, if there is one.
    told: oneshot::Receiver<Outcome<S::Body, S::Error>>,
}

impl<S: Handler<B>, B: Send + 'static> Flow<S, B> {
    pub(super) fn new(asked: Asked, job: Job<S, B>) -> Self {
        let (tell, told) = oneshot::channel();
        Self { asked: Arc::new(asked), slot: Arc::new(Slot::new(Some((job, tell)))), told }
    }

    pub(super) async fn run(self, start: Start) -> Answer<S::Body, S::Error> {
        match self.asked.question.lookup {
            Lookup::Shared => self.shared(start).await,
            Lookup::Anew => self.anew(&start.key).await,
            Lookup::Alone(reason) => match self.stored(start).await {
                Some(response) => Ok(response),
                None => self.alone(reason).await,
            },
            Lookup::OnlyCached => match self.stored(start).await {
                Some(response) => Ok(response),
                None => Ok(respond(self.asked.rules.policy.unsatisfied(), &Bytes::new())),
            },
        }
    }

    async fn shared(self, mut start: Start) -> Answer<S::Body, S::Error> {
        let mut again = false;
        loop {
            let Start { key, variant, found, arrival } = start;
            let fetched = self.fetch(&key, found, arrival).await;
            if self.slot.lock().is_none() {
                return self.led(&key, fetched).await;
            }
            let fetched = match fetched {
                Ok(fetched) => fetched,
                Err(error) => match self.rescued(&key, error).await {
                    Ok(fetched) => fetched,
                    Err(reason) if again || !self.asks_again(reason) => return self.alone(reason).await,
                    Err(_) => {
                        again = true;
                        start = self.start(key, variant, arrival);
                        continue;
                    }
                },
            };
            match self.matches(&fetched.value) {
                Match::Yes => return Ok(self.asked.answer(&fetched.value, how(fetched.how))),
                Match::Other(key) if !variant => start = self.start(key, true, arrival),
                Match::Other(_) => return self.alone(Reason::VaryChanged).await,
                Match::TooOld => return self.anew(&key).await,
            }
        }
    }

    async fn fetch(&self, key: &str, found: Found<HttpResponse>, arrival: Arrival) -> Fetch {
        let (asked, slot, found_under) = (Arc::clone(&self.asked), Arc::clone(&self.slot), key.to_owned());
        let rules = &self.asked.rules;
        let reader = Reader::new(&rules.cache.shared, arrival, Some(&rules.fetching));
        reader.fetch(key, found, move || load(asked, slot, found_under)).await
    }

    /// This request's own load ended, or it goes on and there is an old response
    /// meanwhile. What it came to is for this request, unless it is a failure
    /// and the old response may be served.
    async fn led(mut self, key: &str, fetched: Fetch) -> Answer<S::Body, S::Error> {
        let told = match &fetched {
            Ok(fetched) if fetched.how != fetched::How::Loaded => self.told.try_recv(),
            _ => (&mut self.told).await.map_err(|_| TryRecvError::Closed),
        };
        if told.as_ref().map_or(true, Outcome::is_failure) {
            let old = match fetched {
                Ok(fetched) => Ok(fetched),
                Err(error) => self.rescued(key, error).await,
            };
            if let Ok(old) = old
                && self.matches(&old.value) == Match::Yes
            {
                return Ok(self.asked.answer(&old.value, how(old.how)));
            }
        }
        let told = match told {
            Err(TryRecvError::Empty) => self.told.await.ok(),
            told => told.ok(),
        };
        told.map_or_else(|| Ok(interrupted()), |outcome| self.asked.deliver(outcome))
    }

    /// The old response in place of a failure; else why there is none to share.
    async fn rescued(
        &self,
        key: &str,
        error: LoadError<NotShared>,
    ) -> Result<Fetched<HttpResponse, NotShared>, Reason> {
        let reason = error.loader_error().map_or(Reason::Failed, |not_shared| not_shared.0);
        if !reason.is_failure() {
            return Err(reason);
        }
        self.asked.rules.cache.rescue_or(key, error).await.map_err(|_| reason)
    }

    /// What is stored, without a load.
    async fn stored(&self, start: Start) -> Option<Response<CacheBody<S::Body>>> {
        let cache = &self.asked.rules.cache;
        let Start { mut key, mut variant, mut found, .. } = start;
        loop {
            if matches!(found, Found::Due) {
                cache.catch_up_for_read().await;
                found = cache.after_catch_up(&key);
            }
            let value = found.value()?;
            match self.matches(&value) {
                Match::Yes => return Some(self.asked.answer(&value, How::Hit)),
                Match::Other(other) if !variant => (key, variant) = (other, true),
                Match::Other(_) | Match::TooOld => return None,
            }
            found = cache.look(&key);
        }
    }

    /// Runs the handler for this request, and stores what it makes for the next ones.
    async fn anew(self, key: &str) -> Answer<S::Body, S::Error> {
        let Some((job, _)) = self.slot.lock().take() else { return Ok(interrupted()) };
        let cache = &self.asked.rules.cache;
        let moment = cache.moment(key);
        let outcome = self.asked.work(job).await;
        if let Outcome::Kept(kept) = &outcome {
            // The policy makes no key that a cache refuses.
            let _ = cache.insert_since(key, kept.loaded.clone(), moment);
        }
        self.asked.deliver(outcome)
    }

    /// Runs the handler for this request alone.
    async fn alone(self, reason: Reason) -> Answer<S::Body, S::Error> {
        let Some((job, _)) = self.slot.lock().take() else { return Ok(interrupted()) };
        let request = self.asked.for_everybody(job.request);
        let (parts, body) = job.handler.run(request).await?.into_parts();
        let Asked { rules, question, .. } = &*self.asked;
        Ok(pass(rules, self.asked.view(), Some(question), reason, parts, CacheBody::inner(body)))
    }

    fn start(&self, key: String, variant: bool, arrival: Arrival) -> Start {
        let found = self.asked.rules.cache.look(&key);
        Start { key, variant, found, arrival }
    }

    fn asks_again(&self, reason: Reason) -> bool {
        self.asked.rules.policy.asks_again(&self.asked.view().request(), reason)
    }

    fn matches(&self, value: &HttpResponse) -> Match {
        let Asked { rules, question, .. } = &*self.asked;
        let request = self.asked.view().request();
        rules.policy.matches(&request, question, value.meta(), rules.now_ms())
    }
}

/// The words of the policy.
fn how(how: fetched::How) -> How {
    match how {
        fetched::How::Hit => How::Hit,
        fetched::How::Loaded => How::Miss,
        fetched::How::Coalesced => How::Coalesced,
        fetched::How::Stale | fetched::How::StaleOnError => How::Stale,
    }
}

/// The runtime that ran the handler is being shut down, and this request is not on it.
fn interrupted<RB: Body>() -> Response<CacheBody<RB>> {
    let mut response = Response::new(CacheBody::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
