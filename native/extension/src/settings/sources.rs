//! The change logs that are followed: what each change invalidates.
//!
//! A table with a Kinesis data stream as its streaming destination, and
//! EventBridge rules with the stream as their target, invalidate the keys that
//! any writer may name too: `dynamodb/{table}/{hash}[/{sort}]`, `ssm/{name}`
//! and `secretsmanager/{id}`, their parts percent-encoded.

use snowmelt_core::Source;

use super::{ListedKey, Tables};

impl Tables {
    /// What the cache follows: the changes of every table of either file, and
    /// those of parameters and secrets.
    pub fn sources(&self) -> Vec<Source> {
        let keys = self.followed.iter().flat_map(|(table, keys)| keys.iter().map(move |key| (table, key)));
        let tables = keys.map(|(table, key)| of_table(table, key));
        let services = [
            Source::parameter_store().key("ssm/{name}"),
            Source::secrets_manager().key("secretsmanager/{id}"),
        ];
        tables.chain(services).collect()
    }
}

/// By the table's name, in whatever region: a record of another region's table
/// invalidates too much at worst. A name of a table has no character that
/// would have to be encoded.
fn of_table(table: &str, key: &ListedKey) -> Source {
    let attributes = std::iter::once(&key.hash.0).chain(key.sort.as_ref().map(|sort| &sort.0));
    let mut parts = vec![format!("dynamodb/{table}")];
    for name in attributes {
        // No template can hold such a name: then each change invalidates all
        // of the table.
        if name.contains(['{', '}']) || name.trim() != name {
            return Source::dynamodb(table).prefix(format!("dynamodb/{table}/"));
        }
        parts.push(format!("{{{name}}}"));
    }
    Source::dynamodb(table).key(parts.join("/"))
}
