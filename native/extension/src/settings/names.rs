//! The names by which functions ask for items: the demo's, `Table-hash[-sort]`,
//! and its fork's, `table@@hash[@@sort]`.

use std::collections::{BTreeMap, HashMap};

use thiserror::Error;

use super::error::shown;
use super::key_value::{Part, canonical};
use super::{ListedItem, ListedKey};
use crate::origin::{ItemAsk, KeyAttribute};

/// What stands between the parts of the fork's names.
const SEPARATOR: &str = "@@";
/// How many tables a message names.
const TOLD: usize = 10;

/// All tables and items that can be asked for by name, with their keys.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Those of which any item may be read.
    pub(super) open: BTreeMap<String, Table>,
    /// Those of which items are listed, by their names.
    pub(super) items: HashMap<String, ItemAsk>,
    /// Every table of either file: its changes are followed.
    pub(super) followed: BTreeMap<String, Vec<ListedKey>>,
}

/// A table with its key.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) region: Option<String>,
    pub(super) key: ListedKey,
}

/// There is nothing of that name, or it cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// It is no item of `config.yaml`, and not of the form that `cache.yaml`
    /// is asked with. To the demo that is a miss.
    #[error(
        "{name} is not listed: list it in config.yaml, or its table in cache.yaml and ask for table@@hash[@@sort]"
    )]
    Unlisted {
        /// The name.
        name: String,
    },
    /// The table is not in `cache.yaml`. To the fork that is a miss.
    #[error("table {table} is not listed: cache.yaml {known}")]
    UnknownTable {
        /// The table asked for.
        table: String,
        /// What is there in its place.
        known: String,
    },
    /// The table is there, and the key cannot be one of its keys.
    #[error("{what}: {remedy}")]
    BadKey {
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: String,
    },
}

impl Tables {
    /// The item of that name, as a function asks for it, decoded.
    ///
    /// A name of an item in `config.yaml` is compared as a whole, so that
    /// dashes in tables and keys confuse nothing. Otherwise the name is
    /// `table@@hash` or `table@@hash@@sort` of a table in `cache.yaml`; the
    /// sort key may have `@@` in it, the partition key may not. For a table
    /// without a sort key `table@@hash@@` will do too, as the fork asks.
    ///
    /// # Errors
    ///
    /// If nothing of that name is listed, or the key does not fit the table.
    pub fn item(&self, name: &str) -> Result<ItemAsk, NameError> {
        if let Some(item) = self.items.get(name) {
            return Ok(item.clone());
        }
        let Some((table, key)) = name.split_once(SEPARATOR) else {
            return Err(NameError::Unlisted { name: shown(name) });
        };
        let Some(table) = self.open.get(table) else {
            return Err(NameError::UnknownTable { table: shown(table), known: self.known() });
        };
        let (hash, sort) = key.split_once(SEPARATOR).unwrap_or((key, ""));
        table.item(hash, Some(sort).filter(|sort| !sort.is_empty()))
    }

    /// The items that `config.yaml` lists.
    pub fn items(&self) -> impl Iterator<Item = &ItemAsk> {
        self.items.values()
    }

    fn known(&self) -> String {
        if self.open.is_empty() {
            return "lists none".to_owned();
        }
        let names: Vec<&str> = self.open.keys().take(TOLD).map(String::as_str).collect();
        let more = self.open.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("lists {}{more}", names.join(", "))
    }
}

impl Table {
    /// The item with this key.
    pub(super) fn item(&self, hash: &str, sort: Option<&str>) -> Result<ItemAsk, NameError> {
        let table = &self.name;
        let sort = match (&self.key.sort, sort) {
            (None, None) => None,
            (Some(attribute), Some(sort)) => Some(self.attribute(attribute, Part::Sort, sort)?),
            (Some((attribute, _)), None) => {
                return Err(NameError::BadKey {
                    what: "the sort key is missing".to_owned(),
                    remedy: format!(
                        "table {table} has the sort key {attribute}: ask for {table}@@hash@@sort"
                    ),
                });
            }
            (None, Some(sort)) => {
                return Err(NameError::BadKey {
                    what: format!("the sort key {} is too much", shown(sort)),
                    remedy: format!("table {table} has no sort key: ask for {table}@@hash"),
                });
            }
        };
        Ok(ItemAsk {
            table: table.clone(),
            region: self.region.clone(),
            hash: self.attribute(&self.key.hash, Part::Hash, hash)?,
            sort,
            consistent: true,
        })
    }

    fn attribute(
        &self,
        (name, of): &(String, crate::origin::KeyType),
        part: Part,
        value: &str,
    ) -> Result<KeyAttribute, NameError> {
        match canonical(*of, part, value) {
            Ok(value) => Ok(KeyAttribute { name: name.clone(), of: *of, value }),
            Err(remedy) => Err(NameError::BadKey {
                what: format!("{} is no value of {name}, a key of table {}", shown(value), self.name),
                remedy,
            }),
        }
    }
}

/// What the demo calls an item of `config.yaml`.
pub(super) fn listed_name(item: &ListedItem) -> String {
    let sort = item.sort.as_ref().map(|sort| format!("-{sort}"));
    format!("{}-{}{}", item.table.name, item.hash, sort.unwrap_or_default())
}
