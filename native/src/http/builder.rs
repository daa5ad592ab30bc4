//! The layer's options.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};
use snowmelt_core::{ConfigError, Setting, Units};
use snowmelt_http::{Options, Policy, Query, Ttl};

use crate::cache::Cache;
use crate::fetch_options::FetchOptions;

use super::layer::{AsTheyAre, CacheLayer, ReadAhead};
use super::rules::{Functions, Rules};
use super::value::HttpResponse;

/// Describes a [`CacheLayer`]; made by [`CacheLayer::builder`].
///
/// ```
/// use std::time::Duration;
/// use snowmelt::Cache;
/// use snowmelt::http::{CacheLayer, Ttl};
///
/// let pages = Cache::builder().stream("memory:shop").max_weight(64 << 20).build()?;
/// let layer = CacheLayer::builder(pages)
///     .ttl(Ttl::of(Duration::from_secs(60)).status(404, Duration::from_secs(5)))
///     .drop_query(["utm_*", "fbclid"])
///     .key(|request| Some(request.headers.get("x-tenant")?.to_str().ok()?.to_owned()))
///     .skip(|request| request.uri.path().starts_with("/admin"))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it makes nothing until `build` is called"]
pub struct CacheLayerBuilder<M = AsTheyAre> {
    cache: Cache<HttpResponse>,
    options: Options,
    /// The first option that could not be read.
    wrong: Option<ConfigError>,
    functions: Functions,
    body_timeout: Duration,
    bodies: PhantomData<fn() -> M>,
}

/// How long a body may take that is kept, unless it is said.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// Options that the policy knows by the same name.
macro_rules! policy_options {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        $($(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            self.options.$name = $name;
            self
        })*
    };
}

/// Those that are lists of texts.
macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $($(#[$doc])*
        pub fn $name<T: AsRef<str>>(self, $name: impl IntoIterator<Item = T>) -> Self {
            self.list(stringify!($name), $name)
        })*
    };
}

impl CacheLayerBuilder {
    pub(super) fn new(cache: Cache<HttpResponse>) -> Self {
        let mut options = Options::default();
        let config = cache.shared.engine.config();
        options.stale_while_revalidate = config.stale_while_revalidate;
        options.stale_if_error = config.stale_if_error;
        Self {
            cache,
            options,
            wrong: None,
            functions: Functions::default(),
            body_timeout: BODY_TIMEOUT,
            bodies: PhantomData,
        }
    }

    /// The request's body is a part of the key, up to so many bytes: for queries that are sent by
    /// POST ([`methods`](Self::methods) has to name it). Longer ones go to the handler alone. Default: off, a
    /// request with a body goes to the handler alone.
    ///
    /// The handler then has to be a service for requests with a [`CacheBody`](super::CacheBody), since what was read
    /// cannot be put back into a body of any other type. All of axum's are; a function that is given to
    /// `lambda_http` has to name the type.
    pub fn key_body(self, most: u64) -> CacheLayerBuilder<ReadAhead> {
        let Self { cache, mut options, wrong, functions, body_timeout, .. } = self;
        options.key_body = Some(most);
        CacheLayerBuilder { cache, options, wrong, functions, body_timeout, bodies: PhantomData }
    }
}

impl<M> CacheLayerBuilder<M> {
    /// The time to live of responses that do not say it themselves (`Cache-Control`, `Expires`): one for
    /// all, or a [table](Ttl) of statuses. Default: none; such a response is shared with nobody.
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.options.ttl = ttl.into();
        self
    }

    /// The same as a function of the status and the header fields. `None`: what
    /// [`ttl`](Self::ttl) says; zero: not stored.
    pub fn ttl_by(
        mut self,
        ttl: impl Fn(StatusCode, &HeaderMap) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.functions.ttl = Some(Arc::new(ttl));
        self
    }

    /// What else the key of a request depends on: a tenant, a user. `None` and an empty text
    /// differ. Default: nothing else.
    pub fn key(mut self, key: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        self.functions.key = Some(Arc::new(key));
        self
    }

    /// Which requests go to the handler as if there were no layer. Default: none.
    pub fn skip(mut self, skip: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.functions.skip = Some(Arc::new(skip));
        self
    }

    /// The URI of a request, where something further out has changed its own: axum's `nest` cuts the
    /// path. Without it, layers within two such routers that share a cache would take `/a/items` and
    /// `/b/items` for one page. Default: the request's own, and so for `None`.
    ///
    /// ```
    /// # #[cfg(any())]
    /// builder.uri(|request| request.extensions.get::<axum::extract::OriginalUri>().map(|uri| uri.0.clone()));
    /// ```
    pub fn uri(mut self, uri: impl Fn(&Parts) -> Option<Uri> + Send + Sync + 'static) -> Self {
        self.functions.uri = Some(Arc::new(uri));
        self
    }

    /// A body that is not at its end so long after its head is not kept: who waits for it runs the handler
    /// itself, and the client whose request it is gets what came and what is still to come. Until then it
    /// gets nothing: [skip](Self::skip) what is streamed slowly. Default 2 s.
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    policy_options! {
        /// How the query is a part of the key. Default: as it was sent.
        query: Query,
        /// The longest body that is stored, in bytes; a longer one streams through. Default 1 MiB.
        max_body: u64,
        /// Whether clients get the headers that name tags. Default false.
        send_tags: bool,
        /// Whether responses of status 5xx are stored, if they or [`ttl`](Self::ttl) say for how long. Default false.
        store_5xx: bool,
        /// Whether responses are shared with those who wait for them only, and not stored. Default false.
        coalesce_only: bool,
        /// Whether clients cannot make the handler run (`no-cache`, `max-age`, `no-store`, …). Default
        /// false: they are obeyed.
        ignore_request_directives: bool,
        /// Whether a response that does not say for how long it may be shared is stored though the request bore
        /// cookies: no response depends on them. Default false.
        ignore_cookies: bool,
        /// The same for requests that bear `Authorization`: no response depends on it, or [`key`](Self::key) keeps
        /// apart who must not share. Default false.
        ignore_authorization: bool,
        /// Whether a successful request of an unsafe method invalidates what is stored for its URL, here and through the
        /// stream. Default false.
        invalidate_unsafe: bool,
        /// For so long past its time to live a response is served while one request refreshes it (RFC 5861). Default: the
        /// cache's. What a response itself says wins.
        stale_while_revalidate: Duration,
        /// For so long past its time to live a response is served if the handler fails: with an error, a panic, or a 5xx
        /// that is not stored. Default: the cache's. What a response itself says wins.
        stale_if_error: Duration,
        /// Whether `X-Cache` and `Cache-Status` are sent. Default true.
        status_header: bool,
    }

    lists! {
        /// The methods that are looked up, in capitals. Default `GET` and `HEAD`; `POST` and `QUERY` need
        /// [`key_body`](CacheLayerBuilder::key_body).
        methods,
        /// Query parameters that are no part of the key; one that ends with `*` stands for all that begin so.
        /// Default: none.
        drop_query,
        /// Request headers that are a part of the key. Default: none.
        key_headers,
        /// Response headers whose words become tags. Default `cache-tag` and `surrogate-key`.
        tag_headers,
        /// Response headers that are never stored, beside those that never are anyway. Default: none.
        drop_headers,
    }

    fn list<T: AsRef<str>>(mut self, option: &str, items: impl IntoIterator<Item = T>) -> Self {
        let items: Vec<T> = items.into_iter().collect();
        let setting = Setting::List(items.iter().map(|item| Setting::Text(item.as_ref())).collect());
        if let Err(error) = self.options.set(option, &setting, Units::Seconds) {
            self.wrong.get_or_insert(error);
        }
        self
    }

    /// Makes the layer.
    ///
    /// # Errors
    ///
    /// If an option cannot be used as it is, or does not fit with the others; the message names the remedy.
    pub fn build(mut self) -> Result<CacheLayer<M>, ConfigError> {
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        let policy = Policy::new(self.options.clone())?;
        Ok(self.with(policy))
    }

    /// The layer, if no option was given.
    pub(super) fn unchanged(self) -> CacheLayer<M> {
        // The defaults fit together, whatever the cache's windows are.
        let policy = Policy::new(self.options.clone()).unwrap_or_default();
        self.with(policy)
    }

    fn with(self, policy: Policy) -> CacheLayer<M> {
        CacheLayer::of(Rules {
            cache: self.cache,
            policy,
            functions: self.functions,
            body_timeout: self.body_timeout,
            // Not everything that is not shared is a failure.
            fetching: FetchOptions::new().gives_errors(),
        })
    }
}

impl<M> fmt::Debug for CacheLayerBuilder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayerBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}
