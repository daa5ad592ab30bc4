//! Where values come from: `DynamoDB`, Parameter Store and Secrets Manager.

mod aws;
mod error;
mod types;

pub use aws::{AwsOptions, AwsOrigin, BadEndpoint, DEFAULT_TIMEOUT, Endpoints};
pub use error::{OriginError, Trouble};
pub use types::{
    Attribute, Fetched, Item, ItemAsk, KeyAttribute, KeySchema, KeyType, Parameter, ParameterAsk, Secret,
    SecretAsk,
};

use crate::Pending;

/// One thing to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// A parameter of Parameter Store.
    Parameter(ParameterAsk),
    /// A secret of Secrets Manager.
    Secret(SecretAsk),
    /// An item of a `DynamoDB` table.
    Item(ItemAsk),
}

/// The services behind the cache. Every call is one attempt at an answer,
/// bounded in time; nothing is kept between calls but connections.
pub trait Origin: Send + Sync + 'static {
    /// Fetches one thing.
    fn fetch(&self, ask: Ask) -> Pending<Result<Fetched, OriginError>>;

    /// Asks which attributes a table's keys are (`DescribeTable`).
    fn key_schema(&self, table: &str, region: Option<&str>) -> Pending<Result<KeySchema, OriginError>>;
}
