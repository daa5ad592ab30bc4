//! A small web service: rows of a `SQLite` file, cached in memory, with any
//! number of instances that keep each other honest through a stream.
//!
//! ```text
//! GET  /users/{id}   a user; with the header `snowmelt-position` at least as new as that write
//! PUT  /users/{id}   {"name":"…","email":"…"}; answers with the header `snowmelt-position`
//! GET  /stats        what this instance's cache did
//! ```

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use tokio::net::TcpListener;

mod api;
mod database;
mod users;

use database::Database;
use users::Users;

/// What the service reads from its environment.
struct Settings {
    /// `SNOWMELT_STREAM`: the stream's name or ARN. Must be set.
    stream: String,
    /// `DATABASE`: the `SQLite` file, made if it is not there. Default
    /// `users.db`.
    database: String,
    /// `PORT`: where to listen on the loopback. Default 8080; 0 for a free one.
    port: u16,
}

impl Settings {
    fn from_env() -> Result<Self, Box<dyn Error>> {
        let variable = |name: &str| std::env::var(name).ok();
        let port = variable("PORT").unwrap_or_else(|| "8080".into());
        Ok(Self {
            // Not set is not "none": the cache says what to do about it.
            stream: variable("SNOWMELT_STREAM").unwrap_or_default(),
            database: variable("DATABASE").unwrap_or_else(|| "users.db".into()),
            port: port.parse().map_err(|_| format!("PORT is {port:?}: give a number from 0 to 65535"))?,
        })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("snowmelt-rust-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let database = Database::open(&settings.database)?;
    let users = Users::new(&settings.stream, database)?;
    // The cache follows the stream by itself, so that no request waits for it.
    let _follower = users.follow().await;

    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, settings.port))).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, api::router(users)).with_graceful_shutdown(stopped()).await?;
    Ok(())
}

/// Ctrl-C, or what a container's supervisor sends.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
