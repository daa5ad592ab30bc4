//! From the start to the end, with everything else behind [`Work`].

use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::timeout;

use super::api::{Api, ApiError};
use super::event::Event;
use super::failure::Failure;

/// Within this time after SHUTDOWN or a signal, what is in hand is answered;
/// the process ends within 300 ms, on a busy machine too.
pub const STOP: Duration = Duration::from_millis(200);
/// For telling why it ends, when it ends for a failure: there may be nobody
/// left to listen.
const TELL: Duration = Duration::from_secs(2);

/// What Lambda says of the environment that the extension lives in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// `AWS_LAMBDA_RUNTIME_API`: host and port.
    pub runtime_api: String,
    /// The binary's file name, which registration asks for.
    pub name: String,
    /// No INVOKE events are to be had: Managed Instances.
    pub managed_instances: bool,
    /// The first INVOKE event comes to a copy that was restored from a
    /// snapshot.
    pub snap_start: bool,
}

/// What the lifecycle drives. Dropping it frees the ports.
pub trait Work {
    /// The function is being invoked. Returns at once; what it begins goes on
    /// in the background.
    fn invoked(&mut self);

    /// This process is a copy that goes on from a snapshot.
    fn restored(&mut self);

    /// Takes no more requests, and answers what is in hand, as far as that is
    /// done within `within`.
    fn stop(self, within: Duration) -> impl Future<Output = ()>;
}

/// Why the event loop ended.
enum End {
    Asked(String),
    Failed(ApiError),
}

/// Lives: `begin` makes everything ready to answer; then the extension
/// registers, which lets the runtime start; then events are followed until the
/// environment, or `stopped`, says that it is over.
///
/// A failure of `begin` is told to Lambda as an error of the function's start.
/// Ends with 0 where it was asked to end, and with 1 where it failed.
pub async fn live<W: Work>(
    environment: &Environment,
    begin: impl AsyncFnOnce() -> Result<W, Failure>,
    stopped: impl Future<Output = &'static str>,
) -> ExitCode {
    let mut stopped = pin!(stopped);
    let mut api = match Api::new(&environment.runtime_api) {
        Ok(api) => api,
        Err(error) => return failed(&Failure::api(&error)),
    };
    let begun = tokio::select! {
        biased;
        signal = &mut stopped => {
            tracing::info!(reason = signal, "stopped before it had started");
            return ExitCode::SUCCESS;
        }
        begun = begin() => begun,
    };
    let mut work = match begun {
        Ok(work) => work,
        Err(failure) => {
            return tokio::select! {
                biased;
                _signal = &mut stopped => failed(&failure),
                code = cannot_start(environment, &mut api, &failure) => code,
            };
        }
    };
    let registered = tokio::select! {
        biased;
        signal = &mut stopped => return finish(&mut api, work, End::Asked(signal.to_owned())).await,
        registered = register(environment, &mut api) => registered,
    };
    let end = match registered {
        Ok(()) => follow(environment, &mut api, &mut work, stopped).await,
        Err(error) => End::Failed(error),
    };
    finish(&mut api, work, end).await
}

/// Nothing may start after registration: the runtime starts with it.
async fn register(environment: &Environment, api: &mut Api) -> Result<(), ApiError> {
    let events: &[&str] = if environment.managed_instances { &["SHUTDOWN"] } else { &["INVOKE", "SHUTDOWN"] };
    api.register(&environment.name, events).await
}

/// The API takes an error only from who is registered.
async fn cannot_start(environment: &Environment, api: &mut Api, failure: &Failure) -> ExitCode {
    let told = timeout(TELL, async {
        register(environment, api).await?;
        api.init_error(failure).await
    });
    match told.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "Lambda could not be told why the extension does not start");
        }
        Err(_) => tracing::error!("Lambda does not take the reason why the extension does not start"),
    }
    failed(failure)
}

/// `next` is asked for again at once, without waiting for what an invocation
/// began. It tells Lambda that the extension is done, so that the environment
/// may freeze in the middle of a catch-up. That is safe, since each read
/// decides by the clock whether what was caught up with suffices; waiting
/// would make every invocation as long as a catch-up, and be billed.
async fn follow<W: Work>(
    environment: &Environment,
    api: &mut Api,
    work: &mut W,
    mut stopped: Pin<&mut impl Future<Output = &'static str>>,
) -> End {
    // There is no event for it: the snapshot is made before the first
    // invocation, and each copy's first event is an invocation.
    let mut copied = environment.snap_start;
    loop {
        let event = tokio::select! {
            biased;
            signal = &mut stopped => return End::Asked(signal.to_owned()),
            event = api.next() => event,
        };
        match event {
            Ok(Event::Invoke) => {
                if std::mem::take(&mut copied) {
                    work.restored();
                }
                work.invoked();
            }
            Ok(Event::Shutdown { reason }) => return End::Asked(format!("SHUTDOWN {reason}")),
            Ok(Event::Other(kind)) => tracing::warn!(kind, "an event that was not asked for"),
            Err(error) => return End::Failed(error),
        }
    }
}

async fn finish<W: Work>(api: &mut Api, work: W, end: End) -> ExitCode {
    if timeout(STOP, work.stop(STOP)).await.is_err() {
        tracing::warn!("requests in hand were cut off: they took more than {} ms", STOP.as_millis());
    }
    match end {
        End::Asked(reason) => {
            tracing::info!(reason, "stopped");
            ExitCode::SUCCESS
        }
        End::Failed(error) => {
            let failure = Failure::api(&error);
            if !matches!(error, ApiError::Unreachable { .. }) {
                drop(timeout(TELL, api.exit_error(&failure)).await);
            }
            failed(&failure)
        }
    }
}

fn failed(failure: &Failure) -> ExitCode {
    tracing::error!(code = failure.error_type(), "{failure}");
    ExitCode::FAILURE
}
