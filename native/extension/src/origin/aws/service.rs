//! One service: its clients, one for each region, and how each call is bounded.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::awake::within;
use super::connections::Connections;
use super::region::is_region;
use super::sort::{answered, sort};
use crate::origin::OriginError;
use crate::origin::error::{Call, Operation, bad_region, no_region};

/// Attempts of one call, the first included.
const ATTEMPTS: u32 = 3;

/// How often a call that a freeze cut in two is made anew.
const THAWS: u32 = 2;

/// Making a connection takes milliseconds within a region, or for ever where
/// there is no route. Three of these are within the default limit, so that the
/// error can say which it was.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(900);

/// Regions come from requests too (in ARNs); clients past this many are made
/// anew when they are needed again.
const MAX_REGIONS: usize = 32;

/// One service, with `C` the SDK's client.
pub(super) struct Service<C> {
    shared: SdkConfig,
    make: fn(&SdkConfig) -> C,
    clients: Mutex<HashMap<String, Arc<Line<C>>>>,
    turns: Semaphore,
    at_once: usize,
    limit: Duration,
    endpoint: Option<String>,
    region: Option<String>,
}

/// The way to a service in one region.
struct Line<C> {
    client: C,
    connections: Connections,
    /// Whether it ever answered: if so, there is a way.
    reached: AtomicBool,
}

/// What is particular to a service.
pub(super) struct Particulars {
    pub(super) at_once: usize,
    pub(super) limit: Duration,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
}

impl<C: Clone> Service<C> {
    pub(super) fn new(shared: SdkConfig, make: fn(&SdkConfig) -> C, particulars: Particulars) -> Self {
        let Particulars { at_once, limit, endpoint, region } = particulars;
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        let (clients, turns) = (Mutex::default(), Semaphore::new(at_once));
        Self { shared, make, clients, turns, at_once, limit, endpoint, region }
    }

    /// Makes a call; `None` if there is no such thing. Attempts, their pauses
    /// and waiting for a turn are within the service's limit, which a freeze
    /// does not use up: a call that was frozen and failed is made anew.
    pub(super) async fn call<T, E, F>(
        &self,
        operation: Operation,
        subject: &str,
        region: Option<&str>,
        send: impl Fn(C) -> F,
    ) -> Result<Option<T>, OriginError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let region = self.region(operation, subject, region)?;
        let call = Call { operation, subject, region, endpoint: self.endpoint.as_deref() };
        let line = self.line(region);
        let mut thaws = 0;
        loop {
            let had_turn = AtomicBool::new(false);
            let bounded = async {
                let turn = self.turns.acquire().await;
                had_turn.store(true, Ordering::Relaxed);
                let result = send(line.client.clone()).await;
                drop(turn);
                result
            };
            let ended = within(self.limit, bounded).await;
            // An answer that a freeze held up is as old as the freeze, and who came
            // after it may wait for this call.
            let answer = match ended.answer {
                Some(Ok(output)) if !ended.thawed => {
                    line.reached.store(true, Ordering::Relaxed);
                    return Ok(Some(output));
                }
                answer => answer,
            };
            if ended.thawed && thaws < THAWS {
                tracing::debug!(?operation, "a call was frozen; it is made anew");
                line.connections.forget();
                thaws += 1;
                continue;
            }
            return self.failed(call, &line, answer, had_turn.into_inner());
        }
    }

    fn failed<T, O, E>(
        &self,
        call: Call<'_>,
        line: &Line<C>,
        answer: Option<Result<O, SdkError<E, HttpResponse>>>,
        had_turn: bool,
    ) -> Result<Option<T>, OriginError>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let Some(Err(error)) = answer else {
            let reached = line.reached.load(Ordering::Relaxed);
            if had_turn {
                return Err(call.timed_out(self.limit, reached));
            }
            return Err(call.crowded(self.limit, self.at_once));
        };
        if answered(&error) {
            line.reached.store(true, Ordering::Relaxed);
        }
        sort(call, &error).map_or(Ok(None), Err)
    }

    fn region<'a>(
        &'a self,
        operation: Operation,
        subject: &str,
        region: Option<&'a str>,
    ) -> Result<&'a str, OriginError> {
        let region = region.or(self.region.as_deref());
        let region = region.ok_or_else(|| no_region(operation, subject))?;
        if is_region(region) { Ok(region) } else { Err(bad_region(operation, subject, region)) }
    }

    fn line(&self, region: &str) -> Arc<Line<C>> {
        let mut clients = self.clients.lock();
        if let Some(line) = clients.get(region) {
            return Arc::clone(line);
        }
        let line = Arc::new(self.connect(region));
        if clients.len() >= MAX_REGIONS {
            clients.clear();
        }
        clients.insert(region.to_owned(), Arc::clone(&line));
        line
    }

    fn connect(&self, region: &str) -> Line<C> {
        let plain = self.endpoint.as_deref().is_some_and(|url| url.starts_with("http://"));
        let connections = Connections::new(!plain);
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT.min(self.limit)).build();
        // So that the pauses leave most of the limit to the attempts, and a
        // call that is throttled to the end says so rather than that it took
        // too long.
        let pause = (self.limit / 12).min(Duration::from_millis(250));
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(pause)
            .with_max_backoff(pause * 2);
        let mut config = self
            .shared
            .to_builder()
            .region(Region::new(region.to_owned()))
            .retry_config(retries)
            .timeout_config(timeouts)
            // Answers are small, and read whole under the one limit.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(connections.clone());
        config.set_endpoint_url(self.endpoint.clone());
        Line { client: (self.make)(&config.build()), connections, reached: AtomicBool::new(false) }
    }
}
