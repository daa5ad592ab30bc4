//! The model over the Kinesis JSON 1.1 protocol on the loopback.
//!
//! ```no_run
//! # async fn test() {
//! use kinesis_double::{Double, Effect, FaultRule, Settings};
//!
//! let double = Double::start(Settings::default()).await;
//! double.kinesis(|kinesis, now| kinesis.create_stream(now, "s", 1)).unwrap();
//! double.fault(FaultRule::next("GetRecords", 2, Effect::Throttle));
//! let endpoint = double.endpoint(); // for the SDK, with any credentials
//! # }
//! ```

mod admin;
mod faults;
mod fields;
mod operations;
mod server;
mod service;
mod socket;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::model::{Kinesis, Settings};
pub use faults::{Effect, FaultRule};
pub use service::Call;
use service::Service;

/// A running double. It stops, and its connections end, when it is dropped.
#[derive(Debug)]
pub struct Double {
    service: Arc<Service>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Double {
    /// Starts on a free port of 127.0.0.1, with the seed 0.
    ///
    /// # Panics
    ///
    /// If the loopback has no port to give.
    pub async fn start(settings: Settings) -> Self {
        Self::start_on(0, Kinesis::new(settings, 0)).await.expect("a free port on 127.0.0.1")
    }

    /// Starts on this port of 127.0.0.1 (0: a free one), over this service.
    pub async fn start_on(port: u16, kinesis: Kinesis) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let service = Arc::new(Service::new(kinesis));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&service)));
        Ok(Self { service, address, server })
    }

    /// The endpoint URL for an SDK.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Uses the service directly, with the double's clock. Calls over HTTP
    /// wait meanwhile; these ones meet no faults and are not logged.
    pub fn kinesis<R>(&self, use_it: impl FnOnce(&mut Kinesis, u64) -> R) -> R {
        let mut state = self.service.state();
        let now = state.now();
        use_it(&mut state.kinesis, now)
    }

    /// The double's clock: the real one, and what it was advanced by.
    pub fn now(&self) -> u64 {
        self.service.state().now()
    }

    /// Puts the double's clock forward, so that iterators expire and records
    /// pass their retention.
    pub fn advance(&self, ms: u64) {
        let mut state = self.service.state();
        state.ahead = state.ahead.saturating_add(ms);
    }

    /// Switches a fault on. Rules are met in the order they were added.
    pub fn fault(&self, rule: FaultRule) {
        self.service.state().faults.add(rule);
    }

    /// Switches several faults on, in this order.
    pub fn faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        let mut state = self.service.state();
        rules.into_iter().for_each(|rule| state.faults.add(rule));
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.service.state().faults.clear();
    }

    /// How many rules are not used up.
    pub fn faults_left(&self) -> usize {
        self.service.state().faults.len()
    }

    /// The calls over HTTP so far, oldest first; the last 100 000 of them.
    pub fn calls(&self) -> Vec<Call> {
        self.service.state().calls.iter().cloned().collect()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.service.state().calls.clear();
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.server.abort();
    }
}
