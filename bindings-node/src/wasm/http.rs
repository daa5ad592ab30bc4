//! The HTTP policy; see `HttpPolicy` and `HttpExchange` in `js/binding.ts`.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::{Result, read};
use crate::http;

/// A policy over requests and responses.
#[wasm_bindgen]
pub struct HttpPolicy {
    policy: http::HttpPolicy,
}

/// One request, and what was said of it.
#[wasm_bindgen]
pub struct HttpExchange {
    exchange: http::HttpExchange,
}

#[wasm_bindgen(js_name = createHttpPolicy)]
pub fn create_http_policy(settings: JsValue) -> Result<HttpPolicy> {
    Ok(HttpPolicy { policy: http::HttpPolicy::new(&read(settings)?)? })
}

#[wasm_bindgen]
impl HttpPolicy {
    pub fn exchange(&self, request: String, count: u32, custom: Option<String>) -> Result<HttpExchange> {
        Ok(HttpExchange { exchange: self.policy.exchange(&request, count, custom)? })
    }

    pub fn unsatisfied(&self) -> String {
        self.policy.unsatisfied()
    }
}

#[wasm_bindgen]
impl HttpExchange {
    #[wasm_bindgen(js_name = wantsBody)]
    pub fn wants_body(&self, follows: bool) -> Option<f64> {
        self.exchange.wants_body(follows)
    }

    pub fn ask(&self, follows: bool, body: Option<Vec<u8>>) -> String {
        self.exchange.ask(follows, body.as_deref())
    }

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

    pub fn seal(&self, body: &[u8]) -> Result<String> {
        Ok(self.exchange.seal(body)?)
    }

    pub fn matches(&self, meta: String, now_ms: f64) -> Result<String> {
        Ok(self.exchange.matches(&meta, now_ms)?)
    }

    pub fn answer(&self, how: String, now_ms: f64) -> Result<String> {
        Ok(self.exchange.answer(&how, now_ms)?)
    }

    pub fn pass(&self, reason: String, status: u16, headers: String, count: u32) -> Result<String> {
        Ok(self.exchange.pass(&reason, status, &headers, count)?)
    }

    pub fn invalidates(&self, status: u16) -> Option<String> {
        self.exchange.invalidates(status)
    }
}
