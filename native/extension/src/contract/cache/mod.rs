//! Contract 4: any data, in any language.
//!
//! | request | answer |
//! |---|---|
//! | `GET /cache/{key}` | the body as it was put; 404 |
//! | `GET /cache/{key}?wait` | the same, once somebody's load is done; or 404 with a lease in `Snowmelt-Lease`, if it is for this caller to load |
//! | `PUT /cache/{key}` | stores the body: under a lease, or as loaded now |
//! | `DELETE /cache/{key}` | drops it here only; with a lease, gives the lease up |
//! | `POST /invalidate` | drops keys, tags, prefixes here, and everywhere by the stream |
//! | `GET /stats`, `GET /metrics` | counters: JSON, Prometheus |
//!
//! Nothing about freshness is decided here: what may be stored and what may be
//! served is the cache's business.

mod ask;
mod figures;
mod invalidate;
mod leases;
mod read;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use snowmelt::Cache;
use tokio::time::Instant;

use crate::http::{Answer, Request, Response, SentBeforeFreeze, Service, problem};
use leases::Leases;

/// How long after a function the extension may hear of an invocation.
const WORD: Duration = Duration::from_secs(1);

/// A refusal, as `Err`.
type Refusal = Box<Response>;

/// A cached value as this contract sees it.
pub trait Blob: Clone + Send + Sync + 'static {
    /// A value from a body and its type.
    fn new(body: Bytes, content_type: HeaderValue) -> Self;

    /// The body.
    fn body(&self) -> &Bytes;

    /// Its type.
    fn content_type(&self) -> &HeaderValue;
}

/// The contract over a cache. Clones share everything.
pub struct CacheContract<V: Blob> {
    shared: Arc<Shared<V>>,
}

struct Shared<V: Blob> {
    cache: Cache<V>,
    leases: Mutex<Leases<V>>,
}

impl<V: Blob> Clone for CacheContract<V> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<V: Blob> CacheContract<V> {
    /// The contract over `cache`; `max_leases` is the option of that name.
    pub fn new(cache: Cache<V>, max_leases: usize) -> Self {
        let leases = Mutex::new(Leases::new(max_leases, cache.load_timeout()));
        Self { shared: Arc::new(Shared { cache, leases }) }
    }

    /// An invocation began, in which nobody comes back for a lease that an
    /// earlier one was given: who waits for it loads now. A request can come a
    /// little before the word of its own invocation, so what was handed out
    /// just now stays.
    pub fn invoked(&self) {
        if let Some(then) = Instant::now().checked_sub(WORD) {
            self.shared.leases().give_up_older(then);
        }
    }

    /// Whether a path is one of this contract's.
    pub fn answers(path: &str) -> bool {
        matches!(path, "/cache" | "/invalidate" | "/stats" | "/metrics") || path.starts_with("/cache/")
    }

    fn route(&self, request: Request) -> Result<Answer, Refusal> {
        match request.uri().path() {
            "/invalidate" => self.at_invalidate(&request),
            "/stats" => self.at_figures(&request, figures::stats),
            "/metrics" => self.at_figures(&request, figures::metrics),
            path if path == "/cache" || path.starts_with("/cache/") => self.at_key(request),
            _ => Err(unknown_path()),
        }
    }

    fn at_key(&self, request: Request) -> Result<Answer, Refusal> {
        match *request.method() {
            Method::GET => read::get(&self.shared, &request),
            Method::PUT => write::put(&self.shared, request).map(Answer::Now),
            Method::DELETE => write::delete(&self.shared, &request).map(Answer::Now),
            _ => Err(not_allowed("GET, HEAD, PUT, DELETE")),
        }
    }

    fn at_invalidate(&self, request: &Request) -> Result<Answer, Refusal> {
        match *request.method() {
            Method::POST => invalidate::invalidate(&self.shared.cache, request.body()),
            _ => Err(not_allowed("POST")),
        }
    }

    fn at_figures(
        &self,
        request: &Request,
        show: impl FnOnce(&snowmelt::Stats) -> Response,
    ) -> Result<Answer, Refusal> {
        match *request.method() {
            Method::GET => Ok(Answer::Now(show(&self.shared.cache.stats()))),
            _ => Err(not_allowed("GET, HEAD")),
        }
    }
}

impl<V: Blob> Service for CacheContract<V> {
    fn answer(&self, request: Request) -> Answer {
        self.route(request).unwrap_or_else(|refusal| Answer::Now(*refusal))
    }

    /// A bare `PUT` says what is true when it arrives, and its body may take a
    /// while.
    fn received(&self, head: &mut http::request::Parts) {
        if head.method != Method::PUT || head.extensions.get::<SentBeforeFreeze>().is_some() {
            return;
        }
        if let Ok(key) = ask::key(&head.uri) {
            let moment = self.shared.cache.moment(&key);
            head.extensions.insert(write::Arrived(moment));
        }
    }
}

impl<V: Blob> Shared<V> {
    /// Nobody panics while it is held.
    fn leases(&self) -> MutexGuard<'_, Leases<V>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Refusal {
    Box::new(problem(status, code, message))
}

fn bad(code: &str, message: &str) -> Refusal {
    refusal(StatusCode::BAD_REQUEST, code, message)
}

fn unknown_path() -> Refusal {
    let message = "there is no such path: ask for /cache/{key}, /invalidate, /stats or /metrics";
    refusal(StatusCode::NOT_FOUND, "NoSuchPath", message)
}

fn not_allowed(allowed: &'static str) -> Refusal {
    let message = format!("this path answers {allowed} only");
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &message);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn no_content() -> Response {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn with_type(body: impl Into<Bytes>, content_type: HeaderValue) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
