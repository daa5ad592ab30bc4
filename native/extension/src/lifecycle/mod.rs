//! The Extensions API: register, invocations, shutdown.

/// Runs the extension until it is shut down.
pub fn run() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
