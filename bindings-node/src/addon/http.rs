//! The HTTP policy; see `HttpPolicy` and `HttpExchange` in `js/binding.ts`.

use napi::bindgen_prelude::Uint8Array;
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
    pub fn exchange(&self, request: String, count: u32, custom: Option<String>) -> Result<HttpExchange> {
        Ok(HttpExchange { exchange: self.policy.exchange(&request, count, custom)? })
    }

    #[napi]
    pub fn unsatisfied(&self) -> String {
        self.policy.unsatisfied()
    }
}

#[napi]
impl HttpExchange {
    #[napi]
    pub fn wants_body(&self, follows: bool) -> Option<f64> {
        self.exchange.wants_body(follows)
    }

    #[napi]
    pub fn ask(&self, follows: bool, body: Option<Uint8Array>) -> String {
        self.exchange.ask(follows, body.as_deref())
    }

    #[napi]
    pub fn judge(
        &self,
        status: u16,
        headers: String,
        count: u32,
        ttl: Option<f64>,
        now_ms: f64,
    ) -> Result<String> {
        Ok(self.exchange.judge(status, &headers, count, ttl, now_ms)?)
    }

    #[napi]
    pub fn seal(&self, body: Uint8Array) -> Result<String> {
        Ok(self.exchange.seal(&body)?)
    }

    #[napi]
    pub fn matches(&self, meta: String, now_ms: f64) -> Result<String> {
        Ok(self.exchange.matches(&meta, now_ms)?)
    }

    #[napi]
    pub fn answer(&self, how: String, now_ms: f64) -> Result<String> {
        Ok(self.exchange.answer(&how, now_ms)?)
    }

    #[napi]
    pub fn pass(&self, reason: String, status: u16, headers: String, count: u32) -> Result<String> {
        Ok(self.exchange.pass(&reason, status, &headers, count)?)
    }

    #[napi]
    pub fn invalidates(&self, status: u16) -> Option<String> {
        self.exchange.invalidates(status)
    }
}
