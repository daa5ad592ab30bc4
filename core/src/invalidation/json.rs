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
pub(super) trait Pick<'de> {
    /// The value is a text.
    fn text(&mut self, _text: Cow<'de, str>) {}

    /// The value is true or false.
    fn flag(&mut self, _flag: bool) {}

    /// The value is an object with this field, whose value is next in `map`
    /// and must be taken.
    fn field<A: MapAccess<'de>>(&mut self, _name: &str, map: &mut A) -> Result<(), A::Error> {
        skip(map)
    }

    /// The value is an array. Takes its next item; `false` if there is none.
    fn item<A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        Ok(items.next_element::<IgnoredAny>()?.is_some())
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

/// The texts of an array.
impl<'de> Pick<'de> for Vec<Cow<'de, str>> {
    fn item<A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut text = None;
        let more = items.next_element_seed(Into(&mut text))?.is_some();
        self.extend(text);
        Ok(more)
    }
}

/// Passes over a field's value.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// Reads a whole document. An error if it is no JSON.
pub(super) fn read<'de>(data: &'de [u8], into: &mut impl Pick<'de>) -> Result<(), serde_json::Error> {
    let mut document = serde_json::Deserializer::from_slice(data);
    Into(into).deserialize(&mut document)?;
    document.end()
}

/// Reads a value into a [`Pick`].
pub(super) struct Into<'p, P>(pub(super) &'p mut P);

impl<'de, P: Pick<'de>> DeserializeSeed<'de> for Into<'_, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// A field's name, copied only if it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, P: Pick<'de>> Visitor<'de> for Into<'_, P> {
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
            self.0.field(&name, &mut map)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while self.0.item(&mut items)? {}
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
