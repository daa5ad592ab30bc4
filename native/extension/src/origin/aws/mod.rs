//! AWS itself, through its SDK.
//!
//! Nothing is done before the first call: clients are made one by one, for the
//! service and region that is asked for, and credentials are had then.

use std::fmt;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::config::IdentityCache;

use self::credentials::LazyCredentials;
use self::service::{Particulars, Service};
use super::error::{Call, Operation};
use super::{Ask, Fetched, ItemAsk, KeyAttribute, KeySchema, Origin, OriginError, ParameterAsk, SecretAsk};
use crate::Pending;

mod awake;
mod connections;
mod convert;
mod credentials;
mod options;
mod region;
mod service;
mod sort;

pub use self::options::{AwsOptions, BadEndpoint, DEFAULT_TIMEOUT, Endpoints};

/// Parameter Store, Secrets Manager and `DynamoDB`.
///
/// Whatever names no region is looked for in the function's; an ARN in its own
/// region. Each call makes up to three attempts within the service's time
/// limit. Calls must be polled within a tokio runtime that has its I/O and time
/// drivers on. Clones share everything.
#[derive(Clone)]
pub struct AwsOrigin {
    inner: Arc<Inner>,
}

struct Inner {
    options: AwsOptions,
    ssm: Service<aws_sdk_ssm::Client>,
    secrets_manager: Service<aws_sdk_secretsmanager::Client>,
    dynamodb: Service<aws_sdk_dynamodb::Client>,
}

impl AwsOrigin {
    /// With credentials of the environment, or else of the SDK's default chain
    /// without SSO, consulted lazily. Does no I/O.
    pub fn new(options: AwsOptions) -> Self {
        let region = options.region.clone().map(Region::new);
        let limits = [options.parameter_timeout, options.secret_timeout, options.item_timeout];
        let shortest = limits.into_iter().min().unwrap_or(DEFAULT_TIMEOUT);
        Self::with_credentials(options, LazyCredentials::new(region, shortest * 9 / 10))
    }

    /// With credentials of one's own.
    pub fn with_credentials(options: AwsOptions, provider: impl ProvideCredentials + 'static) -> Self {
        let shared = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(provider))
            // One for all clients, so that they fetch credentials once.
            .identity_cache(IdentityCache::lazy().build())
            .use_fips(options.use_fips)
            .use_dual_stack(options.use_dual_stack)
            .build();
        let particulars = |limit, endpoint: &Option<String>| Particulars {
            at_once: options.max_connections,
            limit,
            endpoint: endpoint.clone(),
            region: options.region.clone(),
        };
        let endpoints = &options.endpoints;
        let ssm = particulars(options.parameter_timeout, &endpoints.ssm);
        let secrets_manager = particulars(options.secret_timeout, &endpoints.secrets_manager);
        let dynamodb = particulars(options.item_timeout, &endpoints.dynamodb);
        let inner = Inner {
            ssm: Service::new(shared.clone(), aws_sdk_ssm::Client::new, ssm),
            secrets_manager: Service::new(
                shared.clone(),
                aws_sdk_secretsmanager::Client::new,
                secrets_manager,
            ),
            dynamodb: Service::new(shared, aws_sdk_dynamodb::Client::new, dynamodb),
            options,
        };
        Self { inner: Arc::new(inner) }
    }
}

/// Options only: no credentials.
impl fmt::Debug for AwsOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsOrigin").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl Origin for AwsOrigin {
    fn fetch(&self, ask: Ask) -> Pending<Result<Fetched, OriginError>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            match ask {
                Ask::Parameter(ask) => inner.parameter(ask).await,
                Ask::Secret(ask) => inner.secret(ask).await,
                Ask::Item(ask) => inner.item(ask).await,
            }
        })
    }

    fn key_schema(&self, table: &str, region: Option<&str>) -> Pending<Result<KeySchema, OriginError>> {
        let inner = Arc::clone(&self.inner);
        let (table, region) = (table.to_owned(), region.map(ToOwned::to_owned));
        Box::pin(async move { inner.key_schema(&table, region.as_deref()).await })
    }
}

impl Inner {
    async fn parameter(&self, ask: ParameterAsk) -> Result<Fetched, OriginError> {
        let ParameterAsk { name, version, label, with_decryption, region } = ask;
        let region = region.as_deref().or_else(|| region::of_arn(&name, "ssm"));
        let selector = version.map(|version| version.to_string()).or(label);
        let wanted = selector.map_or_else(|| name.clone(), |selector| format!("{name}:{selector}"));
        let send = |client: aws_sdk_ssm::Client| {
            client.get_parameter().name(&wanted).with_decryption(with_decryption).send()
        };
        let answer = self.ssm.call(Operation::GetParameter, &wanted, region, send).await?;
        let parameter = answer.and_then(|output| output.parameter);
        Ok(parameter.map_or(Fetched::Nothing, |it| Fetched::Parameter(convert::parameter(it))))
    }

    async fn secret(&self, ask: SecretAsk) -> Result<Fetched, OriginError> {
        let SecretAsk { id, version_id, version_stage } = ask;
        let region = region::of_arn(&id, "secretsmanager");
        let send = |client: aws_sdk_secretsmanager::Client| {
            let call = client.get_secret_value().secret_id(&id);
            call.set_version_id(version_id.clone()).set_version_stage(version_stage.clone()).send()
        };
        let answer = self.secrets_manager.call(Operation::GetSecretValue, &id, region, send).await?;
        Ok(answer.map_or(Fetched::Nothing, |it| Fetched::Secret(convert::secret(it))))
    }

    async fn item(&self, ask: ItemAsk) -> Result<Fetched, OriginError> {
        const OPERATION: Operation = Operation::GetItem;
        let ItemAsk { table, region, hash, sort, consistent } = ask;
        let region = region.as_deref().or_else(|| region::of_arn(&table, "dynamodb"));
        let nonsense = |why: &str| {
            let region = region.or(self.options.region.as_deref()).unwrap_or_default();
            Call { operation: OPERATION, subject: &table, region, endpoint: None }.nonsense(why)
        };
        let pair = |key: &KeyAttribute| Ok((key.name.clone(), convert::key_value(key)?));
        let key = std::iter::once(&hash).chain(&sort).map(pair).collect::<Result<_, String>>();
        let key = Some(key.map_err(|why| nonsense(&why))?);
        let send = |client: aws_sdk_dynamodb::Client| {
            client.get_item().table_name(&table).set_key(key.clone()).consistent_read(consistent).send()
        };
        let answer = self.dynamodb.call(OPERATION, &table, region, send).await?;
        match answer.and_then(|output| output.item) {
            None => Ok(Fetched::Nothing),
            Some(item) => convert::item(item).map(Fetched::Item).map_err(nonsense),
        }
    }

    async fn key_schema(&self, table: &str, region: Option<&str>) -> Result<KeySchema, OriginError> {
        const OPERATION: Operation = Operation::DescribeTable;
        let region = region.or_else(|| region::of_arn(table, "dynamodb"));
        let send = |client: aws_sdk_dynamodb::Client| client.describe_table().table_name(table).send();
        let answer = self.dynamodb.call(OPERATION, table, region, send).await?;
        let described = answer.and_then(|output| output.table);
        described.as_ref().and_then(convert::key_schema).ok_or_else(|| {
            let region = region.or(self.options.region.as_deref()).unwrap_or_default();
            let call = Call { operation: OPERATION, subject: table, region, endpoint: None };
            call.nonsense("the answer does not tell the table's key")
        })
    }
}
