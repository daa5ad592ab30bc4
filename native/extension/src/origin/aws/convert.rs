//! From the SDK's types to ours, and back for keys.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeyType as Role, ScalarAttributeType, TableDescription};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_smithy_types::{Blob, DateTime, base64};

use crate::item::MAX_DEPTH;
use crate::origin::{Attribute, Item, KeyAttribute, KeySchema, KeyType, Parameter, Secret};

/// A parameter as answered; members that are left out are empty, as in the
/// SDKs of other languages.
pub(super) fn parameter(answered: aws_sdk_ssm::types::Parameter) -> Parameter {
    Parameter {
        arn: answered.arn.unwrap_or_default(),
        name: answered.name.unwrap_or_default(),
        kind: answered.r#type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        value: answered.value.unwrap_or_default(),
        version: answered.version,
        selector: answered.selector,
        source_result: answered.source_result,
        last_modified: answered.last_modified_date.as_ref().map(DateTime::as_secs_f64),
        data_type: answered.data_type,
    }
}

pub(super) fn secret(answered: GetSecretValueOutput) -> Secret {
    Secret {
        created: answered.created_date().map(DateTime::as_secs_f64),
        arn: answered.arn.unwrap_or_default(),
        name: answered.name.unwrap_or_default(),
        version_id: answered.version_id,
        string: answered.secret_string,
        binary: answered.secret_binary.map(Blob::into_inner),
        stages: answered.version_stages.unwrap_or_default(),
    }
}

/// The value of a key attribute for a request. The error says what is wrong
/// with it, and not what it is.
pub(super) fn key_value(key: &KeyAttribute) -> Result<AttributeValue, String> {
    Ok(match key.of {
        KeyType::String => AttributeValue::S(key.value.clone()),
        KeyType::Number => AttributeValue::N(key.value.clone()),
        KeyType::Binary => {
            let bytes = base64::decode(&key.value).map_err(|_| {
                format!("the value of the key attribute {} is of type B and must be base64", key.name)
            })?;
            AttributeValue::B(Blob::new(bytes))
        }
    })
}

pub(super) fn item(answered: HashMap<String, AttributeValue>) -> Result<Item, &'static str> {
    members(answered, 0)
}

fn members(answered: HashMap<String, AttributeValue>, depth: usize) -> Result<Item, &'static str> {
    answered.into_iter().map(|(name, value)| Ok((name, attribute(value, depth)?))).collect()
}

fn attribute(answered: AttributeValue, depth: usize) -> Result<Attribute, &'static str> {
    if depth > MAX_DEPTH {
        return Err("lists and maps of the item are nested too deep");
    }
    Ok(match answered {
        AttributeValue::S(text) => Attribute::String(text),
        AttributeValue::N(text) => Attribute::Number(text),
        AttributeValue::B(bytes) => Attribute::Binary(bytes.into_inner()),
        AttributeValue::Bool(value) => Attribute::Bool(value),
        AttributeValue::Null(_) => Attribute::Null,
        AttributeValue::M(inner) => Attribute::Map(members(inner, depth + 1)?),
        AttributeValue::L(values) => {
            let values = values.into_iter().map(|value| attribute(value, depth + 1));
            Attribute::List(values.collect::<Result<_, _>>()?)
        }
        AttributeValue::Ss(texts) => Attribute::Strings(texts),
        AttributeValue::Ns(texts) => Attribute::Numbers(texts),
        AttributeValue::Bs(all) => Attribute::Binaries(all.into_iter().map(Blob::into_inner).collect()),
        _ => return Err("the item has an attribute of a type that this version does not know"),
    })
}

/// `None` if the description lacks what a table has.
pub(super) fn key_schema(table: &TableDescription) -> Option<KeySchema> {
    let with_role = |role: &Role| {
        let element = table.key_schema().iter().find(|element| element.key_type() == role)?;
        let name = element.attribute_name();
        let mut definitions = table.attribute_definitions().iter();
        let definition = definitions.find(|definition| definition.attribute_name() == name)?;
        let of = match definition.attribute_type() {
            ScalarAttributeType::S => KeyType::String,
            ScalarAttributeType::N => KeyType::Number,
            ScalarAttributeType::B => KeyType::Binary,
            _ => return None,
        };
        Some((name.to_owned(), of))
    };
    let sorted = table.key_schema().iter().any(|element| element.key_type() == &Role::Range);
    let sort = with_role(&Role::Range);
    if sorted && sort.is_none() {
        return None;
    }
    Some(KeySchema { hash: with_role(&Role::Hash)?, sort })
}
