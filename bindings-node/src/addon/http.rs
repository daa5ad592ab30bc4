//! The HTTP policy; see `HttpPolicy` in `js/binding.ts`.

use napi_derive::napi;
use serde_json::Value;

use super::Result;
use crate::http;

/// A policy over requests and responses.
#[napi]
pub struct HttpPolicy {
    policy: http::HttpPolicy,
}

#[napi]
pub fn create_http_policy(settings: Value) -> Result<HttpPolicy> {
    Ok(HttpPolicy { policy: http::HttpPolicy::new(&settings)? })
}

#[napi]
impl HttpPolicy {
    #[napi]
    pub fn open(&self, request: String, lines: u32, custom: Option<String>) -> Result<f64> {
        Ok(self.policy.open(&request, lines, custom)?)
    }

    #[napi]
    pub fn say(
        &self,
        exchange: f64,
        what: u32,
        text: String,
        lines: u32,
        number: f64,
        bytes: &[u8],
    ) -> Result<String> {
        Ok(self.policy.say(exchange, what, &text, lines, number, bytes)?)
    }
}
