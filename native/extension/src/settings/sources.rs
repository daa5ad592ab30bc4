//! The change logs that are followed: what each change invalidates.
//!
//! A table with a Kinesis data stream as its streaming destination, and
//! EventBridge rules with the stream as their target, invalidate the keys that
//! any writer may name too: `dynamodb/{table}/{hash}[/{sort}]`, `ssm/{name}`
//! and `secretsmanager/{id}`, their parts percent-encoded.

use snowmelt_core::Source;

use super::{ListedKey, Tables};

/// What a parameter's change invalidates: a template of the core.
pub const PARAMETERS: &str = "ssm/{name}";
/// What a secret's change invalidates: a template of the core.
pub const SECRETS: &str = "secretsmanager/{id}";

/// What a table's changes invalidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSource {
    /// The table's name; of all regions, since a record of another one
    /// invalidates too much at worst.
    pub table: String,
    /// A template of the core's: attributes stand in braces.
    pub template: String,
    /// Whether the template is that of a prefix. It is of a key unless an
    /// attribute has a name that no template can hold: then each change
    /// invalidates all of the table.
    pub is_prefix: bool,
}

impl From<&TableSource> for Source {
    fn from(source: &TableSource) -> Self {
        let table = Self::dynamodb(&source.table);
        if source.is_prefix { table.prefix(&source.template) } else { table.key(&source.template) }
    }
}

impl Tables {
    /// Every table of either file, with what its changes invalidate; at most
    /// 998, so that the core can follow parameters and secrets too.
    pub fn sources(&self) -> Vec<TableSource> {
        let keys = self.followed.iter().flat_map(|(table, keys)| keys.iter().map(move |key| (table, key)));
        keys.map(|(table, key)| of_table(table, key)).collect()
    }
}

/// A name of a table has no character that would have to be encoded.
fn of_table(table: &str, key: &ListedKey) -> TableSource {
    let attributes = std::iter::once(&key.hash.0).chain(key.sort.as_ref().map(|sort| &sort.0));
    let mut parts = vec![format!("dynamodb/{table}")];
    let mut is_prefix = false;
    for name in attributes {
        is_prefix |= name.contains(['{', '}']) || name.trim() != name;
        parts.push(format!("{{{name}}}"));
    }
    if is_prefix {
        parts.splice(1.., [String::new()]);
    }
    TableSource { table: table.to_owned(), template: parts.join("/"), is_prefix }
}
