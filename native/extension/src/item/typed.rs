//! Items as `DynamoDB` writes them: each value under its type.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{ItemError, base64, deeper};
use crate::origin::{Attribute, Item};

/// An item as `DynamoDB` JSON, `{"id":{"S":"7"},"age":{"N":"33"}}`: what the
/// AWS SDKs' (un)marshallers read. Numbers are texts there, binary is base64,
/// and sets are in the order in which `DynamoDB` answered them.
///
/// # Errors
///
/// If lists and maps are nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH),
/// which does not come from `DynamoDB`.
pub fn typed(item: &Item) -> Result<Vec<u8>, ItemError> {
    serde_json::to_vec(&Members { members: item, depth: 0 }).map_err(|error| ItemError::from_json(&error))
}

struct Members<'a> {
    members: &'a Item,
    depth: usize,
}

struct List<'a> {
    values: &'a [Attribute],
    depth: usize,
}

struct Value<'a> {
    value: &'a Attribute,
    depth: usize,
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, value) in self.members {
            map.serialize_entry(name, &Value { value, depth: self.depth })?;
        }
        map.end()
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.values.len()))?;
        for value in self.values {
            list.serialize_element(&Value { value, depth: self.depth })?;
        }
        list.end()
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.value {
            Attribute::String(text) => map.serialize_entry("S", text)?,
            Attribute::Number(text) => map.serialize_entry("N", text)?,
            Attribute::Binary(bytes) => map.serialize_entry("B", &base64(bytes))?,
            Attribute::Bool(value) => map.serialize_entry("BOOL", value)?,
            Attribute::Null => map.serialize_entry("NULL", &true)?,
            Attribute::Map(members) => {
                map.serialize_entry("M", &Members { members, depth: deeper(self.depth)? })?;
            }
            Attribute::List(values) => {
                map.serialize_entry("L", &List { values, depth: deeper(self.depth)? })?;
            }
            Attribute::Strings(texts) => map.serialize_entry("SS", texts)?,
            Attribute::Numbers(texts) => map.serialize_entry("NS", texts)?,
            Attribute::Binaries(all) => {
                let texts: Vec<String> = all.iter().map(|bytes| base64(bytes)).collect();
                map.serialize_entry("BS", &texts)?;
            }
        }
        map.end()
    }
}
