//! The extension at work.

use std::sync::Arc;
use std::time::Duration;

use snowmelt::stream::kinesis::StreamConfigError;
use snowmelt::{BuildError, Cache, FollowerHandle};
use tokio::time::timeout;

use crate::answers::{Answers, Stored};
use crate::contract::aws::Aws;
use crate::contract::cache::CacheContract;
use crate::contract::demo::Demo;
use crate::http::{Guards, Limits, Listener, Server};
use crate::lifecycle::{Failure, Problem, Work};
use crate::origin::{AwsOptions, AwsOrigin, Origin};
use crate::settings::{self, Environment, Loaded, Settings};

use super::joints::{Port4000, failure};

/// The most that the prefetch may take: with the 5 s for tables it leaves room
/// in the 10 s that Lambda gives a start.
const PREFETCH: Duration = Duration::from_secs(3);

/// Everything that answers, and what the lifecycle has to do with it.
pub(super) struct Working {
    server: Server,
    cache: Cache<Stored>,
    data: CacheContract<Stored>,
    /// Where no invocation is told of, the stream is followed all the time.
    _follower: Option<FollowerHandle>,
}

impl Working {
    /// Makes everything; answers when all is ready.
    pub(super) async fn begin(environment: &Environment, loaded: Loaded) -> Result<Self, Failure> {
        let Loaded { settings, token, notes } = loaded;
        for note in notes {
            tracing::warn!("{note}");
        }
        let own = listen("SNOWMELT_PORT", settings.port)?;
        let aws = listen("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", settings.aws.port)?;
        let origin = origin(environment, &settings)?;
        let tables = settings::resolve(&settings, &*origin).await.map_err(|error| failure(&error))?;
        let cache =
            Answers::builder(&settings, &tables.sources()).build().map_err(|error| unusable(&error))?;
        let answers = Answers::new(cache.clone(), &settings, origin);
        let demo = Demo::new(&settings, answers.clone(), tables);
        if settings.prefetch && timeout(PREFETCH, demo.prefetch()).await.is_err() {
            tracing::warn!("the prefetch took too long: what it left is fetched when it is asked for");
        }
        let server = Server::new(Limits::default());
        let mut guards = Guards::new();
        if settings.require_token {
            let token = token.clone();
            guards = guards.token(move |shown| token.matches(shown));
        }
        let data = CacheContract::new(cache.clone(), settings.config.max_leases);
        server.serve(own, Port4000 { demo, data: data.clone() }, guards);
        server.serve(aws, Aws::new(&settings, answers, token), Guards::new());
        let version = env!("CARGO_PKG_VERSION");
        let (port, aws_port, stream) = (settings.port, settings.aws.port, &settings.stream);
        tracing::info!(version, port, aws_port, stream, "snowmelt-extension answers");
        let follower = settings.lambda.managed_instances.then(|| cache.spawn_follower());
        Ok(Self { server, cache, data, _follower: follower })
    }
}

impl Work for Working {
    /// Leases that an earlier invocation left behind are given up, and the
    /// stream is read if something is cached and that is due. Not by
    /// `Cache::invocation`: it would revoke what this invocation's first request
    /// began to load, if that came before the word of it. (The loads of origins
    /// end by themselves, whatever a freeze did to them.)
    fn invoked(&mut self) {
        self.data.invoked();
        let cache = self.cache.clone();
        tokio::spawn(async move { cache.catch_up_for_read().await });
    }

    fn restored(&mut self) {
        self.cache.restored();
    }

    async fn stop(self, within: Duration) {
        // It says so itself if that was not enough.
        self.server.stop(within).await;
    }
}

fn listen(variable: &str, port: u16) -> Result<Listener, Failure> {
    Listener::bind(port).map_err(|error| Failure::listen(variable, port, &error))
}

/// Connects to nothing, and reads no certificate, before it is asked.
fn origin(environment: &Environment, settings: &Settings) -> Result<Arc<dyn Origin>, Failure> {
    let variable = |name| environment.text(name).map(ToOwned::to_owned);
    let options = AwsOptions::from_variables(&settings.aws, variable).map_err(|error| {
        // Its text begins with the variable.
        Failure::config(vec![Problem { message: error.to_string(), ..Problem::default() }])
    })?;
    Ok(Arc::new(AwsOrigin::new(options)))
}

/// The options were validated: what is left to be wrong is where the stream is.
fn unusable(error: &BuildError) -> Failure {
    use StreamConfigError::{InvalidStream, RegionMismatch};
    let by_name = matches!(error, BuildError::Stream(InvalidStream { .. } | RegionMismatch { .. }));
    let variable = by_name.then(|| "SNOWMELT_STREAM".to_owned());
    Failure::config(vec![Problem { variable, message: error.to_string(), ..Problem::default() }])
}
