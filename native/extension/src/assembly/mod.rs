//! Puts the parts together, in the order in which they start:
//!
//! ```text
//! settings             all that is wrong with them is known before anything is made
//! listeners            requests wait in the backlog from here on
//! origin, tables       DescribeTable, where a table's key is not configured
//! answers, prefetch
//! serving              then the extension registers, and the runtime starts
//! ```

mod joints;
mod working;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use tracing::Level;

use crate::lifecycle::{self, Failure, live, log};
use crate::settings::{self, Environment, LambdaSettings, Loaded};

use joints::failure;
use working::Working;

/// Runs the extension until it is shut down; what is said to it is in the
/// process's environment.
pub fn run() -> ExitCode {
    let environment = Environment::of_process();
    let json =
        environment.text("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("JSON"));
    let loaded = settings::load(&environment);
    log::start(loaded.as_ref().map_or(Some(Level::INFO), |loaded| loaded.settings.aws.log_level), json);
    let lambda = match settings::lambda(&environment) {
        Ok(lambda) => lambda,
        Err(error) => {
            // What else is wrong includes it.
            tracing::error!("{}", loaded.err().unwrap_or(error));
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no event loop can be made");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(in_lambda(&environment, &lambda, loaded.map_err(|error| failure(&error))));
    // A name that is being looked up on a thread of its own holds nothing up.
    runtime.shutdown_background();
    code
}

async fn in_lambda(
    environment: &Environment,
    lambda: &LambdaSettings,
    loaded: Result<Loaded, Failure>,
) -> ExitCode {
    let stopped = match lifecycle::stop() {
        Ok(stopped) => stopped,
        Err(error) => {
            tracing::error!(%error, "signals cannot be watched for");
            return ExitCode::FAILURE;
        }
    };
    let place = lifecycle::Environment {
        runtime_api: lambda.runtime_api.clone(),
        name: file_name(),
        managed_instances: lambda.managed_instances,
        snap_start: environment.text("AWS_LAMBDA_INITIALIZATION_TYPE") == Some("snap-start"),
    };
    live(&place, async || Working::begin(environment, loaded?).await, stopped).await
}

/// Lambda knows an extension by the name of the file that it started.
fn file_name() -> String {
    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or(OsStr::new(env!("CARGO_PKG_NAME")));
    name.to_string_lossy().into_owned()
}
