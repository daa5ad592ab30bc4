//! The HTTP policy; see `HttpPolicy` and `HttpExchange` in `js/binding.ts`.

use napi_derive::napi;
use serde_json::Value;

use super::Result;
use crate::http;

/// A policy over requests and responses.
#[napi]
pub struct HttpPolicy {
    policy: http::HttpPolicy,
}

/// One request, and what was said of it.
#[napi]
pub struct HttpExchange {
    exchange: http::HttpExchange,
}

#[napi]
pub fn create_http_policy(settings: Value) -> Result<HttpPolicy> {
    Ok(HttpPolicy { policy: http::HttpPolicy::new(&settings)? })
}

#[napi]
impl HttpPolicy {
    #[napi]
    pub fn exchange(&self, request: String, lines: u32, custom: Option<String>) -> Result<HttpExchange> {
        Ok(HttpExchange { exchange: self.policy.exchange(&request, lines, custom)? })
    }
}

#[napi]
impl HttpExchange {
    #[napi]
    pub fn say(&self, what: u32, text: String, lines: u32, number: f64, bytes: &[u8]) -> Result<String> {
        Ok(self.exchange.say(what, &text, lines, number, bytes)?)
    }
}
