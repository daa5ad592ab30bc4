//! What is cached.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use snowmelt_http::Meta;

/// A stored response: the value of a cache that a [`CacheLayer`](super::CacheLayer)
/// works on.
///
/// Clones share everything. Each weighs as many bytes as it takes in memory, so that
/// [`max_weight`](crate::Builder::max_weight) bounds the cache's memory.
#[derive(Clone)]
pub struct HttpResponse(Arc<Stored>);

struct Stored {
    meta: Meta,
    body: Bytes,
}

impl HttpResponse {
    pub(super) fn new(meta: Meta, body: Bytes) -> Self {
        Self(Arc::new(Stored { meta, body }))
    }

    pub(super) fn meta(&self) -> &Meta {
        &self.0.meta
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.meta.status()).unwrap_or_default()
    }

    /// The stored header fields. What an answer says of the cache (`Age`, `X-Cache`, `Cache-Status`) is of
    /// the moment at which it was stored.
    pub fn headers(&self) -> &HeaderMap {
        self.0.meta.headers()
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// For how long it is fresh in all.
    pub fn ttl(&self) -> Duration {
        self.0.meta.ttl()
    }

    /// What it counts against [`max_weight`](crate::Builder::max_weight), in bytes.
    pub fn weight(&self) -> u32 {
        u32::try_from(self.0.meta.weight(self.0.body.len())).unwrap_or(u32::MAX)
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status())
            .field("bytes", &self.0.body.len())
            .finish_non_exhaustive()
    }
}
