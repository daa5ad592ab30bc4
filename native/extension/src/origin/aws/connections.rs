//! The connections to one service in one region.

use std::sync::Arc;

use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use parking_lot::Mutex;
use snowmelt_core::follower::CONNECTIONS_LAST;

use super::awake::Moment;

/// A connection pool that does not outlive a freeze.
///
/// The SDK asks for a connector at each attempt. After ten seconds without one
/// (frozen or not; by both clocks) the pool is thrown away: a connection that a
/// NAT gateway or the service has forgotten would cost the whole time limit, a
/// new one costs milliseconds. Calls under way finish on the old pool.
///
/// The HTTP client is made at its first use. The root certificates are read
/// once for the process (aws-smithy-http-client keeps them); plain HTTP, which
/// emulators speak, reads none.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    tls: bool,
    current: Arc<Mutex<Option<Pool>>>,
}

#[derive(Debug)]
struct Pool {
    client: SharedHttpClient,
    used: Moment,
}

impl Connections {
    pub(super) fn new(tls: bool) -> Self {
        Self { tls, current: Arc::default() }
    }

    /// Drops the pool; the next attempt connects anew.
    pub(super) fn forget(&self) {
        let old = self.current.lock().take();
        // Its sockets are closed after the lock is released.
        drop(old);
    }

    fn client(&self) -> SharedHttpClient {
        let mut current = self.current.lock();
        let old = current.take_if(|pool| pool.used.passed() >= CONNECTIONS_LAST);
        let make = || Pool { client: self.make(), used: Moment::now() };
        let pool = current.get_or_insert_with(make);
        pool.used = Moment::now();
        let client = pool.client.clone();
        drop(current);
        drop(old);
        client
    }

    fn make(&self) -> SharedHttpClient {
        let builder = aws_smithy_http_client::Builder::new();
        if self.tls {
            let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
            return builder.tls_provider(provider).build_https();
        }
        builder.build_http()
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
