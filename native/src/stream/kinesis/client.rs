//! The SDK client: how it is configured, and how its connections are forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, future};
use aws_sdk_kinesis::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{
    BehaviorVersion, Builder, ConfigBag, HttpClient, Intercept, ProvideCredentials, Region,
    RuntimeComponents, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_kinesis::error::BoxError;
use aws_sdk_kinesis::primitives::{DateTime, DateTimeFormat};
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::KinesisOptions;

/// Turns the SDK into what a transport is: one attempt, bounded in time.
///
/// No retries, because the follower paces itself and a hidden second attempt
/// would spend a quota that the whole fleet shares. No stalled-stream
/// protection: answers are read whole, under the one time-out. That ends a
/// little before whoever calls gives up, who could not name the endpoint.
pub(super) fn configure(builder: Builder, options: &KinesisOptions, connections: &Connections) -> Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(options.connect_timeout)
        .operation_timeout(options.call_timeout * 19 / 20)
        .build();
    builder
        .behavior_version(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(connections.clone())
}

/// The connection pool, which can be thrown away.
///
/// The SDK asks for a connector at each attempt, so a new HTTP client takes
/// over with the next call, and calls under way finish on the old one. Clients
/// are built at their first use: construction stays free of I/O, and a freeze
/// that is followed by no call costs nothing. The root certificates are read
/// once for the process (aws-smithy-http-client keeps them); plain HTTP reads
/// none.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    tls: bool,
    current: Arc<Mutex<Option<SharedHttpClient>>>,
}

impl Connections {
    pub(super) fn new(tls: bool) -> Self {
        Self { tls, current: Arc::default() }
    }

    /// Drops the pool; the next call connects anew.
    pub(super) fn forget(&self) {
        let old = self.current.lock().take();
        // Its sockets are closed after the lock is released.
        drop(old);
    }

    fn client(&self) -> SharedHttpClient {
        let mut current = self.current.lock();
        current.get_or_insert_with(|| if self.tls { https() } else { http() }).clone()
    }
}

impl HttpClient for Connections {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.client().http_connector(settings, components)
    }
}

fn http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

fn https() -> SharedHttpClient {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    aws_smithy_http_client::Builder::new().tls_provider(provider).build_https()
}

/// Credentials from the environment, as Lambda gives them; failing that, from
/// the SDK's default chain: profile files, web identity (EKS), the container
/// endpoint (ECS, and Lambda with `SnapStart`), EC2 instance metadata.
///
/// The chain is built when it is first needed: a function with credentials in
/// its environment never pays for it.
#[derive(Debug)]
pub(super) struct LazyCredentials {
    environment: EnvironmentVariableCredentialsProvider,
    chain: OnceCell<DefaultCredentialsChain>,
    region: Region,
    /// Shorter than the call's, so that a call that waited for credentials in
    /// vain says so rather than that the stream did not answer.
    timeout: Duration,
}

impl LazyCredentials {
    pub(super) fn new(region: Region, call_timeout: Duration) -> Self {
        Self {
            environment: EnvironmentVariableCredentialsProvider::new(),
            chain: OnceCell::new(),
            region,
            timeout: call_timeout * 9 / 10,
        }
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
                .with_region(Some(self.region.clone()))
                .with_behavior_version(Some(BehaviorVersion::latest()))
                .with_http_client(Connections::new(true));
            DefaultCredentialsChain::builder().configure(config).region(self.region.clone()).build()
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

/// Takes down the `Date` header of one call's answer, successful or not.
#[derive(Clone, Debug, Default)]
pub(super) struct DateSlot(Arc<AtomicU64>);

impl DateSlot {
    /// Milliseconds since the Unix epoch.
    pub(super) fn date(&self) -> Option<u64> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            date => Some(date),
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for DateSlot {
    fn name(&self) -> &'static str {
        "snowmelt-date"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date").and_then(parse_http_date) {
            self.0.store(date, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn parse_http_date(text: &str) -> Option<u64> {
    let date = DateTime::from_str(text, DateTimeFormat::HttpDate).ok()?;
    u64::try_from(date.to_millis().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_read() {
        assert_eq!(parse_http_date("Mon, 21 Sep 2026 14:13:20 GMT"), Some(1_790_000_000_000));
        assert_eq!(parse_http_date("yesterday"), None);
        assert_eq!(parse_http_date(""), None);
    }

    #[test]
    fn forgetting_without_a_pool_is_harmless() {
        let connections = Connections::new(false);
        connections.forget();
        drop(connections.client());
        connections.forget();
        assert!(connections.current.lock().is_none());
    }
}
