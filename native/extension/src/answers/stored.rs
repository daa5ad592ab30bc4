//! What is cached.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::http::Response;

use super::ledger::Place;

/// A body, byte for byte as it is answered. Clones share it.
#[derive(Clone)]
pub struct Stored {
    body: Bytes,
    content_type: HeaderValue,
    /// What counts it, if it is a parameter or a secret.
    place: Option<Arc<Place>>,
}

impl Stored {
    /// A body and its type.
    pub const fn new(body: Bytes, content_type: HeaderValue) -> Self {
        Self { body, content_type, place: None }
    }

    pub(super) fn placed(mut self, place: Place) -> Self {
        self.place = Some(Arc::new(place));
        self
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The `Content-Type`.
    pub fn content_type(&self) -> &HeaderValue {
        &self.content_type
    }

    /// 200, with the body.
    pub fn response(&self) -> Response {
        let mut response = Response::new(self.body.clone());
        response.headers_mut().insert(CONTENT_TYPE, self.content_type.clone());
        response
    }

    /// Its share of `SNOWMELT_MAX_WEIGHT`, in bytes.
    pub(super) fn weight(&self, key: &str) -> u32 {
        u32::try_from(self.body.len() + self.content_type.len() + key.len()).unwrap_or(u32::MAX)
    }

    /// It was read.
    pub(super) fn touch(&self) {
        if let Some(place) = &self.place {
            place.touch();
        }
    }
}

/// Says nothing of the body: it is a secret as a rule.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}
