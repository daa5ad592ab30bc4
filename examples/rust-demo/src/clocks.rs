//! Time, real or moved by hand.

use std::sync::Arc;
use std::time::Duration;

use snowmelt::ManualClock;
use tokio::time::sleep;

pub(crate) enum Clocks {
    Real,
    ByHand {
        /// The clock of the stream and of whoever is never frozen.
        service: Arc<ManualClock>,
        /// Each sandbox has its own.
        sandboxes: Vec<Arc<ManualClock>>,
    },
}

impl Clocks {
    pub(crate) fn by_hand(sandboxes: usize) -> Self {
        let service = ManualClock::new();
        Self::ByHand { service, sandboxes: (0..sandboxes).map(|_| ManualClock::new()).collect() }
    }

    /// Lets time pass while every sandbox is frozen: a sandbox's monotonic
    /// clock stands still meanwhile, and only its wall clock tells.
    pub(crate) async fn freeze(&self, time: Duration) {
        match self {
            Self::Real => sleep(time).await,
            Self::ByHand { service, sandboxes } => {
                service.advance(time);
                for sandbox in sandboxes {
                    sandbox.freeze(time);
                }
            }
        }
    }
}
