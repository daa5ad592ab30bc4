//! Loads: one for each key, by the cache's leases.

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;

use snowmelt::host::{Arrival, LoadEnd};
use snowmelt::{Begin, Joined, Lease};
use tracing::Instrument;

use super::failure::Failure;
use super::stored::Stored;
use super::wanted::Wanted;
use super::{Answers, Outcome};

/// Why a load brought no value, for those who waited for it.
struct Lack(Result<(), Failure>);

impl Lack {
    fn outcome(&self) -> Outcome {
        self.0.clone().map(|()| None)
    }
}

impl Answers {
    /// Loads what a reader who came at `arrival` did not find.
    pub(super) async fn load(&self, wanted: Wanted, arrival: Arrival) -> Outcome {
        loop {
            let joined = match self.cache.find_or_begin(&wanted.key, arrival)? {
                ControlFlow::Break(stored) => return Ok(Some(stored)),
                ControlFlow::Continue(Begin::Lead(lease)) => return self.lead(lease, wanted).await,
                ControlFlow::Continue(Begin::Join(joined)) => joined,
            };
            if let Some(outcome) = landed(&joined).await {
                return outcome;
            }
        }
    }

    /// Loads anew, whatever there is: a load counts that began when the reader
    /// had come. One that is under way by then has the key's lease, and has to
    /// end first; all who wait for that share the next.
    pub(super) async fn refresh(&self, wanted: Wanted, arrival: Arrival) -> Outcome {
        loop {
            let joined = match self.cache.begin(&wanted.key)? {
                Begin::Lead(lease) => return self.lead(lease, wanted).await,
                Begin::Join(joined) => joined,
            };
            let outcome = landed(&joined).await;
            if let Some(outcome) = outcome.filter(|_| arrival.accepts(joined.id())) {
                return outcome;
            }
        }
    }

    /// Loads as a task of its own: the reader may go away, and those who joined
    /// still get the value.
    async fn lead(&self, lease: Lease<Stored>, wanted: Wanted) -> Outcome {
        let this = self.clone();
        let load = async move { this.led(lease, wanted).await };
        tokio::spawn(load.in_current_span()).await.unwrap_or(Err(Failure::Interrupted))
    }

    async fn led(&self, lease: Lease<Stored>, wanted: Wanted) -> Outcome {
        let fail = |lease: Lease<Stored>, lack| {
            let lack: Arc<dyn Any + Send + Sync> = Arc::new(Lack(lack));
            lease.fail(lack);
        };
        match self.bring(&wanted).await {
            Ok(Some(loaded)) => {
                let stored = loaded.value.clone();
                lease.fill(loaded);
                Ok(Some(stored))
            }
            Ok(None) => {
                fail(lease, Ok(()));
                // What was there is gone.
                self.cache.delete(&wanted.key);
                Ok(None)
            }
            Err(failure) => {
                fail(lease, Err(failure.clone()));
                Err(failure)
            }
        }
    }
}

/// What somebody else's load brought for this reader; `None` if it has to load
/// itself.
async fn landed(joined: &Joined<Stored>) -> Option<Outcome> {
    joined.land().await;
    match joined.end() {
        LoadEnd::Loaded(stored) => Some(Ok(Some(stored))),
        LoadEnd::Failed(lack) => lack.downcast_ref::<Lack>().map(Lack::outcome),
        _ => None,
    }
}
