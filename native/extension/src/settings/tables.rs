//! The keys of all tables: as configured, or as DynamoDB tells.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::error::{Place, Problems, SettingsError};
use super::names::{NameError, Table, Tables, listed_name};
use super::{ListedKey, ListedTable, Settings};
use crate::origin::{KeySchema, Origin, OriginError};

/// How long all tables together may take to be described: an extension has
/// 10 s to start.
const WITHIN: Duration = Duration::from_secs(5);

/// A table by its name and its region.
type Id = (String, Option<String>);

/// Asks for the keys that are not configured, all at once and for 5 s at most,
/// and puts every name together with its key. Asks nothing if all are
/// configured.
///
/// # Errors
///
/// If a table cannot be described, or an item's key does not fit its table;
/// with all that is wrong.
pub async fn resolve(settings: &Settings, origin: &dyn Origin) -> Result<Tables, SettingsError> {
    let mut problems = Problems::default();
    let described = describe(settings, origin, &mut problems).await;
    let known = |listed: &ListedTable| {
        let key = listed.key.clone().or_else(|| described.get(&id(listed)).cloned())?;
        Some(Table { name: listed.name.clone(), region: listed.region.clone(), key })
    };
    let mut tables = Tables::default();
    for table in settings.tables.iter().filter_map(known) {
        tables.follow(&table);
        tables.open.insert(table.name.clone(), table);
    }
    for item in &settings.items {
        let Some(table) = known(&item.table) else { continue };
        match table.item(&item.hash, item.sort.as_deref()) {
            Ok(ask) => {
                tables.items.insert(listed_name(item), ask);
            }
            Err(error) => {
                let name = listed_name(item);
                let what = format!("cannot have the item {name} of config.yaml");
                problems.add(Place::Table(table.name.clone()), what, in_file(&error));
            }
        }
        tables.follow(&table);
    }
    problems.check().map(|()| tables)
}

/// The error in the words of the file.
fn in_file(error: &NameError) -> String {
    let text = error.to_string();
    let (told, _) = text.split_once(": ask for ").unwrap_or((&text, ""));
    format!("{told}; correct hashkeyvalue and sortkeyvalue")
}

fn id(table: &ListedTable) -> Id {
    (table.name.clone(), table.region.clone())
}

async fn describe(
    settings: &Settings,
    origin: &dyn Origin,
    problems: &mut Problems,
) -> BTreeMap<Id, ListedKey> {
    let tables = settings.items.iter().map(|item| &item.table).chain(&settings.tables);
    let mut missing: BTreeMap<Id, Option<OriginError>> =
        tables.filter(|table| table.key.is_none()).map(|table| (id(table), None)).collect();
    let mut waiting = missing.keys().cloned().collect::<Vec<Id>>().into_iter();
    let mut asked = JoinSet::new();
    let mut described = BTreeMap::new();
    let all = async {
        loop {
            // As many as have a turn at once: the others would spend their time on waiting for one.
            while asked.len() < settings.aws.max_connections
                && let Some(id) = waiting.next()
            {
                let schema = origin.key_schema(&id.0, id.1.as_deref());
                asked.spawn(async move { (id, schema.await) });
            }
            let Some(answer) = asked.join_next().await else { break };
            match answer {
                Ok((id, Ok(KeySchema { hash, sort }))) => {
                    missing.remove(&id);
                    described.insert(id, ListedKey { hash, sort });
                }
                Ok((id, Err(error))) => {
                    missing.insert(id, Some(error));
                }
                // It panicked: its table stays without an answer.
                Err(_) => {}
            }
        }
    };
    let _in_time = timeout(WITHIN, all).await;
    for ((table, _), error) in missing {
        refuse(table, error.as_ref(), problems);
    }
    described
}

fn refuse(table: String, error: Option<&OriginError>, problems: &mut Problems) {
    let why = match error {
        Some(error) => error.to_string(),
        None => format!("no answer within {} s", WITHIN.as_secs()),
    };
    let remedy = "let the function's role call dynamodb:DescribeTable on it, or write hashkey and hashkeytype (and \
                  sortkey and sortkeytype, if it has a sort key) into cache.yaml";
    problems.add(Place::Table(table), format!("cannot be described: {why}"), remedy);
}

impl Tables {
    fn follow(&mut self, table: &Table) {
        let keys = self.followed.entry(table.name.clone()).or_default();
        // One for each region, where their keys differ.
        if !keys.contains(&table.key) {
            keys.push(table.key.clone());
        }
    }
}
