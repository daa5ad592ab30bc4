//! Snowmelt's own records, version 1.
//!
//! ```json
//! {"snowmelt":1,"keys":["users/12345"],"tags":["tenant:7"],"prefixes":["orders/12345/"],"all":false,"ns":"shop","ts":1790000000000}
//! ```
//!
//! Every field but the version may be left out. Unknown fields are ignored.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use serde::{Deserialize, Serialize};

use super::{Decoded, Envelope, Invalidation, RECORD_BYTES};

const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Read<'a> {
    snowmelt: u64,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    prefixes: Vec<String>,
    #[serde(default)]
    all: bool,
    #[serde(default, borrow)]
    ns: Cow<'a, str>,
}

#[derive(Serialize)]
struct Written<'a> {
    snowmelt: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    keys: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    prefixes: &'a [&'a str],
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    all: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    ns: &'a str,
    ts: u64,
}

/// `None` if this is no sound Snowmelt record.
pub(super) fn decode(data: &[u8], namespace: &str) -> Option<Decoded> {
    Some(match serde_json::from_slice::<Read<'_>>(data).ok()? {
        Read { snowmelt: VERSION, ns, .. } if ns != namespace => Decoded::OtherNamespace,
        Read { snowmelt: VERSION, keys, tags, prefixes, all, .. } => {
            Decoded::Apply(Invalidation { keys, tags, prefixes, all })
        }
        _ => Decoded::FlushAll,
    })
}

/// Splits an invalidation over as many records as it needs.
pub(super) fn encode(invalidation: &Invalidation, envelope: Envelope<'_>) -> Vec<Vec<u8>> {
    if invalidation.all {
        let everything = Batch { all: true, ..Batch::default() };
        return vec![everything.write(envelope)];
    }
    let mut records = Vec::new();
    let mut batch = Batch::default();
    for (kind, names) in
        [&invalidation.keys, &invalidation.tags, &invalidation.prefixes].into_iter().enumerate()
    {
        for name in names {
            // Six bytes for each is the worst that JSON's escapes can do.
            let bytes = name.len() * 6 + 3;
            if batch.bytes + bytes > RECORD_BYTES && batch.bytes > 0 {
                records.push(mem::take(&mut batch).write(envelope));
            }
            batch.bytes += bytes;
            batch.names[kind].push(name);
        }
    }
    records.push(batch.write(envelope));
    records
}

/// What goes into one record.
#[derive(Default)]
struct Batch<'a> {
    names: [Vec<&'a str>; 3],
    all: bool,
    bytes: usize,
}

impl Batch<'_> {
    fn write(self, envelope: Envelope<'_>) -> Vec<u8> {
        let [keys, tags, prefixes] = &self.names;
        let ns = envelope.namespace;
        let record =
            Written { snowmelt: VERSION, keys, tags, prefixes, all: self.all, ns, ts: envelope.written };
        // Writing numbers, booleans and strings to a vector cannot fail.
        serde_json::to_vec(&record).unwrap_or_default()
    }
}
