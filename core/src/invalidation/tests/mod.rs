//! What sources make of the records of other services.

use std::string::{String, ToString};
use std::vec::Vec;

use serde_json::Value;

use super::*;

mod changes;
mod events;
mod properties;
mod templates;

/// What one source makes of a record.
fn told(source: &Source, record: &Value) -> Decoded {
    told_to(core::slice::from_ref(source), record)
}

fn told_to(sources: &[Source], record: &Value) -> Decoded {
    decode(record.to_string().as_bytes(), "shop", &Sources::new(sources).unwrap())
}

fn applied(source: &Source, record: &Value) -> Invalidation {
    match told(source, record) {
        Decoded::Apply(invalidation) => invalidation,
        other => panic!("{other:?} of {record}"),
    }
}

fn keys(source: &Source, record: &Value) -> Vec<String> {
    applied(source, record).keys
}

/// What a record lacks, and what it says all the same.
fn lacking(source: &Source, record: &Value) -> (Invalidation, String) {
    match told(source, record) {
        Decoded::Lacking { told, why } => (told, why),
        other => panic!("{other:?} of {record}"),
    }
}

fn refusal(source: Source) -> String {
    let error = Sources::new(&[source]).unwrap_err();
    assert!(!error.remedy.is_empty());
    error.to_string()
}
