//! How one read waits for a load.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::load::UnderWay;

/// Is given what ends when a refresh landed.
pub(crate) type Hook = Arc<dyn Fn(Refreshing) + Send + Sync>;

/// How a read waits for a load, where that differs from the cache's own
/// options; for [`Cache::fetch_with`](crate::Cache::fetch_with).
///
/// ```
/// use std::time::Duration;
/// use snowmelt::FetchOptions;
///
/// let patient = FetchOptions::new().soft_load_timeout(Duration::from_secs(5));
/// let in_the_background = FetchOptions::new().wait_until(drop);
/// ```
#[derive(Clone, Default)]
pub struct FetchOptions {
    pub(crate) soft_load_timeout: Option<Duration>,
    pub(crate) wait_until: Option<Hook>,
    pub(crate) gives_errors: bool,
}

impl FetchOptions {
    /// The cache's own options.
    pub fn new() -> Self {
        Self::default()
    }

    /// See [`Builder::soft_load_timeout`](crate::Builder::soft_load_timeout).
    /// Longer than `load_timeout` is the same as that; zero gives an old value
    /// at once where there is one. Default: the cache's.
    #[must_use]
    pub fn soft_load_timeout(mut self, timeout: Duration) -> Self {
        self.soft_load_timeout = Some(timeout);
        self
    }

    /// See [`Builder::wait_until`](crate::Builder::wait_until). Default: the
    /// cache's.
    #[must_use]
    pub fn wait_until(mut self, hook: impl Fn(Refreshing) + Send + Sync + 'static) -> Self {
        self.wait_until = Some(Arc::new(hook));
        self
    }

    /// A load that fails gives its error, also where an old value could stand
    /// in for it: the caller decides, with
    /// [`Cache::rescue_or`](crate::Cache::rescue_or). For loaders whose errors
    /// do not all mean a failure.
    #[doc(hidden)]
    #[must_use]
    pub fn gives_errors(mut self) -> Self {
        self.gives_errors = true;
        self
    }
}

impl fmt::Debug for FetchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchOptions")
            .field("soft_load_timeout", &self.soft_load_timeout)
            .field("wait_until", &self.wait_until.is_some())
            .finish_non_exhaustive()
    }
}

/// Ends when a refresh landed, well or badly, or when its `load_timeout` is
/// over; see [`Builder::wait_until`](crate::Builder::wait_until).
///
/// The refresh goes on whether this is awaited, dropped or kept. Awaiting it
/// needs a tokio runtime.
pub struct Refreshing(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Refreshing {
    /// Of loads that are under way.
    pub(crate) fn of<V: Clone + Send + Sync + 'static>(loads: Vec<UnderWay<V>>) -> Self {
        Self(Box::pin(async move {
            for load in loads {
                load.landed().await;
            }
        }))
    }
}

impl Future for Refreshing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Refreshing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refreshing")
    }
}
