//! `config.yaml`, the demo's: parameters and items by name.
//!
//! Source: `cache-extension-demo` in the repository
//! `aws-samples/aws-lambda-extensions`, its README and its example function.

use std::collections::BTreeMap;

use super::Listed;
use super::object::{Context, Object, Text};
use super::table::{self, Keys};
use super::yaml::Value;
use crate::settings::key_value::{self, Part};
use crate::settings::names::listed_name;
use crate::settings::{ListedItem, ListedParameter};

const TOP: [&str; 2] = ["parameters", "dynamodb"];
const PARAMETERS: [&str; 2] = ["region", "names"];
const ITEM: [&str; 8] =
    ["table", "region", "hashkey", "hashkeytype", "hashkeyvalue", "sortkey", "sortkeytype", "sortkeyvalue"];
/// The longest name or ARN of a parameter, in bytes.
const LONGEST_NAME: usize = 2048;

/// What each name stands for, and where that is said.
type Names<T> = BTreeMap<String, (T, u64)>;

pub(super) fn take(document: &Value, context: &mut Context<'_>, keys: &mut Keys, listed: &mut Listed) {
    let Some(file) = context.object(document, "", &TOP) else { return };
    let mut names = Names::new();
    for (path, value) in context.list(file.get("parameters"), "parameters") {
        if let Some(object) = context.object(value, &path, &PARAMETERS) {
            parameters(&object, context, &mut names, &mut listed.parameters);
        }
    }
    let mut names = Names::new();
    for (path, value) in context.list(file.get("dynamodb"), "dynamodb") {
        let Some(object) = context.object(value, &path, &ITEM) else { continue };
        if let Some((item, text)) = item(&object, context, keys) {
            let name = listed_name(&item);
            if is_new(&name, item.clone(), &text, &mut names, context) {
                listed.items.push(item);
            }
        }
    }
}

fn parameters(
    object: &Object<'_>,
    context: &mut Context<'_>,
    names: &mut Names<ListedParameter>,
    listed: &mut Vec<ListedParameter>,
) {
    let region = object.region(context);
    let field = object.field("names");
    for (field, value) in context.list(object.get("names"), &field) {
        let Some(name) = context.text(Some(value), field.clone()) else {
            if !value.is_collection() {
                context.refuse(value.at, format!("{field} is empty"), "give a parameter's name or ARN");
            }
            continue;
        };
        if name.value.len() > LONGEST_NAME {
            context.refuse_text(&name, "give a parameter's name or ARN, at most 2048 bytes");
            continue;
        }
        let parameter = ListedParameter { name: name.value.clone(), region: region.clone() };
        if is_new(&name.value, parameter.clone(), &name, names, context) {
            listed.push(parameter);
        }
    }
}

/// Whether a name was not listed yet. A function asks by the name alone: one
/// that stands for two things is refused.
fn is_new<T: PartialEq>(
    name: &str,
    of: T,
    text: &Text,
    names: &mut Names<T>,
    context: &mut Context<'_>,
) -> bool {
    if let Some((other, line)) = names.get(name) {
        if *other != of {
            let remedy = format!(
                "a function asks for it by the name {name:?}, which is something else in line {line}: leave one of \
                 them out"
            );
            context.refuse_text(text, remedy);
        }
        return false;
    }
    let line = text.at.map_or(0, |at| at.line);
    names.insert(name.to_owned(), (of, line));
    true
}

fn item(object: &Object<'_>, context: &mut Context<'_>, keys: &mut Keys) -> Option<(ListedItem, Text)> {
    let table = table::table(object, context, keys);
    let hash = object.text("hashkeyvalue", context);
    let sort = object.text("sortkeyvalue", context);
    let Some(hash) = hash else {
        if object.get("hashkeyvalue").is_none_or(|value| !value.is_collection()) {
            let remedy = "give the value of the item's partition key";
            context.refuse(object.at, format!("{} is missing", object.field("hashkeyvalue")), remedy);
        }
        return None;
    };
    let table = table?;
    let has_sort = object.has("sortkey");
    if let (Some(sort), false) = (&sort, has_sort || table.key.is_none()) {
        context.refuse_text(sort, format!("give {} too, or leave this out", object.field("sortkey")));
    }
    if has_sort && sort.is_none() {
        let remedy = "give the value of the item's sort key, or leave the sort key out if the table has none";
        context.refuse(object.at, format!("{} is missing", object.field("sortkeyvalue")), remedy);
    }
    if let Some(key) = &table.key {
        let parts = [
            (Some(&hash), Some(key.hash.1), Part::Hash),
            (sort.as_ref(), key.sort.as_ref().map(|sort| sort.1), Part::Sort),
        ];
        for (text, of, part) in parts {
            let (Some(text), Some(of)) = (text, of) else { continue };
            if let Err(remedy) = key_value::canonical(of, part, &text.value) {
                context.refuse_text(text, remedy);
            }
        }
    }
    let item = ListedItem { table, hash: hash.value.clone(), sort: sort.map(|sort| sort.value) };
    Some((item, hash))
}
