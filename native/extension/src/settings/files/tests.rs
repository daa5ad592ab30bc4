//! Both files: what loads, and what is said of what does not.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::origin::KeyType;
use crate::settings::{ListedKey, SettingsError};

mod any_content;
mod wrong;

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("snowmelt-settings-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in files {
            fs::write(folder.join(name), content).unwrap();
        }
        Self(folder)
    }

    fn read(&self) -> Result<Listed, SettingsError> {
        let mut problems = Problems::default();
        let listed = read(&self.0, Some("eu-west-1"), &mut problems);
        problems.check().map(|()| listed)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Its being left over harms no test.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn config(text: &str) -> Listed {
    Folder::new(&[("config.yaml", text.as_bytes())]).read().unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn cache(text: &str) -> Listed {
    Folder::new(&[("cache.yaml", text.as_bytes())]).read().unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// What is said, without the folder's name.
fn errors(files: &[(&str, &[u8])]) -> String {
    let folder = Folder::new(files);
    let error = folder.read().expect_err("it is wrong").to_string();
    error.replace(&format!("{}/", folder.0.display()), "")
}

fn key(hash: &str, sort: Option<(&str, KeyType)>) -> ListedKey {
    let sort = sort.map(|(name, of)| (name.to_owned(), of));
    ListedKey { hash: (hash.to_owned(), KeyType::String), sort }
}

#[test]
fn the_demos_file_loads_as_its_documentation_has_it() {
    let listed = config(include_str!("fixtures/demo.yaml"));
    let region = Some("us-west-2".to_owned());
    let names = ["CacheExtensions_Parameter1", "/aws/reference/secretsmanager/secret_info"];
    let parameters = names.map(|name| ListedParameter { name: name.into(), region: region.clone() });
    assert_eq!(listed.parameters, parameters);
    let key = Some(key("pKey", Some(("sKey", KeyType::String))));
    let table = ListedTable { name: "DynamoDbTable".into(), region: None, key: key.clone() };
    assert_eq!(listed.items, [ListedItem { table, hash: "pKey1".into(), sort: Some("sKey1".into()) }]);
    assert!(listed.tables.is_empty() && listed.notes.is_empty());
    // As it was at first, with one region for all parameters.
    let listed = config(include_str!("fixtures/demo-first.yaml"));
    assert_eq!(listed.parameters, [ListedParameter { name: "Parameter1".into(), region: region.clone() }]);
    let table = ListedTable { name: "DynamoDbTable".into(), region, key };
    assert_eq!(listed.items, [ListedItem { table, hash: "pKey1".into(), sort: Some("sKey1".into()) }]);
}

#[test]
fn the_forks_file_loads() {
    let listed = cache(include_str!("fixtures/fork.yaml"));
    let table = |name: &str, key| ListedTable { name: name.into(), region: None, key };
    let orders = Some(key("customer", Some(("number", KeyType::Number))));
    assert_eq!(
        listed.tables,
        [table("users", Some(key("id", None))), table("orders", orders), table("visits", None)]
    );
    assert_eq!(listed.notes.len(), 1);
    assert!(
        listed.notes[0].ends_with("cache.yaml:5: dynamodb[0].fields has no effect: items are answered whole")
    );
}

#[test]
fn values_are_taken_as_they_are_spelt() {
    let text = "dynamodb:\n- {table: t-1, hashkey: k, hashkeytype: S, hashkeyvalue: VALUE}\n";
    for (spelt, value) in [
        ("007", "007"),
        ("1.10", "1.10"),
        ("yes", "yes"),
        ("True", "True"),
        ("0x1F", "0x1F"),
        ("1e999", "1e999"),
        (".nan", ".nan"),
        ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"),
        ("99999999999999999999999999999999999999999999", "99999999999999999999999999999999999999999999"),
        ("'it''s'", "it's"),
        (r#""a\tb""#, "a\tb"),
        ("' a '", " a "),
        ("!!str 7", "7"),
        ("!!int 7", "7"),
        ("&x 5", "5"),
        ("ünï", "ünï"),
    ] {
        let listed = config(&text.replace("VALUE", spelt));
        assert_eq!(listed.items[0].hash, value, "{spelt}");
        // Its place in the text is found behind what has several bytes.
        let listed = config(&format!("# é ü 日本\n{}", text.replace("VALUE", spelt)));
        assert_eq!(listed.items[0].hash, value, "{spelt}");
    }
}

#[test]
fn what_is_not_there_lists_nothing() {
    for files in [&[][..], &[("config.yaml", b"" as &[u8]), ("cache.yaml", b"")]] {
        let listed = Folder::new(files).read().unwrap();
        assert!(listed.parameters.is_empty() && listed.items.is_empty() && listed.tables.is_empty());
    }
    for text in [
        "# nothing\n",
        "---\n",
        "---\n...\n",
        "~",
        "\u{feff}",
        "parameters:\ndynamodb: []\n",
        "{}",
        "parameters: [{region: us-west-2}]\n",
        "\r\n",
    ] {
        let listed = config(text);
        assert!(listed.parameters.is_empty() && listed.items.is_empty(), "{text:?}");
    }
}

#[test]
fn lines_may_end_and_begin_as_on_other_systems() {
    let demo = include_str!("fixtures/demo.yaml");
    for text in [
        demo.replace('\n', "\r\n"),
        format!("\u{feff}{demo}"),
        format!("\u{feff}{}", demo.replace('\n', "\r\n")),
    ] {
        let (listed, plain) = (config(&text), config(demo));
        assert_eq!((listed.items, listed.parameters), (plain.items, plain.parameters));
    }
}

#[test]
fn repeats_are_harmless() {
    let listed = config("parameters:\n- names: [a, b, a]\n- region: eu-west-1\n  names: [b]\n");
    let names: Vec<&str> = listed.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let item = "- {table: users, hashkey: id, hashkeytype: S, hashkeyvalue: x}\n";
    assert_eq!(config(&format!("dynamodb:\n{item}{item}")).items.len(), 1);
    let table = "- {table: users, hashkey: id, hashkeytype: S}\n";
    assert_eq!(cache(&format!("dynamodb:\n{table}{table}")).tables.len(), 1);
}

#[test]
fn the_functions_own_region_need_not_be_named() {
    let listed = config("parameters: [{region: eu-west-1, names: [a]}, {region: us-west-2, names: [b]}]");
    assert_eq!(listed.parameters[0].region, None);
    assert_eq!(listed.parameters[1].region.as_deref(), Some("us-west-2"));
}

#[test]
fn a_key_is_known_if_it_is_described_somewhere() {
    let items = b"dynamodb:\n- {table: users, hashkeyvalue: x}\n- {table: orders, hashkeyvalue: y}\n";
    let tables = b"dynamodb: [{table: users, hashkey: id, hashkeytype: S}]";
    let listed = Folder::new(&[("config.yaml", items), ("cache.yaml", tables)]).read().unwrap();
    assert_eq!(listed.items[0].table.key, Some(key("id", None)));
    assert_eq!(listed.items[1].table.key, None);
    // What is there in part has to be asked for.
    for part in [
        "hashkey: id",
        "hashkeytype: S",
        "hashkey: id, hashkeytype: S, sortkey: s",
        "sortkey: s, sortkeytype: N",
    ] {
        assert_eq!(cache(&format!("dynamodb: [{{table: users, {part}}}]")).tables[0].key, None, "{part}");
    }
    // As in the demo, where no sort key is named there is none.
    for none in ["", ", sortkey: ''", ", sortkey: ", ", sortkey: '', sortkeytype: S"] {
        let text = format!("dynamodb: [{{table: users, hashkey: id, hashkeytype: S{none}}}]");
        assert_eq!(cache(&text).tables[0].key, Some(key("id", None)), "{none}");
    }
}
