//! Contracts 1 and 2: the AWS cache extension demo's, and its DynamoDB fork's.
//!
//! ```text
//! GET /parameters?name=N            the parameter's value
//! GET /dynamodb?name=Table-hash     an item that config.yaml lists
//! GET /dynamodb?name=table@@hash    any item of a table of cache.yaml
//! ```
//!
//! Sources: `cache-extension-demo` in the repository
//! `aws-samples/aws-lambda-extensions`, and the repository
//! `nthienan/aws-dynamodb-cache-lambda-extension`. Both answer 200 to
//! everything, with `No data found` for what there is not and for what went
//! wrong; so does this with `SNOWMELT_COMPAT=demo`. In the demo a parameter
//! that is not listed is read all the same, in the function's own region; an
//! item that is not listed is not.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use tokio::task::JoinSet;

use crate::answers::{Answers, Failure, Form, How, Outcome, Read, TEXT, Wanted};
use crate::http::{Answer, Request, Response, Service, problem};
use crate::origin::{Ask, Trouble};
use crate::settings::{NameError, Settings, Tables};

use super::query::Query;
use super::selector::Selected;

/// How many things are prefetched at once.
const PREFETCHED_AT_ONCE: usize = 8;

/// Contracts 1 and 2, as the service of a port.
pub struct Demo {
    answers: Answers,
    tables: Tables,
    /// The regions of the parameters that `config.yaml` lists.
    regions: HashMap<String, Option<String>>,
    ttl: Duration,
    compat: bool,
}

/// Why a request cannot be answered.
struct Refused(StatusCode, &'static str, Cow<'static, str>);

impl Demo {
    /// Answers from `answers`, of what `settings` and `tables` list.
    pub fn new(settings: &Settings, answers: Answers, tables: Tables) -> Self {
        let mut regions = HashMap::new();
        for listed in &settings.parameters {
            // The demo's: the first that lists a name has it.
            regions.entry(listed.name.clone()).or_insert_with(|| listed.region.clone());
        }
        Self { answers, tables, regions, ttl: settings.ttl, compat: settings.compat_demo }
    }

    /// Fetches everything that `config.yaml` lists. What cannot be fetched is
    /// logged, and fetched again when it is asked for: so the demo does.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn prefetch(&self) {
        let items = self.tables.items().map(|ask| (Ask::Item(ask.clone()), Form::Item));
        let parameters = self.regions.keys().filter_map(|name| {
            let ask = self.parameter(name);
            let ask = ask.inspect_err(|Refused(.., why)| tracing::warn!(name, "cannot be prefetched: {why}"));
            Some((ask.ok()?, Form::Plain))
        });
        let mut under_way = JoinSet::new();
        for (ask, form) in parameters.chain(items) {
            if under_way.len() >= PREFETCHED_AT_ONCE {
                under_way.join_next().await;
            }
            under_way.spawn(prefetch(self.answers.clone(), self.wanted(ask, form)));
        }
        while under_way.join_next().await.is_some() {}
    }

    fn wanted(&self, ask: Ask, form: Form) -> Wanted {
        Wanted::new(ask, form, How { refresh_now: false, ttl: self.ttl })
    }

    /// Only what is listed: nobody shows a token here, and a parameter can be a
    /// secret.
    fn parameter(&self, name: &str) -> Result<Ask, Refused> {
        let selected = Selected::of(name).map_err(|error| bad(error.to_string()))?;
        let region = self.regions.get(name).or_else(|| self.regions.get(selected.name)).cloned();
        let region = region.ok_or_else(|| {
            let why = "no such parameter is listed: add it to `parameters` in config.yaml";
            Refused(StatusCode::NOT_FOUND, "NotFound", why.into())
        })?;
        Ok(Ask::Parameter(selected.ask(true, region)))
    }

    fn asked(&self, request: &Request) -> Result<Wanted, Refused> {
        let query = Query::of(request.uri());
        let path = request.uri().path().trim_matches('/');
        if !matches!(path, "parameters" | "dynamodb") {
            return Err(unknown_path());
        }
        if request.method() != Method::GET {
            return Err(Refused(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "use GET".into()));
        }
        let name = query.first("name").map_err(|error| bad(error.to_string()))?;
        let name = name.ok_or_else(|| {
            bad(format!("`name` is missing: ask for /{path}?name=NAME, with the name percent-encoded"))
        })?;
        if path == "parameters" {
            let ask = self.parameter(&name)?;
            return Ok(self.wanted(ask, Form::Plain));
        }
        let form = match query.first("format").map_err(|error| bad(error.to_string()))?.as_deref() {
            None | Some("json") => Form::Item,
            Some("dynamodb") => Form::TypedItem,
            Some(_) => {
                return Err(bad("`format` is neither `json` nor `dynamodb`: leave it out for plain JSON"));
            }
        };
        let ask = self.tables.item(&name).map_err(|error| match &error {
            NameError::BadKey { .. } => bad(error.to_string()),
            _ => Refused(StatusCode::NOT_FOUND, "NotFound", error.to_string().into()),
        })?;
        Ok(self.wanted(Ask::Item(ask), form))
    }
}

impl Service for Demo {
    fn answer(&self, request: Request) -> Answer {
        let compat = self.compat;
        let wanted = match self.asked(&request) {
            Ok(wanted) => wanted,
            Err(refused) => return refused.response(compat).into(),
        };
        match self.answers.read(wanted) {
            Read::Now(stored) => stored.response().into(),
            Read::Later(outcome) => Answer::Later(Box::pin(async move { answered(&outcome.await, compat) })),
        }
    }
}

async fn prefetch(answers: Answers, wanted: Wanted) {
    let key = wanted.thing();
    match answers.fetch(wanted).await {
        Ok(Some(_)) => tracing::debug!(what = %key, "prefetched"),
        Ok(None) => tracing::warn!(what = %key, "cannot be prefetched: there is no such thing"),
        Err(error) => tracing::warn!(what = %key, "cannot be prefetched: {error}"),
    }
}

fn answered(outcome: &Outcome, compat: bool) -> Response {
    match outcome {
        Ok(Some(stored)) => stored.response(),
        Ok(None) => {
            Refused(StatusCode::NOT_FOUND, "NotFound", "there is no such thing".into()).response(compat)
        }
        Err(failure) => refused(failure).response(compat),
    }
}

fn refused(failure: &Failure) -> Refused {
    let message = failure.to_string().into();
    match failure {
        Failure::Name(_) => Refused(StatusCode::BAD_REQUEST, "BadRequest", message),
        Failure::Origin(error) => Refused(StatusCode::BAD_GATEWAY, code(error.trouble), message),
        Failure::Interrupted => Refused(StatusCode::BAD_GATEWAY, "Interrupted", message),
    }
}

/// What went wrong with an origin, in a word.
const fn code(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Denied => "Denied",
        Trouble::Throttled => "Throttled",
        Trouble::TimedOut => "TimedOut",
        Trouble::Unavailable => "Unavailable",
        Trouble::Refused => "Refused",
    }
}

fn bad(message: impl Into<Cow<'static, str>>) -> Refused {
    Refused(StatusCode::BAD_REQUEST, "BadRequest", message.into())
}

fn unknown_path() -> Refused {
    let message = "there is no such path: ask for /parameters?name=NAME, /dynamodb?name=NAME, /cache/{key}, \
                   /invalidate, /stats or /metrics";
    Refused(StatusCode::NOT_FOUND, "NotFound", message.into())
}

impl Refused {
    fn response(self, compat: bool) -> Response {
        let Self(status, code, message) = self;
        if compat {
            let mut response = Response::new(Bytes::from_static(b"No data found"));
            response.headers_mut().insert(CONTENT_TYPE, TEXT);
            return response;
        }
        let mut response = problem(status, code, &message);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}
