//! `GET /cache/{key}`.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use http::{Method, StatusCode};
use snowmelt::host::{Arrival, LoadEnd, Lookup};
use snowmelt::{Begin, CatchUpToError, Joined, PositionToken};
use tokio::time::{Instant, timeout_at};

use super::ask::{self, Query, Wait};
use super::{Blob, Refusal, Shared, bad, leases, refusal, with_type};
use crate::http::{Answer, Request, Response, problem};

/// The most that `after` may take, if no `wait` says less.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(2);

/// The longest key that is waited for, in bytes: each lease that is handed out
/// holds its own.
const LONGEST_AWAITED: usize = 4 << 10;

pub(super) fn get<V: Blob>(shared: &Arc<Shared<V>>, request: &Request) -> Result<Answer, Refusal> {
    debug_assert_eq!(request.method(), Method::GET);
    let key = ask::key(request.uri())?;
    let query = Query::of(request.uri())?;
    let after = match &query.after {
        Some(after) => Some(&**after),
        None => ask::text(request.headers(), &ask::AFTER)?,
    };
    let after = after.map(str::parse::<PositionToken>).transpose().map_err(|error| ask::input(&error))?;
    if query.wait != Wait::No && key.len() > LONGEST_AWAITED {
        let message =
            format!("a key of {} bytes cannot be waited for: use at most {LONGEST_AWAITED}", key.len());
        return Err(bad("InvalidKey", &message));
    }
    shared.cache.awake();
    let arrival = shared.cache.arrive();
    let mut due = false;
    if after.is_none() {
        match shared.cache.look(&key) {
            Lookup::Hit(value) | Lookup::Ahead(value) => return Ok(Answer::Now(hit(&value))),
            Lookup::Miss if query.wait == Wait::No => return Ok(Answer::Now(miss())),
            Lookup::Miss => {}
            Lookup::Due => due = true,
        }
    }
    let ask = Ask { key: key.into_owned(), wait: query.wait, after, due, arrival };
    let shared = Arc::clone(shared);
    Ok(Answer::Later(Box::pin(async move { ask.answer(&shared).await.unwrap_or_else(|refusal| *refusal) })))
}

/// A read that takes a while.
struct Ask {
    key: String,
    wait: Wait,
    after: Option<PositionToken>,
    /// A catch-up is to be tried first.
    due: bool,
    arrival: Arrival,
}

impl Ask {
    async fn answer<V: Blob>(self, shared: &Shared<V>) -> Result<Response, Refusal> {
        let began = Instant::now();
        if let Some(token) = &self.after {
            let within = if let Wait::For(given) = self.wait { given } else { CATCH_UP_WITHIN };
            shared.cache.catch_up_to(token, within).await.map_err(|error| behind(&error))?;
        }
        if self.due || self.after.is_some() {
            if self.due {
                shared.cache.catch_up_for_read().await;
            }
            if let Some(value) = shared.cache.get_now(&self.key) {
                return Ok(hit(&value));
            }
        }
        // As long as two loads may take: one that began too early for this
        // reader, and its successor.
        let longest = shared.cache.load_timeout().saturating_mul(2);
        match self.wait {
            Wait::No => Ok(miss()),
            Wait::Patiently => self.wait(shared, began + longest).await,
            Wait::For(given) => self.wait(shared, began + given.min(longest)).await,
        }
    }

    /// Contract line 9: until somebody's load brought a value, or it is for
    /// this caller to load it.
    async fn wait<V: Blob>(&self, shared: &Shared<V>, deadline: Instant) -> Result<Response, Refusal> {
        loop {
            let begun = shared.cache.find_or_begin(&self.key, self.arrival);
            let joined = match begun.map_err(|error| ask::input(&error))? {
                ControlFlow::Break(value) => return Ok(hit(&value)),
                ControlFlow::Continue(Begin::Lead(lease)) => {
                    let id = shared.leases().hold(lease);
                    return id.map_or_else(|| Err(no_randomness()), |id| Ok(lead(&id)));
                }
                ControlFlow::Continue(Begin::Join(joined)) => joined,
            };
            match landed(&joined, deadline).await {
                Some(LoadEnd::Loaded(value)) => return Ok(hit(&value)),
                Some(_) => {}
                None => return Ok(waited_in_vain()),
            }
        }
    }
}

/// How a load ended; `None` if `deadline` came first.
async fn landed<V: Blob>(joined: &Joined<V>, deadline: Instant) -> Option<LoadEnd<V>> {
    timeout_at(deadline, joined.land()).await.ok()?;
    Some(joined.end())
}

fn hit<V: Blob>(value: &V) -> Response {
    with_type(value.body().clone(), value.content_type().clone())
}

fn miss() -> Response {
    problem(StatusCode::NOT_FOUND, "Miss", "nothing is cached under this key")
}

fn lead(id: &leases::Id) -> Response {
    let message =
        "nothing is cached under this key: load it, and PUT it with the header Snowmelt-Lease of this answer";
    let mut response = problem(StatusCode::NOT_FOUND, "Lead", message);
    if let Ok(id) = HeaderValue::try_from(leases::print(id)) {
        response.headers_mut().insert(ask::LEASE, id);
    }
    response
}

fn waited_in_vain() -> Response {
    let message = "another caller is loading this key and was not done in time: load it and PUT it without a lease, or wait longer";
    problem(StatusCode::NOT_FOUND, "WaitedInVain", message)
}

fn no_randomness() -> Refusal {
    let message =
        "no lease could be made, since the system has no randomness: load the value and PUT it without one";
    refusal(StatusCode::SERVICE_UNAVAILABLE, "NoRandomness", message)
}

fn behind(error: &CatchUpToError) -> Refusal {
    match error {
        CatchUpToError::Input(_) => bad(error.code(), &error.to_string()),
        _ => refusal(StatusCode::GATEWAY_TIMEOUT, error.code(), &error.to_string()),
    }
}
