//! The options of the policy, and how loosely typed ones are read.

mod set;
mod ttl;

use std::time::Duration;

use http::HeaderName;
use snowmelt_core::ConfigError;

pub use set::NAMES;
pub use ttl::Ttl;

/// How a policy decides. The README has a table of them, with names and defaults for
/// all languages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Options {
    /// The time to live of responses that do not say it themselves. Default: none; such a response is not
    /// stored.
    pub ttl: Ttl,
    /// The methods that are looked up. Default: GET and HEAD. POST and QUERY need
    /// [`key_body`](Self::key_body).
    pub methods: Vec<String>,
    /// Default: as it was sent.
    pub query: Query,
    /// Query parameters that are no part of the key; one that ends with `*` stands for all that
    /// begin so. Default: none.
    pub drop_query: Vec<String>,
    /// Request headers that are a part of the key. Default: none.
    pub key_headers: Vec<HeaderName>,
    /// The body is a part of the key, up to so many bytes; longer ones bypass. Default: off, a request with a
    /// body bypasses.
    pub key_body: Option<u64>,
    /// The longest body that is stored. Default: 1 MiB.
    pub max_body: u64,
    /// Response headers whose words become tags. Default: `cache-tag`, `surrogate-key`.
    pub tag_headers: Vec<HeaderName>,
    /// Clients get the tag headers too. Default: no, they name what lies behind.
    pub send_tags: bool,
    /// Responses of status 5xx are stored too, if they or the `ttl` say for how long. Default: no.
    pub store_5xx: bool,
    /// Response headers that are never stored, beside those that never are anyway. Default: none.
    pub drop_headers: Vec<HeaderName>,
    /// Share with those who wait, store nothing. Default: no.
    pub coalesce_only: bool,
    /// Clients cannot make the handler run (`no-cache`, `max-age`, `no-store`, …). Default: no, they are
    /// obeyed.
    pub ignore_request_directives: bool,
    /// A response that does not say that it may be shared is stored though the request bore
    /// `Authorization`: none depends on it, or the custom part of the key keeps apart who must not
    /// share. Default: no.
    pub ignore_authorization: bool,
    /// A response without a time to live of its own is stored though the request bore cookies: no
    /// response depends on them. Default: no.
    pub ignore_cookies: bool,
    /// A successful request of an unsafe method invalidates what is stored for its URL. Default: no.
    pub invalidate_unsafe: bool,
    /// For responses that do not say it themselves. Default: 0.
    pub stale_while_revalidate: Duration,
    /// For responses that do not say it themselves. Default: 0.
    pub stale_if_error: Duration,
    /// `X-Cache` and `Cache-Status` are sent. Default: yes.
    pub status_header: bool,
}

/// How the query is a part of the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Query {
    /// As it was sent.
    #[default]
    Ordered,
    /// Sorted by the parameters' names; those of one name stay in order.
    Sorted,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ttl: Ttl::default(),
            methods: vec!["GET".into(), "HEAD".into()],
            query: Query::Ordered,
            drop_query: Vec::new(),
            key_headers: Vec::new(),
            key_body: None,
            max_body: 1 << 20,
            tag_headers: vec![HeaderName::from_static("cache-tag"), HeaderName::from_static("surrogate-key")],
            send_tags: false,
            store_5xx: false,
            drop_headers: Vec::new(),
            coalesce_only: false,
            ignore_request_directives: false,
            ignore_authorization: false,
            ignore_cookies: false,
            invalidate_unsafe: false,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            status_header: true,
        }
    }
}

/// What can be cached at all: safe methods, and POST for queries.
const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "QUERY"];

impl Options {
    /// Whether they fit with each other.
    ///
    /// # Errors
    ///
    /// Names the option that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for method in &self.methods {
            if !METHODS.contains(&method.as_str()) {
                let remedy = "only GET, HEAD, POST and QUERY can be cached, in capitals";
                return Err(ConfigError::new("methods", format!("{method:?}"), remedy));
            }
            if self.key_body.is_none() && matches!(method.as_str(), "POST" | "QUERY") {
                let remedy = "set `key_body` to a size too: without the body all of them would have one key";
                return Err(ConfigError::new("methods", format!("{method:?}"), remedy));
            }
        }
        let has = |known: &str| self.methods.iter().any(|method| method == known);
        if has("HEAD") && !has("GET") {
            let remedy = "add GET: a HEAD request is answered from what GET stored";
            return Err(ConfigError::new("methods", "\"HEAD\"", remedy));
        }
        if self.methods.is_empty() {
            return Err(ConfigError::new("methods", "an empty list", "leave it out for GET and HEAD"));
        }
        Ok(())
    }
}
