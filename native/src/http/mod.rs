//! HTTP responses, cached: a [`tower`](https://docs.rs/tower) layer for axum, `lambda_http`, and whatever else makes
//! responses of requests. Needs the feature `http`.
//!
//! Many equal requests make one call of the handler; its response serves the next ones for its time
//! to live; and a change that is written to the stream drops it everywhere.
//!
//! ```
//! use std::time::Duration;
//! use axum::{Router, extract::Path, routing::get};
//! use snowmelt::{Cache, Invalidation};
//! use snowmelt::http::CacheLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pages = Cache::builder().stream("memory:shop").max_weight(64 << 20).build()?; // at most 64 MiB
//! let layer = CacheLayer::builder(pages.clone()).ttl(Duration::from_secs(60)).build()?;
//!
//! async fn product(Path(id): Path<u32>) -> ([(&'static str, String); 1], String) {
//!     ([("cache-tag", format!("product:{id}"))], format!("<h1>Product {id}</h1>"))
//! }
//! let app: Router = Router::new().route("/products/{id}", get(product)).layer(layer);
//!
//! // Where a product is changed, after the database has committed:
//! pages.invalidate(Invalidation::tags(["product:7"])).await?;
//! # use tower_service::Service;
//! # let mut app = app;
//! # for how in ["miss", "hit"] {
//! #     let request = http::Request::builder().uri("/products/7").body(axum::body::Body::empty())?;
//! #     assert_eq!(app.call(request).await?.headers()["x-cache"], how);
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! With `lambda_http`, which runs axum's routers and functions alike:
//!
//! ```text
//! static PAGES: LazyLock<Cache<HttpResponse>> = LazyLock::new(|| …);
//!
//! #[tokio::main]
//! async fn main() -> Result<(), lambda_http::Error> {
//!     let layer = CacheLayer::builder(PAGES.clone()).ttl(Duration::from_secs(60)).query(Query::Sorted).build()?;
//!     lambda_http::run(layer.layer(service_fn(handler))).await
//! }
//! ```
//!
//! (From events of API Gateway's REST APIs and of load balancers `lambda_http` makes the query's parameters in any
//! order: [sort](CacheLayerBuilder::query) them.)
//!
//! # What is stored
//!
//! What RFC 9111 lets a shared cache store: the response says for how long (`Cache-Control`, `Expires`), or
//! [`ttl`](CacheLayerBuilder::ttl) does for those that say nothing. The policy is the crate [`snowmelt_http`]'s, the same
//! in all languages; its documentation has every rule. In short:
//!
//! - A key is made of method, scheme, host, path and query (`GET http://shop.example/items?page=2`), and of what
//!   options add. So [prefixes](crate::Invalidation::prefixes) name parts of a site.
//! - A response that got its lifetime from `ttl`, and was made for a request without cookies and `Authorization`, is
//!   for such requests only: it may show a login button.
//! - Words of the response headers `Cache-Tag` and `Surrogate-Key` become tags.
//! - `Set-Cookie`, `access-control-*` and rate limits are for the client whose request ran the handler, and are
//!   never replayed. So layers for CORS and sessions belong outside of this one.
//! - Clients get `Age`, an `ETag` (made if there is none), 304 if they have it, `X-Cache` and `Cache-Status`.
//!
//! # What happens to a request
//!
//! - **A hit** is answered at once; the service within is neither cloned nor asked whether it is ready.
//! - **A miss** runs the handler in a task of its own, and all who ask for the same wait for it. A
//!   client that goes away takes nothing from the others. Task-locals that a layer further out has set are not
//!   seen in that task; extensions of the request are.
//! - **If the response is not to be shared**, its own client gets it, streamed if it is long, and who waited
//!   runs the handler itself, all at once. A body over [`max_body`](CacheLayerBuilder::max_body) is never held
//!   whole, and one that does not end within [`body_timeout`](CacheLayerBuilder::body_timeout) is given up. Server-sent events,
//!   gRPC and upgrades pass at once. Responses with trailers are not stored.
//! - **If the handler fails**, with an error, a panic or a 5xx, an old page stands in for it within
//!   [`stale_if_error`](CacheLayerBuilder::stale_if_error). Else its own request fails as it would without the layer, the
//!   panic included, and who waited runs the handler itself.
//! - **An old page** is served within [`stale_while_revalidate`](CacheLayerBuilder::stale_while_revalidate) while one request
//!   refreshes it. That one waits, unless the cache has a [`wait_until`](crate::Builder::wait_until).
//! - **What is not looked up** (unsafe methods, bodies, upgrades) goes to the handler in the request's own task.
//!
//! The scheme is the URI's, or `http`; the host is the URI's or the `Host` header's. A request in which they differ
//! is not looked up. If a handler makes its pages from other headers (`X-Forwarded-Host`), let it say so with
//! `Vary`, or name them in [`key_headers`](CacheLayerBuilder::key_headers).

mod body;
mod builder;
mod flow;
mod future;
mod handler;
mod head;
mod layer;
mod rules;
mod service;
mod value;
mod work;

pub use body::CacheBody;
pub use builder::CacheLayerBuilder;
pub use future::CacheFuture;
pub use handler::Handler;
pub use layer::{AsTheyAre, CacheLayer, ReadAhead};
pub use service::CacheService;
pub use snowmelt_http::{Query, Ttl};
pub use value::HttpResponse;
