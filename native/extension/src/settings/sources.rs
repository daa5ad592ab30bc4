//! The change logs that are followed: what each change invalidates.
//!
//! A table with a Kinesis data stream as its streaming destination, and
//! EventBridge rules with the stream as their target, invalidate the keys that
//! any writer may name too: `dynamodb/{table}/{hash}[/{sort}]`, `ssm/{name}`
//! and `secretsmanager/{id}`, their parts percent-encoded.

use super::Tables;

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

impl Tables {
    /// Every table of either file, with what its changes invalidate.
    pub fn sources(&self) -> Vec<TableSource> {
        let keys = self.followed.iter().flat_map(|(table, keys)| keys.iter().map(move |key| (table, key)));
        keys.map(|(table, key)| {
            let attributes = std::iter::once(&key.hash.0).chain(key.sort.as_ref().map(|sort| &sort.0));
            // A table's name has no character that would have to be encoded.
            let prefix = format!("dynamodb/{table}");
            let template =
                attributes.clone().fold(prefix.clone(), |template, name| format!("{template}/{{{name}}}"));
            let is_prefix = !attributes.into_iter().all(|name| can_be_held(name));
            let template = if is_prefix { format!("{prefix}/") } else { template };
            TableSource { table: table.clone(), template, is_prefix }
        })
        .collect()
    }
}

fn can_be_held(name: &str) -> bool {
    !name.contains(['{', '}']) && name.trim() == name
}
