//! A table, as both files describe it.

use std::collections::BTreeMap;

use super::object::{Context, Object, Text};
use crate::origin::KeyType;
use crate::settings::error::At;
use crate::settings::{ListedKey, ListedTable};

/// The most tables that can be listed. The core follows 1,000 sources, two of
/// which are those of parameters and secrets.
const MOST: usize = 998;
/// The longest name of an attribute, in bytes, if it is of a key.
const LONGEST_ATTRIBUTE: usize = 255;

/// What is known of the tables' keys, and where it is said.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<(String, Option<String>), Known>);

#[derive(Debug, Default)]
struct Known {
    key: Option<(ListedKey, String, Option<At>)>,
}

impl Keys {
    /// Takes note of a table; one that has two different keys is refused.
    fn note(&mut self, table: &ListedTable, name: &Text, context: &mut Context<'_>) {
        let full = self.0.len() >= MOST;
        let id = (table.name.clone(), table.region.clone());
        if full && !self.0.contains_key(&id) {
            context.refuse_text(name, format!("there are more than {MOST} tables: leave some out"));
            return;
        }
        let known = self.0.entry(id).or_default();
        let Some(key) = &table.key else { return };
        match &known.key {
            Some((other, path, at)) if other != key => {
                let place = at.map(|at| format!(":{}", at.line)).unwrap_or_default();
                let (key, other) = (described(key), described(other));
                let remedy =
                    format!("its key is {key} here, but {other} in {path}{place}: give both the same key");
                context.refuse_text(name, remedy);
            }
            Some(_) => {}
            None => known.key = Some((key.clone(), context.path.clone(), name.at)),
        }
    }

    /// The key of a table that is described in another place.
    pub(super) fn complete(&self, table: &mut ListedTable) {
        let known = self.0.get(&(table.name.clone(), table.region.clone()));
        if let (None, Some((key, ..))) = (&table.key, known.and_then(|known| known.key.as_ref())) {
            table.key = Some(key.clone());
        }
    }
}

fn described(key: &ListedKey) -> String {
    let attribute = |(name, of): &(String, KeyType)| format!("{name} ({})", letter(*of));
    let sort = key.sort.as_ref().map(|sort| format!(" and {}", attribute(sort)));
    format!("{}{}", attribute(&key.hash), sort.unwrap_or_default())
}

fn letter(of: KeyType) -> char {
    match of {
        KeyType::String => 'S',
        KeyType::Number => 'N',
        KeyType::Binary => 'B',
    }
}

/// The table of an object, with its key if all of that is there.
pub(super) fn table(object: &Object<'_>, context: &mut Context<'_>, keys: &mut Keys) -> Option<ListedTable> {
    let region = object.region(context);
    let key = key(object, context);
    let Some(name) = object.text("table", context) else {
        if object.get("table").is_none_or(|value| !value.is_collection()) {
            context.refuse(
                object.at,
                format!("{} is missing", object.field("table")),
                "give the table's name",
            );
        }
        return None;
    };
    let letters = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if !(3..=255).contains(&name.value.len()) || !name.value.chars().all(letters) {
        let remedy = "give the table's name, 3 to 255 letters, digits and `_.-`; a table in another region by its name \
                      and `region`";
        context.refuse_text(&name, remedy);
        return None;
    }
    let table = ListedTable { name: name.value.clone(), region, key };
    keys.note(&table, &name, context);
    Some(table)
}

/// The key, if names and types are there: then nobody has to be asked. A table
/// without a `sortkey` has none, as in the demo, which looks at no type then.
fn key(object: &Object<'_>, context: &mut Context<'_>) -> Option<ListedKey> {
    let hash = attribute(object, "hashkey", context);
    let sort = attribute(object, "sortkey", context);
    let hash = hash.complete()?;
    match sort {
        Attribute { name: None, .. } => Some(ListedKey { hash, sort: None }),
        named => Some(ListedKey { hash, sort: Some(named.complete()?) }),
    }
}

struct Attribute {
    name: Option<String>,
    of: Option<KeyType>,
}

impl Attribute {
    fn complete(self) -> Option<(String, KeyType)> {
        Some((self.name?, self.of?))
    }
}

fn attribute(object: &Object<'_>, field: &str, context: &mut Context<'_>) -> Attribute {
    let name = object.text(field, context);
    if let Some(name) = name.as_ref().filter(|name| name.value.len() > LONGEST_ATTRIBUTE) {
        context.refuse_text(name, format!("give the attribute's name, at most {LONGEST_ATTRIBUTE} bytes"));
    }
    let of = object.text(&format!("{field}type"), context).and_then(|of| {
        let read = key_type(&of.value);
        if read.is_none() {
            context.refuse_text(&of, "give S (a string), N (a number) or B (binary)");
        }
        read
    });
    Attribute { name: name.map(|name| name.value), of }
}

fn key_type(text: &str) -> Option<KeyType> {
    match text {
        "S" => Some(KeyType::String),
        "N" => Some(KeyType::Number),
        "B" => Some(KeyType::Binary),
        _ => None,
    }
}
