//! Reads of what is not kept.

use super::wanted::Wanted;
use super::{Answers, Outcome};
use snowmelt::host::Arrival;

impl Answers {
    /// Reads what is never stored: its lifetime is over when it comes, so that
    /// the cache gives it to those only who came before its call began. A
    /// refresh makes a call of its own.
    pub(super) async fn unkept(&self, mut wanted: Wanted, arrival: Arrival) -> Outcome {
        if wanted.how.refresh_now {
            return Ok(self.bring(&wanted).await?.map(|loaded| loaded.value));
        }
        wanted.how.ttl = std::time::Duration::ZERO;
        self.load(wanted, arrival).await
    }
}
