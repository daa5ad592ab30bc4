//! The outputs of the operations, as they come.
//!
//! They derive `Deserialize`, so that a host may read them from its language's
//! own values as well as from JSON. Every member may be missing or null, as in
//! the SDKs: what must be there is for the conversion to say, in words.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

macro_rules! outputs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        pub struct $name {
            $($(#[$attribute])*
            #[doc = concat!("`", stringify!($field), "` in the protocol's case.")]
            pub $field: Option<$type>,)*
        })*
    };
}

outputs! {
    /// Of `ListShards`.
    ListShardsOutput {
        shards: Vec<ShardOutput>,
        next_token: String,
    }
    /// `Shard`.
    ShardOutput {
        shard_id: String,
        parent_shard_id: String,
        adjacent_parent_shard_id: String,
        hash_key_range: HashKeyRangeOutput,
        sequence_number_range: SequenceNumberRangeOutput,
    }
    /// `HashKeyRange`.
    HashKeyRangeOutput {
        starting_hash_key: String,
        ending_hash_key: String,
    }
    /// `SequenceNumberRange`.
    SequenceNumberRangeOutput {
        starting_sequence_number: String,
    }
    /// Of `GetShardIterator`.
    GetShardIteratorOutput {
        shard_iterator: String,
    }
    /// Of `GetRecords`.
    GetRecordsOutput {
        records: Vec<RecordOutput>,
        next_shard_iterator: String,
        millis_behind_latest: i64,
        child_shards: Vec<ChildShardOutput>,
    }
    /// `Record`: its data decoded, its time in seconds since the Unix epoch.
    RecordOutput {
        sequence_number: String,
        approximate_arrival_timestamp: f64,
        #[serde(deserialize_with = "data")]
        data: Vec<u8>,
    }
    /// `ChildShard`.
    ChildShardOutput {
        shard_id: String,
        parent_shards: Vec<String>,
        hash_key_range: HashKeyRangeOutput,
    }
    /// Of `PutRecords`.
    PutRecordsOutput {
        records: Vec<PutRecordsResultEntry>,
    }
    /// `PutRecordsResultEntry`.
    PutRecordsResultEntry {
        shard_id: String,
        sequence_number: String,
        error_code: String,
        error_message: String,
    }
}

/// Base64 as the protocol has it, or bytes as the SDKs of other languages do.
fn data<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    deserializer.deserialize_any(Data)
}

struct Data;

impl<'de> Visitor<'de> for Data {
    type Value = Option<Vec<u8>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data in base64, or bytes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        STANDARD.decode(text).map(Some).map_err(|error| E::custom(format_args!("data is no base64: {error}")))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Some(bytes.into()))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        Ok(Some(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(Some(bytes))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}
