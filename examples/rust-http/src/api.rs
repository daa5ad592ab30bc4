//! The shop's requests, and the layer in front of them: everything that has to do with Snowmelt.

use std::error::Error;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use snowmelt::http::{CacheLayer, HttpResponse, Ttl};
use snowmelt::{Cache, Invalidation};

use crate::shop::{Product, Shop};

/// What the handlers share.
#[derive(Clone)]
struct Service {
    shop: Shop,
    pages: Cache<HttpResponse>,
}

pub(crate) fn router(stream: &str, shop: Shop) -> Result<Router, Box<dyn Error>> {
    // At most 64 MiB of pages. An old one may stand in for one that cannot be made.
    let pages = Cache::builder()
        .stream(stream)
        .namespace("rust-http")
        .max_weight(64 << 20)
        .stale_if_error(Duration::from_secs(600))
        .build()?;
    let layer = CacheLayer::builder(pages.clone())
        .ttl(Ttl::of(Duration::from_secs(60)).status(404, Duration::from_secs(5)))
        .drop_query(["utm_*"])
        .build()?;
    Ok(Router::new()
        .route("/products", get(list))
        .route("/products/{id}", get(product))
        // What is added before the layer is behind it.
        .layer(layer)
        .route("/products/{id}/price", put(set_price))
        .route("/stats", get(stats))
        .with_state(Service { shop, pages }))
}

async fn product(State(service): State<Service>, Path(id): Path<u32>) -> Response {
    match service.shop.product(id).await {
        Some(product) => {
            ([("cache-tag", tags(std::slice::from_ref(&product)))], Json(product)).into_response()
        }
        None => (StatusCode::NOT_FOUND, "there is no such product\n").into_response(),
    }
}

#[derive(Deserialize)]
struct Filter {
    tag: Option<String>,
}

async fn list(State(service): State<Service>, Query(filter): Query<Filter>) -> Response {
    let products = service.shop.products(filter.tag.as_deref()).await;
    ([("cache-tag", tags(&products))], Json(products)).into_response()
}

/// A page is dropped with each product that it shows.
fn tags(products: &[Product]) -> String {
    products.iter().map(|product| format!("product:{}", product.id)).collect::<Vec<_>>().join(",")
}

/// First the database, then the stream.
async fn set_price(State(service): State<Service>, Path(id): Path<u32>, Json(price): Json<f64>) -> Response {
    if !service.shop.set_price(id, price) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match service.pages.invalidate(Invalidation::tags([format!("product:{id}")])).await {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("saved, but not announced: {error}\n")).into_response()
        }
    }
}

async fn stats(State(service): State<Service>) -> Response {
    let stats = service.pages.stats();
    let told = json!({
        "pages": stats.entries,
        "bytes": service.pages.weight(),
        "hits": stats.hits,
        "misses": stats.misses,
        "coalesced": stats.coalesced,
        "made": service.shop.queries(),
    });
    Json(told).into_response()
}
