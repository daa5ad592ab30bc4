//! The HTTP policy: what Python gives is converted, [`snowmelt_http::Policy`] is
//! called, and what it says is converted back.

mod fields;
mod parts;
mod policy;
mod request;

pub(crate) use parts::{HttpKeep, HttpMeta, HttpQuestion};
pub(crate) use policy::{HttpPolicy, http_failed, http_option_names, http_windows};
pub(crate) use request::HttpRequest;
