//! `cache.yaml`, the fork's: tables, any item of which may be read.
//!
//! Source: the repository `nthienan/aws-dynamodb-cache-lambda-extension`,
//! `internal/plugins/dynamodb.go` and `internal/extension/entry.go`.

use std::collections::BTreeMap;

use super::Listed;
use super::object::{Context, Object};
use super::table::{self, Keys};
use super::yaml::Value;

const TOP: [&str; 1] = ["dynamodb"];
const TABLE: [&str; 9] = [
    "table",
    "region",
    "hashkey",
    "hashkeytype",
    "hashkeyvalue",
    "sortkey",
    "sortkeytype",
    "sortkeyvalue",
    "fields",
];
/// What the fork knows and what has no meaning here.
const WITHOUT_EFFECT: [(&str, &str); 3] = [
    ("hashkeyvalue", "the name that a function asks for says which item it wants"),
    ("sortkeyvalue", "the name that a function asks for says which item it wants"),
    ("fields", "items are answered whole"),
];

pub(super) fn take(document: &Value, context: &mut Context<'_>, keys: &mut Keys, listed: &mut Listed) {
    let Some(file) = context.object(document, "", &TOP) else { return };
    let mut lines: BTreeMap<String, (Option<String>, u64)> = BTreeMap::new();
    for (path, value) in context.list(file.get("dynamodb"), "dynamodb") {
        let Some(object) = context.object(value, &path, &TABLE) else { continue };
        note(&object, context, listed);
        let Some(table) = table::table(&object, context, keys) else { continue };
        let line = object.at.map_or(0, |at| at.line);
        match lines.get(&table.name) {
            Some((region, line)) if *region != table.region => {
                let remedy = format!(
                    "it is listed with another region in line {line}, and a function asks by the table's name alone: \
                     leave one of them out"
                );
                if let Some(name) = object.text("table", context) {
                    context.refuse_text(&name, remedy);
                }
            }
            Some(_) => {}
            None => {
                lines.insert(table.name.clone(), (table.region.clone(), line));
                listed.tables.push(table);
            }
        }
    }
}

fn note(object: &Object<'_>, context: &mut Context<'_>, listed: &mut Listed) {
    for (name, why) in WITHOUT_EFFECT {
        if let Some(text) = object.text(name, context) {
            let line = text.at.map(|at| format!(":{}", at.line)).unwrap_or_default();
            listed.notes.push(format!("{}{line}: {} has no effect: {why}", context.path, text.field));
        }
    }
}
