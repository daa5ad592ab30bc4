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
    pub fn exchange(&self, request: String, lines: u32, custom: Option<String>) -> Result<HttpExchange> {
        Ok(HttpExchange { exchange: self.policy.exchange(&request, lines, custom)? })
    }
}

#[wasm_bindgen]
impl HttpExchange {
    pub fn say(&self, what: u32, text: String, lines: u32, number: f64, bytes: &[u8]) -> Result<String> {
        Ok(self.exchange.say(what, &text, lines, number, bytes)?)
    }
}
