//! Reading a few fields of a JSON object, and nothing of the rest.
//!
//! Records of other services can be large and deep: a DynamoDB change holds
//! two images of up to 400 KB. What is not asked for is skipped without being
//! kept, whatever its depth, and a value of another type than the one that is
//! looked for is as good as none.

use alloc::borrow::{Cow, ToOwned};
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Takes what it wants of a JSON value. What it has no method for it does not
/// get.
///
/// Called through a pointer: the parser is then compiled once, and not for each
/// type that reads a part of a record, which would be several times the code.
pub(super) trait Pick<'de> {
    /// The value is a text.
    fn text(&mut self, _text: Cow<'de, str>) {}

    /// The value is true or false.
    fn flag(&mut self, _flag: bool) {}

    /// The value is an object with this field: who takes its value, if anybody
    /// does.
    fn field(&mut self, _name: &str) -> Option<&mut dyn Pick<'de>> {
        None
    }

    /// The value is an array with another item: who takes it, if anybody does.
    fn item(&mut self) -> Option<&mut dyn Pick<'de>> {
        None
    }
}

impl<'de> Pick<'de> for Option<Cow<'de, str>> {
    fn text(&mut self, text: Cow<'de, str>) {
        *self = Some(text);
    }
}

impl Pick<'_> for bool {
    fn flag(&mut self, flag: bool) {
        *self = flag;
    }
}

/// The texts among an array's items.
#[derive(Default)]
pub(super) struct Texts<'a>(Vec<Option<Cow<'a, str>>>);

impl Texts<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(AsRef::as_ref)
    }
}

impl<'de> Pick<'de> for Texts<'de> {
    fn item(&mut self) -> Option<&mut dyn Pick<'de>> {
        // What is no text leaves its place to what follows.
        if self.0.last().is_none_or(Option::is_some) {
            self.0.push(None);
        }
        self.0.last_mut().map(|place| place as _)
    }
}

/// Reads a whole document. An error if it is no JSON.
pub(super) fn read<'de>(data: &'de [u8], into: &mut dyn Pick<'de>) -> Result<(), serde_json::Error> {
    let mut document = serde_json::Deserializer::from_slice(data);
    Into(into).deserialize(&mut document)?;
    document.end()
}

/// Reads a value into a [`Pick`].
struct Into<'p, 'de>(&'p mut dyn Pick<'de>);

impl<'de> DeserializeSeed<'de> for Into<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Reads a value into a [`Pick`], or passes over it.
struct Perhaps<'p, 'de>(Option<&'p mut dyn Pick<'de>>);

impl<'de> DeserializeSeed<'de> for Perhaps<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0 {
            Some(pick) => deserializer.deserialize_any(Into(pick)),
            None => IgnoredAny::deserialize(deserializer).map(drop),
        }
    }
}

/// A field's name, copied only if it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Into<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.0.text(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.text(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            map.next_value_seed(Perhaps(self.0.field(&name)))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Perhaps(self.0.item()))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        self.0.flag(flag);
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
