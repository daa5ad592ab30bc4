//! Amazon Kinesis Data Streams through the AWS SDK.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{Builder, Region};
use aws_sdk_kinesis::types::{ShardFilter, ShardFilterType, ShardIteratorType};
use snowmelt_core::follower::{Answer, Body, CallError, IteratorStart, ListShards, Request};
use snowmelt_core::protocol::{Operation, Place, nonsense};
use snowmelt_core::writer::{Put, PutAnswer};

use self::address::{Address, check_endpoint, choose_region};
use self::client::{Connections, DateSlot, LazyCredentials, configure};
use self::errors::{Way, sort};
use super::{CallFuture, Stream};

mod address;
mod client;
mod convert;
mod errors;

pub use self::address::StreamConfigError;

/// How a [`KinesisStream`] reaches the service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KinesisOptions {
    /// The region. Default: `AWS_REGION`, then `AWS_DEFAULT_REGION`, then the
    /// one in the stream's ARN.
    pub region: Option<String>,
    /// The endpoint's URL, for an emulator or a VPC endpoint without private
    /// DNS. Default: `AWS_ENDPOINT_URL_KINESIS`, then `AWS_ENDPOINT_URL`, then
    /// the region's own.
    pub endpoint: Option<String>,
    /// How long making a connection may take; default 1 s. Within a region it
    /// takes milliseconds, or for ever where there is no route.
    pub connect_timeout: Duration,
    /// How long one call may take, connecting and credentials included;
    /// default 3 s.
    pub call_timeout: Duration,
}

impl Default for KinesisOptions {
    fn default() -> Self {
        Self {
            region: None,
            endpoint: None,
            connect_timeout: Duration::from_secs(1),
            call_timeout: Duration::from_secs(3),
        }
    }
}

impl KinesisOptions {
    /// Sets [`region`](Self::region).
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets [`endpoint`](Self::endpoint).
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Sets [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`call_timeout`](Self::call_timeout).
    #[must_use]
    pub const fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }
}

/// A Kinesis data stream.
///
/// Making one does no I/O; connections and credentials are had at the first
/// call, or in [`warm`](Self::warm). Calls must be polled within a tokio
/// runtime that has its I/O and time drivers on. Clones share everything.
#[derive(Clone)]
pub struct KinesisStream {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    connections: Connections,
    address: Address,
    way: Way,
}

impl KinesisStream {
    /// A stream, by its name or its ARN, with what the environment says.
    ///
    /// Credentials are those of the environment (as Lambda gives them), or else
    /// of the SDK's default chain without SSO, consulted lazily.
    pub fn from_env(stream: &str, options: KinesisOptions) -> Result<Self, StreamConfigError> {
        Self::from_variables(stream, options, |name| std::env::var(name).ok())
    }

    /// [`from_env`](Self::from_env), with the environment as an argument.
    fn from_variables(
        stream: &str,
        mut options: KinesisOptions,
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, StreamConfigError> {
        let address = Address::parse(stream)?;
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| Some((name, variable(name).filter(|value| !value.is_empty())?)))
        };
        let region = first(["AWS_REGION", "AWS_DEFAULT_REGION"]);
        let region = region.as_ref().map(|(name, value)| (*name, value.as_str()));
        let region = Region::new(choose_region(&address, options.region.as_deref(), region)?);
        if let (None, Some((name, url))) =
            (&options.endpoint, first(["AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL"]))
        {
            options.endpoint = Some(check_endpoint(name, &url)?);
        }
        let is_on = |name| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let builder = aws_sdk_kinesis::Config::builder()
            .use_fips(is_on("AWS_USE_FIPS_ENDPOINT"))
            .use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"))
            .credentials_provider(LazyCredentials::new(region.clone(), options.call_timeout))
            .region(region);
        Self::build(address, builder, options)
    }

    /// A stream, by its name or its ARN, with an SDK configuration of one's
    /// own: `aws_sdk_kinesis::config::Builder::from(&sdk_config)`.
    ///
    /// Credentials, region, endpoint and interceptors are taken from it (the
    /// options' region and endpoint come first, where given). Retries,
    /// time-outs and the HTTP client are replaced: they belong to the transport.
    pub fn from_conf(
        stream: &str,
        builder: Builder,
        options: KinesisOptions,
    ) -> Result<Self, StreamConfigError> {
        let address = Address::parse(stream)?;
        let given = builder.clone().build();
        let given = given.region().map(|region| ("the SDK configuration", region.as_ref()));
        let region = choose_region(&address, options.region.as_deref(), given)?;
        Self::build(address, builder.region(Region::new(region)), options)
    }

    fn build(address: Address, builder: Builder, options: KinesisOptions) -> Result<Self, StreamConfigError> {
        let mut builder = builder;
        if let Some(url) = &options.endpoint {
            builder.set_endpoint_url(Some(check_endpoint("the option `endpoint`", url)?));
        }
        let plain = options.endpoint.as_deref().is_some_and(|url| url.starts_with("http://"));
        let connections = Connections::new(!plain);
        let config = configure(builder, &options, &connections).build();
        let place = Place {
            stream: address.name().to_owned(),
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            endpoint: options.endpoint,
        };
        let KinesisOptions { connect_timeout, call_timeout, .. } = options;
        let way = Way { place, connect_timeout, call_timeout };
        let client = Client::from_conf(config);
        Ok(Self { inner: Arc::new(Inner { client, connections, address, way }) })
    }

    /// Makes the first connection and resolves the credentials, so that the
    /// first read finds both; for the time in which a function initialises.
    ///
    /// It asks for one shard: of the operations a reader may use, `ListShards`
    /// is the one whose quota (1,000 a second a stream) a fleet can spare.
    /// Failure is ignored; the first read will meet it again and report it. A
    /// stream given by its ARN has separate hosts for lists and for data, so
    /// that only half the work is done for it.
    pub fn warm(&self) -> impl Future<Output = ()> + Send + 'static {
        let inner = Arc::clone(&self.inner);
        async move {
            let Inner { client, address, .. } = &*inner;
            let call = client.list_shards().max_results(1);
            let call = call.set_stream_name(address.stream_name()).set_stream_arn(address.stream_arn());
            drop(call.send().await);
        }
    }
}

impl fmt::Debug for KinesisStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { region, endpoint, .. } = &self.inner.way.place;
        f.debug_struct("KinesisStream")
            .field("stream", &self.inner.address)
            .field("region", region)
            .field("endpoint", endpoint)
            .finish_non_exhaustive()
    }
}

impl Stream for KinesisStream {
    fn call(&self, request: Request) -> CallFuture<Answer> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            match request {
                Request::ListShards(page) => inner.list_shards(page).await,
                Request::ShardIterator { shard, from } => inner.shard_iterator(shard, from).await,
                Request::Records { iterator, limit, .. } => inner.records(iterator, limit).await,
            }
        })
    }

    fn put(&self, put: Put) -> CallFuture<PutAnswer> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { inner.put(put).await })
    }

    fn forget_connections(&self) {
        self.inner.connections.forget();
    }

    fn name(&self) -> &str {
        self.inner.address.name()
    }
}

impl Inner {
    async fn list_shards(&self, page: ListShards) -> Result<Answer, CallError> {
        const OPERATION: Operation = Operation::ListShards;
        let slot = DateSlot::default();
        let call = self.client.list_shards().set_stream_arn(self.address.stream_arn());
        let call = match page {
            ListShards::From(time) => {
                call.set_stream_name(self.address.stream_name()).set_shard_filter(from_timestamp(time))
            }
            ListShards::Next(token) => call.next_token(token),
        };
        let result = call.customize().interceptor(slot.clone()).send().await;
        let date = slot.date();
        let output = result.map_err(|error| sort(OPERATION, &self.way, date, &error))?;
        let page = convert::shard_page(output).map_err(|what| nonsense(OPERATION, date, &what))?;
        Ok(Answer { date, body: Body::Shards(page) })
    }

    async fn shard_iterator(&self, shard: String, from: IteratorStart) -> Result<Answer, CallError> {
        const OPERATION: Operation = Operation::GetShardIterator;
        let slot = DateSlot::default();
        let (start, time) = match from {
            IteratorStart::AtTimestamp(time) => {
                (ShardIteratorType::AtTimestamp, Some(convert::timestamp(time)))
            }
            IteratorStart::TrimHorizon => (ShardIteratorType::TrimHorizon, None),
        };
        let call =
            self.client.get_shard_iterator().shard_id(shard).shard_iterator_type(start).set_timestamp(time);
        let call = call.set_stream_name(self.address.stream_name()).set_stream_arn(self.address.stream_arn());
        let result = call.customize().interceptor(slot.clone()).send().await;
        let date = slot.date();
        let output = result.map_err(|error| sort(OPERATION, &self.way, date, &error))?;
        let iterator = output.shard_iterator.filter(|iterator| !iterator.is_empty());
        let iterator = iterator.ok_or_else(|| nonsense(OPERATION, date, "there is no iterator in it"))?;
        Ok(Answer { date, body: Body::Iterator(iterator) })
    }

    async fn records(&self, iterator: String, limit: u32) -> Result<Answer, CallError> {
        const OPERATION: Operation = Operation::GetRecords;
        let slot = DateSlot::default();
        let limit = i32::try_from(limit.clamp(1, 10_000)).unwrap_or(10_000);
        let call = self.client.get_records().shard_iterator(iterator).limit(limit);
        let call = call.set_stream_arn(self.address.stream_arn());
        let result = call.customize().interceptor(slot.clone()).send().await;
        let date = slot.date();
        let output = result.map_err(|error| sort(OPERATION, &self.way, date, &error))?;
        let page = convert::record_page(output).map_err(|what| nonsense(OPERATION, date, &what))?;
        Ok(Answer { date, body: Body::Records(page) })
    }

    async fn put(&self, put: Put) -> Result<PutAnswer, CallError> {
        const OPERATION: Operation = Operation::PutRecords;
        let slot = DateSlot::default();
        let sent = put.records.len();
        let entries = put.records.into_iter().map(convert::put_entry).collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|what| nonsense(OPERATION, None, &what))?;
        let call = self.client.put_records().set_records(Some(entries));
        let call = call.set_stream_name(self.address.stream_name()).set_stream_arn(self.address.stream_arn());
        let result = call.customize().interceptor(slot.clone()).send().await;
        let date = slot.date();
        let output = result.map_err(|error| sort(OPERATION, &self.way, date, &error))?;
        let outcomes =
            convert::put_outcomes(sent, output).map_err(|what| nonsense(OPERATION, date, &what))?;
        Ok(PutAnswer { date, outcomes })
    }
}

/// The shards that are open, and those that closed at or after that time.
fn from_timestamp(time: u64) -> Option<ShardFilter> {
    // Cannot fail: the type is given.
    let filter =
        ShardFilter::builder().r#type(ShardFilterType::FromTimestamp).timestamp(convert::timestamp(time));
    filter.build().ok()
}

#[cfg(test)]
mod tests;
