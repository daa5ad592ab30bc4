//! The HTTP policy; see `HttpPolicy` in `js/binding.ts`.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::{Result, read};
use crate::http;

/// A policy over requests and responses.
#[wasm_bindgen]
pub struct HttpPolicy {
    policy: http::HttpPolicy,
}

#[wasm_bindgen(js_name = createHttpPolicy)]
pub fn create_http_policy(settings: JsValue) -> Result<HttpPolicy> {
    Ok(HttpPolicy { policy: http::HttpPolicy::new(&read(settings)?)? })
}

#[wasm_bindgen]
impl HttpPolicy {
    pub fn open(&self, request: String, lines: u32, custom: Option<String>) -> Result<f64> {
        Ok(self.policy.open(&request, lines, custom)?)
    }

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
