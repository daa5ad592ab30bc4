//! What all services of one layer share: the cache, the policy, and the user's functions.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};
use snowmelt_http::Policy;

use crate::cache::Cache;
use crate::fetch_options::FetchOptions;

use super::head::{Said, Sent, View};
use super::value::HttpResponse;

pub(super) type KeyFn = dyn Fn(&Parts) -> Option<String> + Send + Sync;
pub(super) type SkipFn = dyn Fn(&Parts) -> bool + Send + Sync;
pub(super) type UriFn = dyn Fn(&Parts) -> Option<Uri> + Send + Sync;
pub(super) type TtlFn = dyn Fn(StatusCode, &HeaderMap) -> Option<Duration> + Send + Sync;

pub(super) struct Rules {
    pub(super) cache: Cache<HttpResponse>,
    pub(super) policy: Policy,
    pub(super) functions: Functions,
    pub(super) body_timeout: Duration,
    pub(super) fetching: FetchOptions,
}

/// What the user decides in code.
#[derive(Clone, Default)]
pub(super) struct Functions {
    pub(super) key: Option<Arc<KeyFn>>,
    pub(super) skip: Option<Arc<SkipFn>>,
    pub(super) uri: Option<Arc<UriFn>>,
    pub(super) ttl: Option<Arc<TtlFn>>,
}

/// In a request's extensions: a layer on this cache has it in hand. Another one further in, on
/// the same cache, would wait for the load that it is a part of.
#[derive(Clone, Copy, PartialEq, Eq)]
struct InHand(usize);

impl Rules {
    pub(super) fn skips(&self, parts: &Parts) -> bool {
        self.functions.skip.as_ref().is_some_and(|skip| skip(parts))
    }

    pub(super) fn uri(&self, parts: &Parts) -> Option<Uri> {
        self.functions.uri.as_ref().and_then(|uri| uri(parts))
    }

    pub(super) fn key(&self, parts: &Parts) -> Option<String> {
        self.functions.key.as_ref().and_then(|key| key(parts))
    }

    /// How much of the body is needed to know the key.
    pub(super) fn wants_body(&self, parts: &Parts, said: &Said) -> Option<u64> {
        self.policy.wants_body(&View::new(parts, said, &Sent::Unread).request())
    }

    /// The wall clock of the cache, in milliseconds since the Unix epoch.
    pub(super) fn now_ms(&self) -> u64 {
        self.cache.shared.clock.coarse().wall
    }

    pub(super) fn in_hand(&self, parts: &Parts) -> bool {
        parts.extensions.get::<InHand>() == Some(&self.mark())
    }

    pub(super) fn take_in_hand(&self, parts: &mut Parts) {
        parts.extensions.insert(self.mark());
    }

    fn mark(&self) -> InHand {
        InHand(Arc::as_ptr(&self.cache.shared).addr())
    }
}
