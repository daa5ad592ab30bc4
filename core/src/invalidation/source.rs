//! Change logs that are read beside invalidations: what users say of them.

use alloc::string::String;
use alloc::vec::Vec;

/// A change log that this cache reads beside invalidations, and what each of
/// its changes invalidates.
///
/// Some databases can tell a Kinesis stream what changed by themselves. Then
/// no writer has to invalidate, and none can forget to. Nothing is filtered on
/// the way: changes that no source asks for (of other tables, other services)
/// are for somebody else, and neither counted as undecodable nor able to empty
/// a cache.
///
/// # Templates
///
/// What a change invalidates is said by *templates*: of keys
/// ([`key`](Self::key)), of tags and of key prefixes. At least one is needed.
/// In a template `users/{pk}` the name in braces stands for a value of the
/// change; what it may be is said at [`Origin`]. `{{` and `}}` are braces
/// themselves. A template may do without names: `key("all-users")` is
/// invalidated by every change.
///
/// A value is percent-encoded but for ASCII letters, digits and `-._~`, see
/// [`KeyPart`](super::KeyPart): the keys that programs read must be made in the
/// same way. A change whose name would be empty or longer than
/// [`MAX_NAME_BYTES`](super::MAX_NAME_BYTES) invalidates nothing by it, since
/// there can be nothing of that name.
///
/// ```
/// use snowmelt_core::invalidation::{Decoded, Source, Sources, decode};
/// use snowmelt_core::Invalidation;
///
/// let users = Source::dynamodb("users").key("users/{id}").tag("tenant:{tenant}");
/// let sources = Sources::new(&[users])?;
///
/// // As the table's Kinesis streaming destination writes it:
/// let record = br#"{"awsRegion":"eu-west-1","eventID":"1e84f1ca","eventName":"MODIFY","userIdentity":null,
///     "recordFormat":"application/json","tableName":"users","dynamodb":{"ApproximateCreationDateTime":1651495525900,
///     "Keys":{"id":{"S":"a b"}},"NewImage":{"id":{"S":"a b"},"tenant":{"N":"8"}},
///     "OldImage":{"id":{"S":"a b"},"tenant":{"N":"7"}},"SizeBytes":42},"eventSource":"aws:dynamodb"}"#;
/// let mut expected = Invalidation::key("users/a%20b");
/// expected.tags = vec!["tenant:8".into(), "tenant:7".into()];
/// assert_eq!(decode(record, "", &sources), Decoded::Apply(expected));
/// # Ok::<(), snowmelt_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where the changes come from.
    pub origin: Origin,
    /// Templates of keys.
    pub keys: Vec<String>,
    /// Templates of tags.
    pub tags: Vec<String>,
    /// Templates of key prefixes.
    pub prefixes: Vec<String>,
}

/// Where changes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A DynamoDB table with a Kinesis data stream as its streaming
    /// destination.
    ///
    /// A name in a template is that of an attribute of type S (as it is), N
    /// (its text) or B (its base64, as the record has it). A key attribute has
    /// one value. Another one is looked up in the item as it is now *and* as
    /// it was before; both names are invalidated, since the change concerns
    /// both. An attribute that neither has leaves the record undecodable for
    /// this source: it is counted, reported once, and `on_undecodable` applies;
    /// what the source's other templates say is invalidated all the same.
    ///
    /// `{table}` and `{region}` are the table's name and its region, and
    /// `{account}` its account, if `table` is an ARN. If the item has an
    /// attribute of such a name too, both are invalidated.
    DynamoDb {
        /// The table's name; or its ARN: then changes in other regions, which
        /// replicas of a global table write, are not this source's. (A record
        /// does not name the account.)
        table: String,
    },
    /// AWS Systems Manager Parameter Store, by an EventBridge rule with the
    /// stream as its target, for events of the source `aws.ssm` and the detail
    /// types `Parameter Store Change` and `Parameter Store Policy Action`.
    ///
    /// `{name}` stands for the parameter's name, and for its ARN: both names
    /// are invalidated. `{region}` and `{account}` are the event's.
    ParameterStore,
    /// AWS Secrets Manager, by an EventBridge rule with the stream as its
    /// target, for events of the source `aws.secretsmanager`: the detail types
    /// `Secret Label Updated`, `AWS API Call via CloudTrail` and `AWS Service
    /// Event via CloudTrail`. Calls that only read are not changes.
    ///
    /// `{id}` stands for each name that the event gives the secret: its name,
    /// its ARN, and the ARN without the suffix of six characters; all are
    /// invalidated. An event of a call that was given the name only may not
    /// tell the ARN: read secrets by their names, or tag what is cached with
    /// both. `{region}` and `{account}` are the event's.
    SecretsManager,
}

impl Source {
    /// The changes of a DynamoDB table, given by its name or ARN, as its
    /// Kinesis streaming destination writes them. See [`Origin::DynamoDb`].
    pub fn dynamodb(table: impl Into<String>) -> Self {
        Self::of(Origin::DynamoDb { table: table.into() })
    }

    /// The changes of parameters, as EventBridge tells them. See
    /// [`Origin::ParameterStore`].
    pub fn parameter_store() -> Self {
        Self::of(Origin::ParameterStore)
    }

    /// The changes of secrets, as EventBridge tells them. See
    /// [`Origin::SecretsManager`].
    pub fn secrets_manager() -> Self {
        Self::of(Origin::SecretsManager)
    }

    fn of(origin: Origin) -> Self {
        Self { origin, keys: Vec::new(), tags: Vec::new(), prefixes: Vec::new() }
    }

    /// Each change invalidates the key of this template. May be called again,
    /// for an item that is cached under several keys.
    #[must_use]
    pub fn key(mut self, template: impl Into<String>) -> Self {
        self.keys.push(template.into());
        self
    }

    /// Each change invalidates the entries with the tag of this template.
    #[must_use]
    pub fn tag(mut self, template: impl Into<String>) -> Self {
        self.tags.push(template.into());
        self
    }

    /// Each change invalidates the keys that start with this template. End it
    /// with a character that parts never have, such as `/`: `users/1` is a
    /// prefix of `users/12` too.
    #[must_use]
    pub fn prefix(mut self, template: impl Into<String>) -> Self {
        self.prefixes.push(template.into());
        self
    }
}
