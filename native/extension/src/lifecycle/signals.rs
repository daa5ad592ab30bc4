//! The signals that end the process.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Watches for SIGTERM and SIGINT from now on; what it gives ends when one
/// came.
///
/// # Errors
///
/// When the system refuses to watch.
pub fn stop() -> io::Result<impl Future<Output = &'static str>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
