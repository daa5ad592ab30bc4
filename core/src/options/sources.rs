//! The option `source`.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Setting;
use super::names::unknown;
use super::values::refused;
use crate::error::ConfigError;
use crate::invalidation::{Origin, Source, Sources};

/// Where changes can come from.
const ORIGINS: [&str; 3] = ["dynamodb", "parameter_store", "secrets_manager"];
const TEMPLATES: [&str; 3] = ["key", "tag", "prefix"];

const EXAMPLE: &str = "give an object with one of `dynamodb`, `parameter_store` and `secrets_manager`, \
    such as { dynamodb: { table: \"users\", key: \"users/{pk}\" } }, or a list of such objects";

type Fields<'f, 's> = &'f [(Cow<'s, str>, Setting<'s>)];

/// One source, or a list of them.
pub(super) fn read(setting: &Setting<'_>) -> Result<Vec<Source>, ConfigError> {
    let sources = match setting {
        Setting::Fields(fields) => Vec::from([source("source", fields)?]),
        Setting::List(items) => {
            let each = items.iter().enumerate().map(|(index, item)| match item {
                Setting::Fields(fields) => source(&numbered("source", index, items.len()), fields),
                _ => Err(refused(numbered("source", index, items.len()), item, EXAMPLE).of_wrong_type()),
            });
            each.collect::<Result<_, _>>()?
        }
        _ => return Err(refused("source", setting, EXAMPLE).of_wrong_type()),
    };
    // The templates too, so that what is refused changes nothing.
    Sources::new(&sources)?;
    Ok(sources)
}

/// `option[index]`, where there are several.
fn numbered(option: &str, index: usize, count: usize) -> String {
    if count > 1 { format!("{option}[{index}]") } else { option.into() }
}

fn source(option: &str, fields: Fields<'_, '_>) -> Result<Source, ConfigError> {
    let [(name, setting)] = fields else {
        let count =
            if fields.is_empty() { "an object without a field" } else { "an object of several fields" };
        return Err(ConfigError::new(option.to_string(), count, EXAMPLE));
    };
    let known = known(option, name, &ORIGINS)?;
    let option = format!("{option}.{known}");
    let Setting::Fields(fields) = setting else {
        let remedy = "give an object, such as { key: \"config/{name}\" }";
        return Err(refused(option, setting, remedy).of_wrong_type());
    };
    match known {
        "dynamodb" => table(&option, fields),
        "parameter_store" => templates(Source::parameter_store(), &option, fields, &TEMPLATES),
        _ => templates(Source::secrets_manager(), &option, fields, &TEMPLATES),
    }
}

fn table(option: &str, fields: Fields<'_, '_>) -> Result<Source, ConfigError> {
    let mut source = templates(Source::dynamodb(""), option, fields, &["table", "key", "tag", "prefix"])?;
    let option = format!("{option}.table");
    let given = fields.iter().find(|(name, _)| name == "table");
    let Some((_, setting)) = given else {
        return Err(ConfigError::new(option, "not given", "give the table's name or its ARN"));
    };
    source.origin = Origin::DynamoDb { table: text(&option, setting, "give the table's name or its ARN")? };
    Ok(source)
}

/// Reads every field but `table`.
fn templates(
    mut source: Source,
    option: &str,
    fields: Fields<'_, '_>,
    names: &[&'static str],
) -> Result<Source, ConfigError> {
    for (name, setting) in fields {
        let name = known(option, name, names)?;
        let into = match name {
            "key" => &mut source.keys,
            "tag" => &mut source.tags,
            "prefix" => &mut source.prefixes,
            _ => continue,
        };
        let remedy = "give a template, such as \"users/{pk}\", or a list of them";
        let option = format!("{option}.{name}");
        match setting {
            Setting::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    into.push(text(&numbered(&option, index, items.len()), item, remedy)?);
                }
            }
            setting => into.push(text(&option, setting, remedy)?),
        }
    }
    Ok(source)
}

fn text(option: &str, setting: &Setting<'_>, remedy: &'static str) -> Result<String, ConfigError> {
    match setting {
        Setting::Text(text) => Ok((*text).into()),
        _ => Err(refused(option.to_string(), setting, remedy).of_wrong_type()),
    }
}

/// A name of the core's, given in the core's case or in JavaScript's.
fn known<'n>(option: &str, given: &str, names: &[&'n str]) -> Result<&'n str, ConfigError> {
    let same = |name: &str| name == given || camel_case(name) == given;
    let found = names.iter().find(|name| same(name));
    found.copied().ok_or_else(|| {
        let error = unknown(given, names);
        ConfigError::new(format!("{option}.{}", error.option), error.value, error.remedy)
    })
}

/// `parameter_store` as `parameterStore`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut text: String = words.next().unwrap_or_default().into();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        text.push_str(&first.to_ascii_uppercase());
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Setting::{Fields, List, Number, Other, Text};
    use super::*;
    use crate::{Config, Units};

    fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Setting<'a>)>) -> Setting<'a> {
        Fields(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    fn users() -> Setting<'static> {
        object([("table", Text("users")), ("key", Text("users/{pk}"))])
    }

    fn set(setting: &Setting<'_>) -> Result<Vec<Source>, ConfigError> {
        let mut config = Config::default();
        config.sources.push(Source::parameter_store().key("before"));
        let before = config.clone();
        let result = config.set("source", setting, Units::Seconds);
        assert!(result.is_ok() || config == before, "what is refused changes nothing");
        result.map(|()| config.sources)
    }

    fn refused(setting: &Setting<'_>, said: &str) {
        let error = set(setting).unwrap_err();
        assert!(error.to_string().starts_with(said), "{error}");
    }

    #[test]
    fn a_source_is_an_object_or_a_list_of_them() {
        let dynamodb = Source::dynamodb("users").key("users/{pk}");
        assert_eq!(set(&object([("dynamodb", users())])), Ok([dynamodb.clone()].into()));
        assert_eq!(set(&List([].into())), Ok([].into()));
        let templates = object([
            ("key", List([Text("a"), Text("b")].into())),
            ("tag", Text("t")),
            ("prefix", List([Text("p/")].into())),
        ]);
        let list = List([object([("dynamodb", users())]), object([("secrets_manager", templates)])].into());
        let secrets = Source::secrets_manager().key("a").key("b").tag("t").prefix("p/");
        assert_eq!(set(&list), Ok([dynamodb, secrets].into()));
    }

    #[test]
    fn names_are_in_either_case() {
        for name in ["parameter_store", "parameterStore"] {
            let setting = object([(name, object([("key", Text("config/{name}"))]))]);
            assert_eq!(set(&setting), Ok([Source::parameter_store().key("config/{name}")].into()), "{name}");
        }
        assert_eq!(camel_case("secrets_manager"), "secretsManager");
        assert_eq!(camel_case("dynamodb"), "dynamodb");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let of = |fields| object([("dynamodb", fields)]);
        for (setting, said) in [
            (Text("users"), "option `source` is \"users\": give an object with one of `dynamodb`"),
            (Other("a function"), "option `source` is of type a function: give an object"),
            (object([]), "option `source` is an object without a field: give an object with one"),
            (
                object([("dynamodb", users()), ("parameter_store", users())]),
                "option `source` is an object of several fields",
            ),
            (
                object([("dynamoDB", users())]),
                "option `source.dynamoDB` is unknown: did you mean `dynamodb`?",
            ),
            (
                object([("s3", users())]),
                "option `source.s3` is unknown: there are `dynamodb`, `parameter_store`",
            ),
            (of(Text("users")), "option `source.dynamodb` is \"users\": give an object"),
        ] {
            refused(&setting, said);
        }
    }

    #[test]
    fn what_is_wrong_with_a_field_is_named_with_its_place() {
        let of = |fields| object([("dynamodb", fields)]);
        let key = |key| of(object([("table", Text("users")), ("key", key)]));
        for (setting, said) in [
            (
                of(object([("key", Text("k"))])),
                "option `source.dynamodb.table` is not given: give the table's name or its ARN",
            ),
            (
                of(object([("table", Number(5.0))])),
                "option `source.dynamodb.table` is 5: give the table's name or its ARN",
            ),
            (
                of(object([("table", Text("users")), ("keys", Text("k"))])),
                "option `source.dynamodb.keys` is unknown: did you mean `key`?",
            ),
            (of(object([("table", Text("users"))])), "option `source.dynamodb` is without a template"),
            (
                object([("parameter_store", object([("table", Text("users"))]))]),
                "option `source.parameter_store.table` is unknown: there are `key`, `tag`, `prefix`",
            ),
            (key(Number(5.0)), "option `source.dynamodb.key` is 5: give a template"),
            (
                key(List([Text("a"), Number(5.0)].into())),
                "option `source.dynamodb.key[1]` is 5: give a template",
            ),
            (key(Setting::Nothing), "option `source.dynamodb.key` is given without a value: leave it out"),
            (key(Text("{")), "option `source.dynamodb.key` is \"{\": at character 1, `{` is not closed"),
            (
                List([of(users()), key(Text("}"))].into()),
                "option `source[1].dynamodb.key` is \"}\": at character 1",
            ),
            (List([of(users()), Text("x")].into()), "option `source[1]` is \"x\": give an object"),
        ] {
            refused(&setting, said);
        }
    }
}
