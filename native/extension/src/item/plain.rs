//! Items as a program wants them: values without their types.

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::decimal::Decimal;
use super::{ItemError, NoNumber, base64, deeper};
use crate::origin::{Attribute, Item};

/// An item as plain JSON.
///
/// | attribute | becomes |
/// |---|---|
/// | `S` | a string |
/// | `N` | a number, digit by digit as `DynamoDB` gave it: up to 38 digits. Read it with a decimal type where more than the 15 digits of a double matter |
/// | `B` | a string of base64 |
/// | `BOOL` | `true` or `false` |
/// | `NULL` | `null` |
/// | `M` | an object, its members in the order of their names (bytes of UTF-8) |
/// | `L` | an array |
/// | `SS` | an array of strings, in the order of their bytes |
/// | `NS` | an array of numbers, in the order of their values |
/// | `BS` | an array of strings of base64, in the order of the bytes they stand for |
///
/// Sets have no order in `DynamoDB`; they are sorted, so that the same item is
/// the same text.
///
/// # Errors
///
/// If a number's text is no JSON number, or lists and maps are nested deeper
/// than [`MAX_DEPTH`](super::MAX_DEPTH): neither comes from `DynamoDB`.
pub fn plain(item: &Item) -> Result<Vec<u8>, ItemError> {
    serde_json::to_vec(&Members { members: item, depth: 0 }).map_err(|error| ItemError::from_json(&error))
}

struct Members<'a> {
    members: &'a Item,
    depth: usize,
}

struct Value<'a> {
    value: &'a Attribute,
    depth: usize,
}

struct Number<'a>(&'a str);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, value) in self.members {
            map.serialize_entry(name, &Value { value, depth: self.depth })?;
        }
        map.end()
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Attribute::String(text) => serializer.serialize_str(text),
            Attribute::Number(text) => Number(text).serialize(serializer),
            Attribute::Binary(bytes) => serializer.serialize_str(&base64(bytes)),
            Attribute::Bool(value) => serializer.serialize_bool(*value),
            Attribute::Null => serializer.serialize_unit(),
            Attribute::Map(members) => Members { members, depth: deeper(self.depth)? }.serialize(serializer),
            Attribute::List(values) => {
                let depth = deeper(self.depth)?;
                serializer.collect_seq(values.iter().map(|value| Value { value, depth }))
            }
            Attribute::Strings(texts) => serializer.collect_seq(sorted(texts)),
            Attribute::Numbers(texts) => {
                let mut numbers: Vec<&String> = texts.iter().collect();
                numbers.sort_by_cached_key(|text| Decimal::of(text));
                serializer.collect_seq(numbers.into_iter().map(|text| Number(text)))
            }
            Attribute::Binaries(all) => {
                serializer.collect_seq(sorted(all).into_iter().map(|bytes| base64(bytes)))
            }
        }
    }
}

impl Serialize for Number<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Of all JSON, numbers alone begin so.
        let number = self.0.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        match serde_json::from_str::<&RawValue>(self.0) {
            Ok(raw) if number && raw.get() == self.0 => raw.serialize(serializer),
            _ => Err(S::Error::custom(NoNumber)),
        }
    }
}

fn sorted<T: Ord>(values: &[T]) -> Vec<&T> {
    let mut values: Vec<&T> = values.iter().collect();
    values.sort();
    values
}
