//! The lifecycle against an imitation of the Extensions API.

#[path = "../support/extensions_api.rs"]
mod extensions_api;

mod binary;
mod ending;
mod events;
mod failing;
mod freezing;
mod starting;
mod support;
