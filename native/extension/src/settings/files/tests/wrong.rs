//! What is said of a file that is wrong: its line, the value, the remedy.

use super::*;

fn of_config(text: &str) -> String {
    errors(&[("config.yaml", text.as_bytes())])
}

fn of_cache(text: &str) -> String {
    errors(&[("cache.yaml", text.as_bytes())])
}

fn lines(count: usize, line: impl FnMut(usize) -> String) -> String {
    let lines: Vec<String> = (0..count).map(line).collect();
    lines.join("\n") + "\n"
}

#[test]
fn yaml_that_cannot_be_read() {
    let correct = "correct it there, or in the line before";
    for (text, at, why) in [
        (
            "parameters:\n\t- names: [a]\n",
            "2:2",
            "tabs disallowed within this context (block indentation): indent with spaces",
        ),
        ("a: 'b\n", "2:1", &format!("invalid indentation in multiline quoted scalar: {correct}")),
        ("parameters: [\n", "1:13", &format!("unclosed bracket '[': {correct}")),
        ("a: b: c\n", "1:5", &format!("mapping values are not allowed in this context: {correct}")),
        ("a: *b\n", "1:4", &format!("alias references unknown anchor: {correct}")),
        ("a: \u{0}\n", "1:4", &format!("unexpected character: `\\u{{0}}': {correct}")),
    ] {
        assert_eq!(
            of_config(text),
            format!("config.yaml:{at}: is no YAML that can be read: {why}"),
            "{text:?}"
        );
    }
    let error = of_config("parameters:\n---\nparameters:\n");
    assert!(error.starts_with("config.yaml:2:1: is no YAML that can be read: "), "{error}");
}

#[test]
fn the_whole_is_something_else() {
    let fields = "give a mapping with `parameters:`, `dynamodb:`";
    assert_eq!(of_config("- a\n"), format!("config.yaml:1:1: the file is a list: {fields}"));
    assert_eq!(of_config("hello\n"), format!("config.yaml:1:1: the file is \"hello\": {fields}"));
    assert_eq!(of_config("7\n"), format!("config.yaml:1:1: the file is \"7\": {fields}"));
    let list = "give a list, each line of it beginning with `- `";
    assert_eq!(of_config("parameters: a\n"), format!("config.yaml:1:13: parameters is \"a\": {list}"));
    assert_eq!(
        of_config("parameters:\n- names: a\n"),
        format!("config.yaml:2:10: parameters[0].names is \"a\": {list}")
    );
    let mapping = "give a mapping with `region:`, `names:`";
    assert_eq!(
        of_config("parameters:\n- a\n"),
        format!("config.yaml:2:3: parameters[0] is \"a\": {mapping}")
    );
    assert_eq!(of_config("parameters:\n- \n"), format!("config.yaml:2:3: parameters[0] is empty: {mapping}"));
}

#[test]
fn fields_that_are_unknown_or_given_twice() {
    for (field, what) in [
        ("hashkeyvlaue: x", "hashkeyvlaue is unknown: did you mean hashkeyvalue?"),
        ("Hash_Key: x", "Hash_Key is unknown: did you mean hashkey?"),
        ("HashKey: x", "HashKey is given twice: leave one of them out"),
        (
            "sort: {a: b}",
            "sort is unknown: there are table, region, hashkey, hashkeytype, hashkeyvalue, sortkey, sortkeytype, sortkeyvalue",
        ),
    ] {
        let text = format!("dynamodb:\n- table: users\n  hashkey: id\n  hashkeyvalue: y\n  {field}\n");
        assert_eq!(of_config(&text), format!("config.yaml:5:3: dynamodb[0].{what}"));
    }
    assert_eq!(of_config("parameter:\n"), "config.yaml:1:1: parameter is unknown: did you mean parameters?");
    assert_eq!(of_cache("parameters: []\n"), "cache.yaml:1:1: parameters is unknown: there are dynamodb");
    assert_eq!(
        of_config("dynamodb:\ndynamodb:\n"),
        "config.yaml:2:1: dynamodb is given twice: leave one of them out"
    );
}

#[test]
fn values_of_the_wrong_type() {
    for (field, at, what) in [
        ("table: [a]", "2:10", "table is a list: give a text"),
        ("table: {a: b}", "2:10", "table is a mapping: give a text"),
        (
            "table: users\n  hashkeytype: s",
            "3:16",
            "hashkeytype is \"s\": give S (a string), N (a number) or B (binary)",
        ),
        (
            "table: users\n  sortkeytype: BOOL",
            "3:16",
            "sortkeytype is \"BOOL\": give S (a string), N (a number) or B (binary)",
        ),
        (
            "table: users\n  region: Oregon!",
            "3:11",
            "region is \"Oregon!\": give a region's name, such as us-west-2, or leave it out for the function's",
        ),
    ] {
        let text = format!("dynamodb:\n- {field}\n");
        assert_eq!(of_cache(&text), format!("cache.yaml:{at}: dynamodb[0].{what}"));
    }
    let name = "give the table's name, 3 to 255 letters, digits and `_.-`; a table in another region by its name and `region`";
    for table in ["ab", "a b", "a@@b", "arn:aws:dynamodb:eu-west-1:123456789012:table/users"] {
        let error = of_cache(&format!("dynamodb:\n- table: {table}\n"));
        assert_eq!(error, format!("cache.yaml:2:10: dynamodb[0].table is {table:?}: {name}"));
    }
}

#[test]
fn what_is_missing() {
    assert_eq!(
        of_cache("dynamodb:\n- hashkey: id\n"),
        "cache.yaml:2:3: dynamodb[0].table is missing: give the table's name"
    );
    let item = "config.yaml:2:3: dynamodb[0]";
    assert_eq!(
        of_config("dynamodb:\n- table: users\n"),
        format!("{item}.hashkeyvalue is missing: give the value of the item's partition key")
    );
    let error = of_config("dynamodb:\n- table: users\n  hashkeyvalue: x\n  sortkey: s\n");
    assert_eq!(
        error,
        format!(
            "{item}.sortkeyvalue is missing: give the value of the item's sort key, or leave the sort key out if the table has none"
        )
    );
    let error = of_config(
        "dynamodb:\n- table: users\n  hashkey: id\n  hashkeytype: S\n  hashkeyvalue: x\n  sortkeyvalue: y\n",
    );
    assert_eq!(
        error,
        "config.yaml:6:17: dynamodb[0].sortkeyvalue is \"y\": give dynamodb[0].sortkey too, or leave this out"
    );
    assert_eq!(
        of_config("parameters:\n- names: [a, ~]\n"),
        "config.yaml:2:14: parameters[0].names[1] is empty: give a parameter's name or ARN"
    );
}

#[test]
fn values_that_no_key_can_have() {
    let number = "the key is a number (N): give one such as 7, -1.5 or 2e3, of at most 38 digits written out";
    let error =
        of_config("dynamodb:\n- table: users\n  hashkey: id\n  hashkeytype: N\n  hashkeyvalue: seven\n");
    assert_eq!(error, format!("config.yaml:5:17: dynamodb[0].hashkeyvalue is \"seven\": {number}"));
    let text = "dynamodb:\n- table: users\n  hashkey: id\n  hashkeytype: S\n  hashkeyvalue: x\n  sortkey: s\n  sortkeytype: B\n  sortkeyvalue: '?'\n";
    let binary = "the key is binary (B): give base64 of at most 1024 bytes";
    assert_eq!(of_config(text), format!("config.yaml:8:17: dynamodb[0].sortkeyvalue is \"?\": {binary}"));
}

#[test]
fn one_name_for_two_things() {
    let remedy = |name: &str, line| {
        format!(
            "a function asks for it by the name {name:?}, which is something else in line {line}: leave one of them out"
        )
    };
    let error = of_config("parameters:\n- names: [a]\n- region: us-west-2\n  names: [a]\n");
    assert_eq!(error, format!("config.yaml:4:11: parameters[1].names[0] is \"a\": {}", remedy("a", 2)));
    // Dashes in tables and keys.
    let error = of_config(
        "dynamodb:\n- {table: shop-users, hashkeyvalue: a}\n- {table: shop, hashkeyvalue: users, sortkey: s, sortkeyvalue: a}\n",
    );
    assert_eq!(
        error,
        format!("config.yaml:3:31: dynamodb[1].hashkeyvalue is \"users\": {}", remedy("shop-users-a", 2))
    );
    let error = of_cache("dynamodb:\n- table: users\n- table: users\n  region: us-west-2\n");
    let remedy = "it is listed with another region in line 2, and a function asks by the table's name alone: leave one of them out";
    assert_eq!(error, format!("cache.yaml:3:10: dynamodb[1].table is \"users\": {remedy}"));
}

#[test]
fn one_table_with_two_keys() {
    let items = b"dynamodb:\n- {table: users, hashkey: id, hashkeytype: S, hashkeyvalue: x}\n";
    let tables =
        b"dynamodb:\n- table: users\n  hashkey: id\n  hashkeytype: N\n  sortkey: s\n  sortkeytype: B\n";
    let error = errors(&[("config.yaml", items), ("cache.yaml", tables)]);
    let remedy = "its key is id (N) and s (B) here, but id (S) in config.yaml:2: give both the same key";
    assert_eq!(error, format!("cache.yaml:2:10: dynamodb[0].table is \"users\": {remedy}"));
}

#[test]
fn everything_is_told_at_once() {
    let error =
        of_config("parameters:\n- name: [a]\ndynamodb:\n- table: x\n  hashkeytype: Q\n- hashkeyvalue: y\n");
    let places: Vec<&str> = error.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        ["config.yaml:2:3", "config.yaml:5:16", "config.yaml:4:10", "config.yaml:4:3", "config.yaml:6:3"]
    );
    let both = errors(&[("config.yaml", b"x: 1"), ("cache.yaml", b"y: 1")]);
    assert_eq!(both.lines().count(), 2, "{both}");
    // A file that is wrong throughout is not told line by line.
    let error = of_config(&lines(80, |n| format!("x{n}: 1")));
    assert_eq!(error.lines().count(), 51);
    assert!(error.ends_with("\nand 30 more"), "{error}");
}

#[test]
fn files_that_are_none() {
    let folder = Folder::new(&[]);
    fs::create_dir(folder.0.join("config.yaml")).unwrap();
    let error = folder.read().unwrap_err().to_string();
    assert!(
        error.ends_with("config.yaml: is no regular file: put a file in its place, or remove it"),
        "{error}"
    );
    assert_eq!(
        errors(&[("config.yaml", b"a: b\nc: \xff\xfe")]),
        "config.yaml:2:4: is no UTF-8 text: save it as UTF-8"
    );
    let utf16: Vec<u8> = "\u{feff}parameters:\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(errors(&[("cache.yaml", &utf16)]), "cache.yaml:1:1: is no UTF-8 text: save it as UTF-8");
    let large = vec![b'#'; (1 << 20) + 1];
    let text = "config.yaml: is larger than 1 MiB: list what is read often, and no more";
    assert_eq!(errors(&[("config.yaml", &large)]), text);
    assert!(Folder::new(&[("config.yaml", &large[1..])]).read().is_ok());
}

#[test]
fn bombs_do_not_go_off() {
    let laughs = lines(30, |n| {
        let of = if n == 0 { "x".to_owned() } else { format!("*a{}", n - 1) };
        format!("a{n}: &a{n} [{}]", vec![of; 10].join(", "))
    });
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = lines(5_000, |n| format!("{}a:", " ".repeat(n % 200)));
    let many = format!("parameters: [{}]", "{names: [a]},".repeat(70_000));
    let recursive = "a: &a [*a]\n".to_owned();
    let indented = lines(1_000, |n| format!("{}a:", " ".repeat(n)));
    for bomb in [laughs, deep, nested, many, recursive, indented] {
        let started = std::time::Instant::now();
        let error = of_config(&bomb);
        assert!(error.starts_with("config.yaml:"), "{error}");
        assert!(error.len() < 20_000, "{}", error.len());
        assert!(started.elapsed() < std::time::Duration::from_secs(30), "{:?}", started.elapsed());
    }
}

#[test]
fn more_tables_than_can_be_followed() {
    let text = format!("dynamodb:\n{}", lines(1000, |n| format!("- {{table: t-{n}}}")));
    let error = of_cache(&text);
    let remedy = "there are more than 998 tables: leave some out";
    assert_eq!(
        error.lines().next().unwrap(),
        format!("cache.yaml:1000:11: dynamodb[998].table is \"t-998\": {remedy}")
    );
    assert_eq!(error.lines().count(), 2);
}
