//! What the environment and the configuration files say.
//!
//! ```text
//! load         from both to `Settings`, with all that is wrong
//! environment  variables as an argument
//! variables    which of them there are
//! options      the core's options; aws: what is AWS's; go: durations and flags
//! files        config.yaml and cache.yaml
//! tables       the keys of the tables, as configured or as DynamoDB tells
//! names        what functions call items
//! sources      the change logs that are followed
//! token        what requests have to show
//! ```

mod aws;
mod environment;
mod error;
mod files;
mod go;
mod key_value;
mod load;
mod names;
mod options;
pub mod sources;
mod tables;
mod token;
mod variables;

pub use environment::Environment;
pub use error::{At, Place, Problem, SettingsError};
pub use load::{Loaded, lambda, load};
pub use names::{NameError, Tables};
pub use tables::resolve;
pub use token::Token;
pub use variables::variables;

use std::time::Duration;

use snowmelt_core::Config;

use crate::origin::KeyType;

/// Everything that is configured, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `SNOWMELT_STREAM`: as `Builder::stream` takes it; `none` must be said.
    pub stream: String,
    /// The core's options, from `SNOWMELT_MAX_LAG` and the like.
    pub config: Config,
    /// `SNOWMELT_PORT`, default 4000: contracts 1, 2 and 4.
    pub port: u16,
    /// `SNOWMELT_COMPAT=demo`: a miss is `200 No data found`.
    pub compat_demo: bool,
    /// `SNOWMELT_REQUIRE_TOKEN`: port 4000 asks for the token too.
    pub require_token: bool,
    /// `CACHE_EXTENSION_TTL`, default 60 min: contracts 1 and 2.
    pub ttl: Duration,
    /// `CACHE_EXTENSION_INIT_STARTUP`, default false: whether `parameters`
    /// and `items` are fetched before the function starts.
    pub prefetch: bool,
    /// What `config.yaml` lists of parameters.
    pub parameters: Vec<ListedParameter>,
    /// What `config.yaml` lists of items.
    pub items: Vec<ListedItem>,
    /// What `cache.yaml` lists: tables any item of which may be read.
    pub tables: Vec<ListedTable>,
    /// The AWS extension's own variables.
    pub aws: AwsSettings,
    /// What Lambda says of the environment.
    pub lambda: LambdaSettings,
}

/// A parameter of `config.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedParameter {
    /// Its name, as the function will ask for it.
    pub name: String,
    /// Its region, if it is not the function's.
    pub region: Option<String>,
}

/// An item of `config.yaml`: a table, and the values of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedItem {
    /// The table.
    pub table: ListedTable,
    /// The partition key's value.
    pub hash: String,
    /// The sort key's value, if the table has a sort key.
    pub sort: Option<String>,
}

/// A table, with what is known of its primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTable {
    /// Its name.
    pub name: String,
    /// Its region, if it is not the function's.
    pub region: Option<String>,
    /// Its primary key; `None` where `DescribeTable` has to tell.
    pub key: Option<ListedKey>,
}

/// A table's primary key as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// The partition key's attribute and type.
    pub hash: (String, KeyType),
    /// The sort key's, if there is one.
    pub sort: Option<(String, KeyType)>,
}

/// The variables of the AWS Parameters and Secrets extension.
#[derive(Clone, Debug)]
pub struct AwsSettings {
    /// `PARAMETERS_SECRETS_EXTENSION_HTTP_PORT`, default 2773.
    pub port: u16,
    /// `PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED`, default true.
    pub enabled: bool,
    /// `PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE`, default 1000; parameters and
    /// secrets together, 0 keeps none.
    pub size: usize,
    /// `PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS`, default 3: calls to an
    /// origin at once.
    pub max_connections: usize,
    /// `SSM_PARAMETER_STORE_TTL`, default 300 s.
    pub parameter_ttl: Duration,
    /// `SECRETS_MANAGER_TTL`, default 300 s.
    pub secret_ttl: Duration,
    /// `SSM_PARAMETER_STORE_TIMEOUT_MILLIS`, default 0: none of its own.
    pub parameter_timeout: Option<Duration>,
    /// `SECRETS_MANAGER_TIMEOUT_MILLIS`, default 0: none of its own.
    pub secret_timeout: Option<Duration>,
    /// `PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL`, default info; `None` is
    /// `none`.
    pub log_level: Option<tracing::Level>,
}

/// What Lambda says of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaSettings {
    /// `AWS_LAMBDA_RUNTIME_API`: host and port of the Extensions API.
    pub runtime_api: String,
    /// `AWS_LAMBDA_INITIALIZATION_TYPE` is `lambda-managed-instances`: no
    /// INVOKE events then.
    pub managed_instances: bool,
    /// `AWS_REGION`.
    pub region: Option<String>,
}

#[cfg(test)]
mod tests;
