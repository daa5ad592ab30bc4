use std::format;

use super::*;
use crate::invalidation::template::Template;

fn render(template: &str, value: &str) -> Option<String> {
    Template::parse(template).unwrap().render(|_| Ok::<_, ()>(value)).unwrap()
}

#[test]
fn names_in_braces_stand_for_values() {
    for (template, name) in [
        ("users/{pk}", "users/v"),
        ("{pk}", "v"),
        ("{a}{b}", "vv"),
        ("{a}/x/{b}/y", "v/x/v/y"),
        ("all-users", "all-users"),
        ("{{{pk}}}", "{v}"),
        ("{{pk}}", "{pk}"),
        ("a}}b{{c", "a}b{c"),
        ("é{ü}é", "évé"),
        ("{first name}", "v"),
        ("{a.b-c:d}", "v"),
    ] {
        assert_eq!(render(template, "v").as_deref(), Some(name), "{template}");
    }
}

#[test]
fn values_are_percent_encoded_and_templates_are_not() {
    for (value, part) in [
        ("azAZ09-._~", "azAZ09-._~"),
        ("a b", "a%20b"),
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("=+", "%3D%2B"),
        ("é😀\0\n", "%C3%A9%F0%9F%98%80%00%0A"),
        ("{x}", "%7Bx%7D"),
        ("!'()*", "%21%27%28%29%2A"),
    ] {
        assert_eq!(render("é /{v}", value), Some(format!("é /{part}")), "{value}");
        assert_eq!(KeyPart(value).to_string(), part);
    }
}

#[test]
fn what_cannot_be_a_name_is_none() {
    assert_eq!(render("{v}", ""), None, "as a prefix it would mean everything");
    let longest = "x".repeat(MAX_NAME_BYTES);
    assert_eq!(render("{v}", &longest).as_deref(), Some(longest.as_str()));
    assert_eq!(render("{v}x", &longest), None);
    assert_eq!(render("{a}{b}", &longest), None);
}

#[test]
fn a_wrong_template_names_the_place_and_the_remedy() {
    let dynamodb = |template: &str| Source::dynamodb("users").key(template);
    for (template, said) in [
        (
            "",
            r#"option `source.dynamodb.key` is "": it is empty, which no name can be: give a text such as "users/{pk}""#,
        ),
        (
            "users/{pk",
            r#"option `source.dynamodb.key` is "users/{pk": at character 7, `{` is not closed: write `}` after the name, or `{{` for a brace itself"#,
        ),
        (
            "é{a{b}",
            r#"option `source.dynamodb.key` is "é{a{b}": at character 2, `{` is not closed: write `}` after the name, or `{{` for a brace itself"#,
        ),
        (
            "users/pk}",
            r#"option `source.dynamodb.key` is "users/pk}": at character 9, `}` ends nothing: write `}}` for a brace itself"#,
        ),
        (
            "users/{}",
            r#"option `source.dynamodb.key` is "users/{}": at character 7, `{}` names nothing: write a name between the braces, or `{{}}` for the braces themselves"#,
        ),
        (
            "{ pk }",
            r#"option `source.dynamodb.key` is "{ pk }": at character 1, there is space beside the name: leave it out"#,
        ),
        (
            "{{{",
            r#"option `source.dynamodb.key` is "{{{": at character 3, `{` is not closed: write `}` after the name, or `{{` for a brace itself"#,
        ),
    ] {
        assert_eq!(refusal(dynamodb(template)), said);
    }
}

#[test]
fn the_option_is_named_as_it_is_written() {
    let bad = "{";
    for (sources, option) in [
        ([Source::dynamodb("users").tag(bad)].to_vec(), "source.dynamodb.tag"),
        ([Source::dynamodb("users").prefix("p").prefix(bad)].to_vec(), "source.dynamodb.prefix[1]"),
        (
            [Source::parameter_store().key("a"), Source::secrets_manager().key(bad)].to_vec(),
            "source[1].secrets_manager.key",
        ),
        ([Source::dynamodb("no/table").key("a")].to_vec(), "source.dynamodb.table"),
        ([Source::dynamodb("users")].to_vec(), "source.dynamodb"),
        (std::vec![Source::dynamodb("users").key("a"); 1_001], "source"),
    ] {
        let error = Sources::new(&sources).unwrap_err();
        assert_eq!(error.option, option);
        assert_eq!(error.code(), crate::codes::INVALID_OPTION);
    }
}

#[test]
fn a_name_that_events_do_not_have_is_refused() {
    assert_eq!(
        refusal(Source::parameter_store().key("config/{path}")),
        r#"option `source.parameter_store.key` is "config/{path}": {path} is nothing that these events have: there are {name}, {region}, {account}"#
    );
    assert_eq!(
        refusal(Source::secrets_manager().tag("{name}")),
        r#"option `source.secrets_manager.tag` is "{name}": {name} is nothing that these events have: there are {id}, {region}, {account}"#
    );
}

#[test]
fn a_source_without_a_template_is_refused() {
    assert_eq!(
        refusal(Source::parameter_store()),
        "option `source.parameter_store` is without a template: give a `key`, a `tag` or a `prefix`, such as \"users/{pk}\""
    );
}

#[test]
fn tables_are_given_by_name_or_arn() {
    for sound in [
        "abc",
        "my_table-1.x",
        "arn:aws:dynamodb:us-east-1:123456789012:table/users",
        "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/users",
    ] {
        assert!(Sources::new(&[Source::dynamodb(sound).key("k")]).is_ok(), "{sound}");
    }
    for wrong in [
        "",
        "ab",
        " users",
        "users/1",
        "users\n",
        "ü__",
        &"x".repeat(256),
        "arn:aws:dynamodb:us-east-1:123456789012:table/",
        "arn:aws:dynamodb:us-east-1:123456789012:table/users/stream/2020-01-01T00:00:00.000",
        "arn:aws:dynamodb:us-east-1:123456789012:users",
        "arn:aws:dynamodb::123456789012:table/users",
        "arn:aws:dynamodb:us-east-1::table/users",
        "arn:aws:kinesis:us-east-1:123456789012:table/users",
        "arn:aws:dynamodb",
    ] {
        let said = refusal(Source::dynamodb(wrong).key("k"));
        assert!(said.contains("give a table's name (3 to 255") && said.len() < 400, "{said}");
    }
}
