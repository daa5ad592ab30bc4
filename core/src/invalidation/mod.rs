//! What a record says: the model, and the list of formats it comes in.
//!
//! A format is one file with a reader and, where Snowmelt writes it, a
//! writer. [`decode`] tells them apart by shape.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::InputError;

mod data_id;
mod dynamodb;
mod event_bridge;
mod json;
mod key_part;
mod scache;
mod shape;
mod snowmelt;
mod source;
mod sources;
mod template;

pub use data_id::{DataId, DataIdError};
pub use key_part::KeyPart;
pub use source::{Origin, Source};
pub use sources::Sources;

use shape::Shape;
use sources::Told;

/// What became invalid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Invalidation {
    /// Entries with these keys.
    pub keys: Vec<String>,
    /// Entries that bear one of these tags.
    pub tags: Vec<String>,
    /// Entries whose key starts with one of these.
    pub prefixes: Vec<String>,
    /// Everything.
    pub all: bool,
}

impl Invalidation {
    /// An invalidation of one key.
    pub fn key(key: impl Into<String>) -> Self {
        Self::keys([key])
    }

    /// An invalidation of some keys.
    pub fn keys<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self { keys: keys.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// An invalidation of every entry that bears one of these tags.
    pub fn tags<T: Into<String>>(tags: impl IntoIterator<Item = T>) -> Self {
        Self { tags: tags.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// An invalidation of every entry whose key starts with one of these.
    pub fn prefixes<P: Into<String>>(prefixes: impl IntoIterator<Item = P>) -> Self {
        Self { prefixes: prefixes.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// An invalidation of everything.
    pub fn all() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        !self.all && self.keys.is_empty() && self.tags.is_empty() && self.prefixes.is_empty()
    }

    /// Checks what a caller gave, before anything is done with it.
    pub fn check(&self) -> Result<(), InputError> {
        if self.is_empty() {
            return Err(InputError::NothingToInvalidate);
        }
        for (what, names) in [("key", &self.keys), ("tag", &self.tags), ("prefix", &self.prefixes)] {
            names.iter().try_for_each(|name| check_name(what, name))?;
        }
        Ok(())
    }
}

impl From<&str> for Invalidation {
    /// An invalidation of this key.
    fn from(key: &str) -> Self {
        Self::key(key)
    }
}

impl From<&String> for Invalidation {
    /// An invalidation of this key.
    fn from(key: &String) -> Self {
        Self::key(key)
    }
}

impl From<String> for Invalidation {
    /// An invalidation of this key.
    fn from(key: String) -> Self {
        Self::key(key)
    }
}

/// The longest key, tag or prefix, in bytes.
pub const MAX_NAME_BYTES: usize = 64 * 1024;

/// Checks one key, tag or prefix.
pub fn check_name(what: &'static str, name: &str) -> Result<(), InputError> {
    match name.len() {
        0 => Err(InputError::Empty { what }),
        bytes if bytes > MAX_NAME_BYTES => Err(InputError::TooLong { what, bytes, most: MAX_NAME_BYTES }),
        _ => Ok(()),
    }
}

/// The formats that [`encode`] can write. Both are always read, and so are
/// those of a cache's [`Source`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordFormat {
    /// `{"snowmelt":1,"keys":[…],…}`.
    #[default]
    Snowmelt,
    /// `{"keys":["id=…&s=…&t=data.ID"],"ts":"…"}`: what services running
    /// scache read and write. It knows keys only, and no namespace.
    Scache,
}

/// What a record turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// An invalidation for this cache.
    Apply(Invalidation),
    /// A sound record that concerns another namespace.
    OtherNamespace,
    /// A change record or event in a format that [`Source`]s read, of
    /// something that no source here asks about.
    ForOthers,
    /// A change that a source asks about, and that lacks something which the
    /// source needs.
    Lacking {
        /// What it says all the same, perhaps nothing.
        told: Invalidation,
        /// What it lacks.
        why: String,
    },
    /// A Snowmelt record that this version cannot read, so that only an empty
    /// cache is safe: it is of a newer version, or malformed.
    FlushAll,
    /// A foreign record in no known format.
    Undecodable(&'static str),
}

/// Reads a record of whatever format. Never fails and never panics: a record
/// is external input. Memory is bounded by a small multiple of its length, and
/// by the number of templates.
///
/// A namespace has no say in what other services write; `sources` do.
pub fn decode(data: &[u8], namespace: &str, sources: &Sources) -> Decoded {
    // Only an object is read further: cheap to tell, and it keeps foreign
    // binary formats (such as the KPL's aggregated records) from the parser.
    let Some(b'{') = data.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return Decoded::Undecodable("not a JSON object");
    };
    if shape::begins_as_snowmelt(data)
        && let Some(decoded) = snowmelt::decode(data, namespace)
    {
        return decoded;
    }
    match Shape::of(data) {
        // Malformed perhaps, but it says it is ours: what it meant to
        // invalidate cannot be known, so everything goes.
        Some(shape) if shape.snowmelt => snowmelt::decode(data, namespace).unwrap_or(Decoded::FlushAll),
        Some(shape) if shape.is_dynamodb_change() => {
            Decoded::of_source(dynamodb::tell(&sources.tables, data, &shape))
        }
        Some(shape) if shape.is_event() => Decoded::of_source(event_bridge::tell(sources, data, &shape)),
        _ => scache::decode(data).unwrap_or(Decoded::Undecodable("not a known record format")),
    }
}

impl Decoded {
    /// What sources learned; `None` if none asked.
    fn of_source(told: Option<Told>) -> Self {
        match told {
            None => Self::ForOthers,
            Some(Told { invalidation, lacks: None }) => Self::Apply(invalidation),
            Some(Told { invalidation: told, lacks: Some(why) }) => Self::Lacking { told, why },
        }
    }
}

/// Where and when a record is written.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The namespace it is for.
    pub namespace: &'a str,
    /// The time of writing in milliseconds since the Unix epoch, for people
    /// who read the stream; nothing depends on it.
    pub written: u64,
}

/// Writes an invalidation as one or more records, each at most about
/// [`RECORD_BYTES`] long (longer only for a single name longer than that).
pub fn encode(
    invalidation: &Invalidation,
    format: RecordFormat,
    envelope: Envelope<'_>,
) -> Result<Vec<Vec<u8>>, InputError> {
    match format {
        RecordFormat::Snowmelt => Ok(snowmelt::encode(invalidation, envelope)),
        RecordFormat::Scache => scache::encode(invalidation, envelope),
    }
}

/// What a record is filled up to: well under Kinesis' 1 MiB, and a small part
/// of the 2 MB/s that all readers of a shard share.
pub const RECORD_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
