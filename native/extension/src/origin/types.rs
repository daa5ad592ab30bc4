//! What is asked of the origins, and what they answer.

use std::collections::BTreeMap;

/// A parameter, by its name or its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParameterAsk {
    /// Its name or ARN, without a selector.
    pub name: String,
    /// `:version` of the name, if asked for.
    pub version: Option<i64>,
    /// `:label` of the name, if asked for. At most one of the two is given.
    pub label: Option<String>,
    /// Whether a `SecureString` comes back in the clear.
    pub with_decryption: bool,
    /// The region, if it is not the function's.
    pub region: Option<String>,
}

/// A secret, by its name or its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretAsk {
    /// Its name or ARN.
    pub id: String,
    /// The version wanted. Default: the one of the stage.
    pub version_id: Option<String>,
    /// The stage wanted. Default `AWSCURRENT`.
    pub version_stage: Option<String>,
}

/// An item, by its whole primary key; always read consistently unless told
/// otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ItemAsk {
    /// The table's name.
    pub table: String,
    /// The region, if it is not the function's.
    pub region: Option<String>,
    /// The partition key.
    pub hash: KeyAttribute,
    /// The sort key, if the table has one.
    pub sort: Option<KeyAttribute>,
    /// `ConsistentRead`.
    pub consistent: bool,
}

/// One attribute of a primary key, with its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyAttribute {
    /// The attribute's name.
    pub name: String,
    /// What type the value has.
    pub of: KeyType,
    /// The value: as it is, or the number's text, or base64.
    pub value: String,
}

/// The types that a key attribute can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// `S`.
    String,
    /// `N`.
    Number,
    /// `B`; in requests and names as base64.
    Binary,
}

/// Which attributes a table's primary key is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySchema {
    /// The partition key's attribute and type.
    pub hash: (String, KeyType),
    /// The sort key's, if there is one.
    pub sort: Option<(String, KeyType)>,
}

/// What an origin answered. That there is no such thing is an answer too.
#[derive(Clone, PartialEq)]
pub enum Fetched {
    /// A parameter.
    Parameter(Parameter),
    /// A secret.
    Secret(Secret),
    /// An item.
    Item(Item),
    /// There is no such parameter, secret, version or item.
    Nothing,
}

/// A parameter as `GetParameter` returns it. Times are seconds since 1970.
#[derive(Clone, PartialEq)]
pub struct Parameter {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// The value; a secret as a rule.
    pub value: String,
    /// Its version.
    pub version: i64,
    /// `:version` or `:label`, if one was asked for.
    pub selector: Option<String>,
    /// Set when the parameter refers to another service.
    pub source_result: Option<String>,
    /// When it was last changed.
    pub last_modified: Option<f64>,
    /// `text`, for one.
    pub data_type: Option<String>,
}

/// A secret as `GetSecretValue` returns it. Times are seconds since 1970.
#[derive(Clone, PartialEq)]
pub struct Secret {
    /// Its full ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The version's id.
    pub version_id: Option<String>,
    /// Its text, if it is one.
    pub string: Option<String>,
    /// Its bytes, if it is not a text.
    pub binary: Option<Vec<u8>>,
    /// The version's stages.
    pub stages: Vec<String>,
    /// When the version was made.
    pub created: Option<f64>,
}

/// An item: its attributes by name.
pub type Item = BTreeMap<String, Attribute>;

/// The value of one attribute, of every type that `DynamoDB` has.
#[derive(Clone, PartialEq)]
pub enum Attribute {
    /// `S`.
    String(String),
    /// `N`, as the text that `DynamoDB` gave: it is exact.
    Number(String),
    /// `B`.
    Binary(Vec<u8>),
    /// `BOOL`.
    Bool(bool),
    /// `NULL`.
    Null,
    /// `M`.
    Map(BTreeMap<String, Attribute>),
    /// `L`.
    List(Vec<Attribute>),
    /// `SS`.
    Strings(Vec<String>),
    /// `NS`.
    Numbers(Vec<String>),
    /// `BS`.
    Binaries(Vec<Vec<u8>>),
}
