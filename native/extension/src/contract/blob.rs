//! What contract 4 keeps, beside that of the others in one cache.

use bytes::Bytes;
use http::HeaderValue;

use crate::answers::Stored;

use super::cache::Blob;

impl Blob for Stored {
    fn new(body: Bytes, content_type: HeaderValue) -> Self {
        Self::new(body, content_type)
    }

    fn body(&self) -> &Bytes {
        self.body()
    }

    fn content_type(&self) -> &HeaderValue {
        self.content_type()
    }
}
