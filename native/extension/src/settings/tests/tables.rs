//! The tables' keys, and what functions call items.

use std::collections::BTreeMap;
use std::sync::Mutex;

use snowmelt_core::Source;

use super::*;
use crate::Pending;
use crate::origin::{Ask, Fetched, ItemAsk, KeyAttribute, KeySchema, Origin, OriginError, Trouble};
use crate::settings::sources::{PARAMETERS, SECRETS};

/// A table and its region.
type Asked = (String, Option<String>);

/// Describes the tables it knows; one named `slow` never.
#[derive(Default)]
struct Describes {
    tables: BTreeMap<&'static str, KeySchema>,
    asked: Mutex<Vec<Asked>>,
}

impl Origin for Describes {
    fn fetch(&self, _: Ask) -> Pending<Result<Fetched, OriginError>> {
        unreachable!("only keys are asked for")
    }

    fn key_schema(&self, table: &str, region: Option<&str>) -> Pending<Result<KeySchema, OriginError>> {
        self.asked.lock().unwrap().push((table.to_owned(), region.map(str::to_owned)));
        let (slow, schema) = (table == "slow", self.tables.get(table).cloned());
        Box::pin(async move {
            if slow {
                std::future::pending::<()>().await;
            }
            let message = "not allowed to describe it".to_owned();
            schema.ok_or(OriginError {
                trouble: Trouble::Denied,
                code: None,
                status: Some(400),
                message,
                service_message: None,
            })
        })
    }
}

fn attribute(name: &str, of: KeyType) -> (String, KeyType) {
    (name.to_owned(), of)
}

fn table(name: &str, key: Option<ListedKey>) -> ListedTable {
    ListedTable { name: name.to_owned(), region: None, key }
}

fn users() -> ListedKey {
    ListedKey { hash: attribute("id", KeyType::String), sort: None }
}

fn orders() -> ListedKey {
    let sort = Some(attribute("number", KeyType::Number));
    ListedKey { hash: attribute("customer", KeyType::String), sort }
}

fn item(table: ListedTable, hash: &str, sort: Option<&str>) -> ListedItem {
    ListedItem { table, hash: hash.to_owned(), sort: sort.map(str::to_owned) }
}

fn resolved(settings: &Settings, origin: &Describes) -> Result<Tables, SettingsError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(resolve(settings, origin))
}

fn tables(tables: Vec<ListedTable>, items: Vec<ListedItem>) -> Tables {
    let mut settings = read(&[]);
    (settings.tables, settings.items) = (tables, items);
    resolved(&settings, &Describes::default()).unwrap()
}

fn tables_of(listed: Vec<ListedTable>) -> Tables {
    tables(listed, vec![])
}

fn ask(table: &str, hash: (&str, KeyType, &str), sort: Option<(&str, KeyType, &str)>) -> ItemAsk {
    let attribute = |(name, of, value): (&str, KeyType, &str)| KeyAttribute {
        name: name.to_owned(),
        of,
        value: value.to_owned(),
    };
    let (hash, sort) = (attribute(hash), sort.map(attribute));
    ItemAsk { table: table.to_owned(), region: None, hash, sort, consistent: true }
}

fn user(id: &str) -> ItemAsk {
    ask("users", ("id", KeyType::String, id), None)
}

fn order(customer: &str, number: &str) -> ItemAsk {
    let sort = Some(("number", KeyType::Number, number));
    ask("orders", ("customer", KeyType::String, customer), sort)
}

#[test]
fn items_are_asked_for_as_the_fork_asks() {
    let tables = tables(vec![table("users", Some(users())), table("orders", Some(orders()))], vec![]);
    for (name, expected) in [
        ("users@@7", user("7")),
        ("users@@7@@", user("7")),
        ("users@@a-b c/é@", user("a-b c/é@")),
        ("orders@@ada@@1", order("ada", "1")),
        // Numbers are what DynamoDB gives back, so that its records name them.
        ("orders@@ada@@01.0", order("ada", "1")),
        ("orders@@ada@@2e3", order("ada", "2000")),
    ] {
        assert_eq!(tables.item(name), Ok(expected), "{name}");
    }
}

#[test]
fn a_name_that_fits_nothing_is_told_why() {
    let tables = tables(vec![table("users", Some(users())), table("orders", Some(orders()))], vec![]);
    let number = "the key is a number (N): give one such as 7, -1.5 or 2e3, of at most 38 digits written out";
    for (name, text) in [
        ("user@@7", r#"table "user" is not listed: cache.yaml lists orders, users"#.to_owned()),
        ("@@7", r#"table "" is not listed: cache.yaml lists orders, users"#.to_owned()),
        ("users", r#""users" is not listed: list it in config.yaml, or its table in cache.yaml and ask for table@@hash[@@sort]"#.to_owned()),
        ("", r#""" is not listed: list it in config.yaml, or its table in cache.yaml and ask for table@@hash[@@sort]"#.to_owned()),
        ("users@@", r#""" is no value of id, a key of table users: a key's value cannot be empty"#.to_owned()),
        ("users@@7@@8", r#"the sort key "8" is too much: table users has no sort key: ask for users@@hash"#.to_owned()),
        ("orders@@ada", "the sort key is missing: table orders has the sort key number: ask for orders@@hash@@sort".to_owned()),
        ("orders@@ada@@", "the sort key is missing: table orders has the sort key number: ask for orders@@hash@@sort".to_owned()),
        ("orders@@ada@@x", format!(r#""x" is no value of number, a key of table orders: {number}"#)),
        ("orders@@ada@@1@@2", format!(r#""1@@2" is no value of number, a key of table orders: {number}"#)),
    ] {
        assert_eq!(tables.item(name).unwrap_err().to_string(), text, "{name}");
    }
    let none = Tables::default().item("users@@7").unwrap_err();
    assert_eq!(none.to_string(), r#"table "users" is not listed: cache.yaml lists none"#);
    assert!(matches!(none, NameError::UnknownTable { .. }));
    let many = (0..12).map(|n| table(&format!("t{n:02}"), Some(users()))).collect();
    let error = tables_of(many).item("x@@1").unwrap_err().to_string();
    assert!(error.ends_with("lists t00, t01, t02, t03, t04, t05, t06, t07, t08, t09 and 2 more"), "{error}");
}

#[test]
fn a_sort_key_may_have_the_separator_in_it() {
    let key = ListedKey { sort: Some(attribute("s", KeyType::String)), ..users() };
    let tables = tables(vec![table("users", Some(key))], vec![]);
    let expected = ask("users", ("id", KeyType::String, "a"), Some(("s", KeyType::String, "b@@c@@")));
    assert_eq!(tables.item("users@@a@@b@@c@@"), Ok(expected));
}

#[test]
fn items_are_asked_for_as_the_demo_asks() {
    let items = vec![
        item(table("users", Some(users())), "a-b", None),
        item(table("orders", Some(orders())), "ada", Some("01")),
        item(table("user-s", Some(users())), "x@@y", None),
    ];
    let tables = tables(vec![], items);
    assert_eq!(tables.item("users-a-b"), Ok(user("a-b")));
    assert_eq!(tables.item("orders-ada-01"), Ok(order("ada", "1")));
    assert_eq!(tables.item("user-s-x@@y"), Ok(ask("user-s", ("id", KeyType::String, "x@@y"), None)));
    for unlisted in ["users-a", "users-a-b-c", "orders-ada", "orders-ada-1", "Users-a-b"] {
        assert!(matches!(tables.item(unlisted), Err(NameError::Unlisted { .. })), "{unlisted}");
    }
    // A table that only items are listed of is not open.
    assert!(matches!(tables.item("users@@z"), Err(NameError::UnknownTable { .. })));
    assert_eq!(tables.items().count(), 3);
}

#[test]
fn dynamodb_is_asked_for_keys_that_are_not_configured_once_each() {
    let mut settings = read(&[]);
    let visits = ListedTable { region: Some("us-west-2".into()), ..table("visits", None) };
    settings.tables = vec![table("users", Some(users())), visits.clone(), table("orders", None)];
    settings.items = vec![item(visits, "2026", None), item(table("orders", None), "ada", Some("1.0"))];
    let mut origin = Describes::default();
    for (name, ListedKey { hash, sort }) in [("visits", users()), ("orders", orders())] {
        origin.tables.insert(name, KeySchema { hash, sort });
    }
    let tables = resolved(&settings, &origin).unwrap();
    let asked = origin.asked.lock().unwrap().clone();
    assert_eq!(asked, [("orders".to_owned(), None), ("visits".to_owned(), Some("us-west-2".to_owned()))]);
    assert_eq!(tables.item("orders@@ada@@1"), Ok(order("ada", "1")));
    assert_eq!(tables.item("orders-ada-1.0"), Ok(order("ada", "1")));
    assert_eq!(tables.item("visits@@2026").unwrap().region.as_deref(), Some("us-west-2"));
}

#[test]
fn a_table_that_cannot_be_described_is_told_with_the_remedy() {
    let mut settings = read(&[]);
    settings.tables = vec![table("users", Some(users())), table("hidden", None), table("secret", None)];
    let error = resolved(&settings, &Describes::default()).unwrap_err();
    let remedy = "let the function's role call dynamodb:DescribeTable on it, or write hashkey and hashkeytype (and sortkey \
                  and sortkeytype, if it has a sort key) into cache.yaml";
    let line = |name| format!("table {name} cannot be described: not allowed to describe it: {remedy}");
    assert_eq!(error.to_string(), format!("{}\n{}", line("hidden"), line("secret")));
}

#[test]
fn a_table_that_is_slow_to_describe_is_not_waited_for() {
    let mut settings = read(&[]);
    settings.tables = vec![table("slow", None), table("hidden", None)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let started = std::time::Instant::now();
    let error = runtime.block_on(resolve(&settings, &Describes::default())).unwrap_err().to_string();
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(error.contains("table slow cannot be described: no answer within 5 s: let the"), "{error}");
    assert!(error.contains("table hidden cannot be described: not allowed to describe it: let"), "{error}");
}

#[test]
fn an_item_that_does_not_fit_its_table_is_told() {
    let mut settings = read(&[]);
    settings.items =
        vec![item(table("orders", None), "ada", None), item(table("users", None), "x", Some("y"))];
    let mut origin = Describes::default();
    for (name, ListedKey { hash, sort }) in [("users", users()), ("orders", orders())] {
        origin.tables.insert(name, KeySchema { hash, sort });
    }
    let error = resolved(&settings, &origin).unwrap_err().to_string();
    let lines = [
        "table orders cannot have the item orders-ada of config.yaml: the sort key is missing: table orders has the sort \
         key number; correct hashkeyvalue and sortkeyvalue",
        "table users cannot have the item users-x-y of config.yaml: the sort key \"y\" is too much: table users has no \
         sort key; correct hashkeyvalue and sortkeyvalue",
    ];
    assert_eq!(error, lines.join("\n"));
}

/// As a cache is built from them.
fn followed(tables: &Tables) -> Config {
    let mut config = Config::default();
    config.sources = tables.sources().iter().map(Source::from).collect();
    config.sources.push(Source::parameter_store().key(PARAMETERS));
    config.sources.push(Source::secrets_manager().key(SECRETS));
    config
}

#[test]
fn as_many_tables_as_can_be_listed_can_be_followed() {
    let many = (0..998).map(|n| table(&format!("t{n:03}"), Some(users()))).collect();
    let mut config = followed(&tables_of(many));
    assert_eq!(config.validate(), Ok(()));
    config.sources.push(Source::dynamodb("one-more").key("x"));
    assert!(config.validate().is_err());
}

#[test]
fn every_table_is_followed() {
    let odd = ListedKey { hash: attribute("a{b}", KeyType::String), sort: None };
    let tables = tables(
        vec![table("users", Some(users())), table("odd", Some(odd))],
        vec![
            item(table("orders", Some(orders())), "ada", Some("1")),
            item(table("users", Some(users())), "x", None),
        ],
    );
    let config = followed(&tables);
    let expected = [
        Source::dynamodb("odd").prefix("dynamodb/odd/"),
        Source::dynamodb("orders").key("dynamodb/orders/{customer}/{number}"),
        Source::dynamodb("users").key("dynamodb/users/{id}"),
        Source::parameter_store().key("ssm/{name}"),
        Source::secrets_manager().key("secretsmanager/{id}"),
    ];
    assert_eq!(config.sources, expected);
    assert_eq!(config.validate(), Ok(()), "the core can follow all of them");
}
