//! Reads of what is not kept.

use super::wanted::Wanted;
use super::{Answers, Outcome};
use snowmelt::host::Arrival;

impl Answers {
    /// Reads what is never stored: with a lifetime of 0 the cache shares it with
    /// those who wait for it, and of them only those may have it who came
    /// before its call began. A refresh makes a call of its own.
    pub(super) async fn unkept(&self, mut wanted: Wanted, arrival: Arrival) -> Outcome {
        if wanted.how.refresh_now {
            return Ok(self.bring(&wanted).await?.map(|loaded| loaded.value));
        }
        wanted.how.ttl = std::time::Duration::ZERO;
        self.refresh(wanted, arrival).await
    }
}
