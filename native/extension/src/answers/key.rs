//! The keys of entries, and the keys that invalidate them.

use std::fmt::{self, Write as _};

use serde::Deserialize;
use snowmelt::KeyPart;

use crate::origin::{Ask, Attribute, Fetched, ItemAsk, KeyAttribute, ParameterAsk, SecretAsk};

use super::wanted::Form;

/// What a parameter's name starts with that stands for a secret; see
/// "Referencing AWS Secrets Manager secrets from Parameter Store parameters" in
/// the AWS Systems Manager User Guide.
const REFERENCE: &str = "/aws/reference/secretsmanager/";

/// A key by which any writer invalidates a thing, in all its variants.
///
/// ```
/// use snowmelt_extension::answers::Key;
///
/// assert_eq!(Key::Parameter("/shop/limit").to_string(), "ssm/%2Fshop%2Flimit");
/// assert_eq!(Key::Secret("db").to_string(), "secretsmanager/db");
/// assert_eq!(Key::Item("users", "7", Some("a/b")).to_string(), "dynamodb/users/7/a%2Fb");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// A parameter, by its name or ARN, without a selector.
    Parameter(&'a str),
    /// A secret, by its name or ARN.
    Secret(&'a str),
    /// An item: its table and the values of its keys. Binary ones are base64.
    Item(&'a str, &'a str, Option<&'a str>),
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Parameter(name) => write!(f, "ssm/{}", KeyPart(name)),
            Self::Secret(id) => write!(f, "secretsmanager/{}", KeyPart(id)),
            Self::Item(table, hash, None) => write!(f, "dynamodb/{}/{}", KeyPart(table), KeyPart(hash)),
            Self::Item(table, hash, Some(sort)) => {
                write!(f, "dynamodb/{}/{}/{}", KeyPart(table), KeyPart(hash), KeyPart(sort))
            }
        }
    }
}

/// The key that invalidates what was asked for.
pub(super) fn asked(ask: &Ask) -> Key<'_> {
    match ask {
        Ask::Parameter(ask) => Key::Parameter(&ask.name),
        Ask::Secret(ask) => Key::Secret(&ask.id),
        Ask::Item(ask) => {
            Key::Item(&ask.table, &ask.hash.value, ask.sort.as_ref().map(|sort| sort.value.as_str()))
        }
    }
}

/// The key of an entry. It begins with the key that invalidates it, so that
/// prefixes reach it. No part of that has a NUL, nor has a key of contract 4: so
/// that none runs into another.
pub(super) fn entry(ask: &Ask, form: Form) -> String {
    let mut key = format!("{}\0{}", asked(ask), form.mark());
    let mut push = |what: char, value: Option<&str>| {
        if let Some(value) = value {
            // Writing to a `String` cannot fail.
            let _ = write!(key, "\0{what}{}", KeyPart(value));
        }
    };
    match ask {
        Ask::Parameter(ParameterAsk { name: _, version, label, with_decryption, region }) => {
            push('d', with_decryption.then_some("1"));
            push('v', version.map(|version| version.to_string()).as_deref());
            push('l', label.as_deref());
            push('r', region.as_deref());
        }
        Ask::Secret(SecretAsk { id: _, version_id, version_stage }) => {
            push('v', version_id.as_deref());
            push('s', version_stage.as_deref());
        }
        Ask::Item(ItemAsk { table: _, region, hash: _, sort: _, consistent }) => {
            push('c', consistent.then_some("1"));
            push('r', region.as_deref());
        }
    }
    key
}

/// Every key that invalidates what was fetched: by the name asked for, and by
/// those that the origin knows it by.
pub(super) fn tags(ask: &Ask, fetched: &Fetched) -> Vec<String> {
    let mut tags = vec![asked(ask).to_string()];
    match (ask, fetched) {
        (Ask::Parameter(ask), Fetched::Parameter(parameter)) => {
            tags.extend([&parameter.name, &parameter.arn].map(|name| Key::Parameter(name).to_string()));
            tags.extend(
                referenced(&ask.name, parameter.source_result.as_deref())
                    .map(|id| Key::Secret(&id).to_string()),
            );
        }
        (_, Fetched::Secret(secret)) => {
            tags.extend([&secret.name, &secret.arn].map(|name| Key::Secret(name).to_string()));
        }
        (Ask::Item(ask), Fetched::Item(item)) => {
            // A number can be asked for as `1.0` and is `1` in the table, and
            // in its change records.
            let text = |key: &KeyAttribute| match item.get(&key.name) {
                Some(Attribute::String(value) | Attribute::Number(value)) => value.clone(),
                _ => key.value.clone(),
            };
            let sort = ask.sort.as_ref().map(text);
            tags.push(Key::Item(&ask.table, &text(&ask.hash), sort.as_deref()).to_string());
        }
        _ => {}
    }
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// The names of the secret that a parameter stands for.
fn referenced(name: &str, source: Option<&str>) -> impl Iterator<Item = String> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Answer {
        #[serde(rename = "ARN")]
        arn: Option<String>,
        name: Option<String>,
    }

    let path = name.find(REFERENCE).map(|at| name[at + REFERENCE.len()..].to_owned());
    let answer: Answer =
        path.as_ref().and(source).and_then(|source| serde_json::from_str(source).ok()).unwrap_or_default();
    path.into_iter().chain(answer.arn).chain(answer.name)
}
