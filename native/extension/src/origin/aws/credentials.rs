//! Where credentials come from.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use tokio::sync::OnceCell;

use super::connections::Connections;

/// Credentials from the environment, as Lambda gives them; failing that, from
/// the SDK's default chain: profile files, web identity, the container
/// endpoint (`AWS_CONTAINER_CREDENTIALS_FULL_URI`, which Lambda gives functions
/// with `SnapStart` in place of keys), EC2 instance metadata.
///
/// The chain is built when it is first needed: a function with credentials in
/// its environment never pays for it.
#[derive(Debug)]
pub(super) struct LazyCredentials {
    environment: EnvironmentVariableCredentialsProvider,
    chain: OnceCell<DefaultCredentialsChain>,
    region: Option<Region>,
    /// Shorter than a call's limit, so that a call that waited for credentials
    /// in vain says so rather than that the service did not answer.
    timeout: Duration,
}

impl LazyCredentials {
    pub(super) fn new(region: Option<Region>, timeout: Duration) -> Self {
        let environment = EnvironmentVariableCredentialsProvider::new();
        Self { environment, chain: OnceCell::new(), region, timeout }
    }

    async fn credentials(&self) -> provider::Result {
        match self.environment.provide_credentials().await {
            Err(CredentialsError::CredentialsNotLoaded(_)) => {}
            decided => return decided,
        }
        let from_chain = async { self.chain().await.provide_credentials().await };
        match tokio::time::timeout(self.timeout, from_chain).await {
            Ok(result) => result,
            Err(_) => Err(CredentialsError::provider_timed_out(self.timeout)),
        }
    }

    async fn chain(&self) -> &DefaultCredentialsChain {
        let build = || {
            let config = ProviderConfig::without_region()
                .with_region(self.region.clone())
                .with_behavior_version(Some(BehaviorVersion::latest()))
                .with_http_client(Connections::new(true));
            let chain = DefaultCredentialsChain::builder().configure(config);
            match self.region.clone() {
                Some(region) => chain.region(region).build(),
                None => chain.build(),
            }
        };
        self.chain.get_or_init(build).await
    }
}

impl ProvideCredentials for LazyCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}
