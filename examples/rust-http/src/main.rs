//! A shop whose product pages take a while to make: cached, made once however many ask for them, and
//! dropped by tag when a price changes.
//!
//! ```text
//! GET  /products/{id}         a page
//! GET  /products?tag=fruit    a list of them; the order of its parameters matters
//! PUT  /products/{id}/price   a number; drops all pages that show the product
//! GET  /stats                 what the cache did
//! ```

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use tokio::net::TcpListener;

mod api;
mod shop;

use shop::Shop;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("snowmelt-rust-http: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.into());
    let port = variable("PORT", "8080");
    let port: u16 = port.parse().map_err(|_| format!("PORT is {port:?}: give a number from 0 to 65535"))?;
    let app = api::router(&variable("SNOWMELT_STREAM", "memory:shop"), Shop::open())?;

    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(interrupted()).await?;
    Ok(())
}

async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}
