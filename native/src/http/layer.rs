//! The layer.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use tower_layer::Layer;

use crate::cache::Cache;

use super::builder::CacheLayerBuilder;
use super::rules::Rules;
use super::service::CacheService;
use super::value::HttpResponse;

/// Request bodies go to the handler as they are: it is a service for the same
/// requests as the layer's.
#[derive(Clone, Copy, Debug)]
pub struct AsTheyAre;

/// Request bodies may be read before the handler is run: it is a service for requests with a
/// [`CacheBody`](super::CacheBody).
#[derive(Clone, Copy, Debug)]
pub struct ReadAhead;

/// Caches the responses of a tower service; see the [module's](super) documentation.
///
/// Clones share everything, and so do layers on the same cache.
pub struct CacheLayer<M = AsTheyAre> {
    rules: Arc<Rules>,
    bodies: PhantomData<fn() -> M>,
}

impl CacheLayer {
    /// With the default options: what is stored is what responses say themselves, and the windows for old ones
    /// are the cache's.
    pub fn new(cache: Cache<HttpResponse>) -> Self {
        Self::builder(cache).unchanged()
    }

    /// Describes a layer; end with [`CacheLayerBuilder::build`].
    pub fn builder(cache: Cache<HttpResponse>) -> CacheLayerBuilder {
        CacheLayerBuilder::new(cache)
    }
}

impl<M> CacheLayer<M> {
    pub(super) fn of(rules: Rules) -> Self {
        Self { rules: Arc::new(rules), bodies: PhantomData }
    }
}

impl<M> Clone for CacheLayer<M> {
    fn clone(&self) -> Self {
        Self { rules: Arc::clone(&self.rules), bodies: PhantomData }
    }
}

impl<M> fmt::Debug for CacheLayer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayer").field("cache", &self.rules.cache).finish_non_exhaustive()
    }
}

impl<S, M> Layer<S> for CacheLayer<M> {
    type Service = CacheService<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        CacheService::new(inner, Arc::clone(&self.rules))
    }
}
