//! One catch-up, from its first call to its outcome.

use alloc::string::String;
use core::time::Duration;

use super::call::CallErrorKind;
use crate::time::Time;

/// Names a catch-up; later ones have larger numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CatchUpId(pub(crate) u64);

impl CatchUpId {
    /// Its number, for hosts that keep it as one.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The id that has this number. One that was never given out has no
    /// outcome.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// How a catch-up ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The tip of every followed shard was reached; or a gap emptied the
    /// cache, which is as good.
    Succeeded,
    /// The stream throttled: the fleet uses up the quota.
    Throttled,
    /// The stream could not be read.
    Failed {
        /// What kind of failure it was.
        kind: CallErrorKind,
        /// Cause and remedy.
        message: String,
    },
    /// The budget was used up. What was read by then counts.
    OutOfBudget,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not a state")]
pub(super) struct Attempt {
    pub(super) id: CatchUpId,
    /// Every followed shard is to be verified at or after this: the start.
    pub(super) target: Time,
    pub(super) deadline: Time,
    /// The number of its first call. A shard counts as verified by an answer
    /// to this call or a later one: times alone cannot tell apart what
    /// happened within one millisecond.
    pub(super) first_call: u64,
    /// Whether any call was throttled.
    pub(super) throttled: bool,
    /// The first failure, if there was one.
    pub(super) failure: Option<(CallErrorKind, String)>,
    /// Whether the list of shards was read in this attempt.
    pub(super) listed: bool,
    /// Whether the list of shards was begun anew in this attempt.
    pub(super) relisted: bool,
    /// Whether the list of shards cannot be had in this attempt.
    pub(super) list_blocked: bool,
}

impl Attempt {
    pub(super) fn new(id: u64, first_call: u64, now: Time, budget: Duration) -> Self {
        Self {
            id: CatchUpId(id),
            target: now,
            deadline: now + budget,
            first_call,
            throttled: false,
            failure: None,
            listed: false,
            relisted: false,
            list_blocked: false,
        }
    }

    pub(super) fn fail(&mut self, kind: CallErrorKind, message: String) {
        self.failure.get_or_insert((kind, message));
    }

    /// How it ends if nothing more can be called.
    pub(super) fn stuck(&self) -> Outcome {
        match &self.failure {
            Some((kind, message)) => Outcome::Failed { kind: *kind, message: message.clone() },
            None if self.throttled => Outcome::Throttled,
            None => Outcome::OutOfBudget,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_number() {
        for number in [0, 17, u64::MAX] {
            assert_eq!(CatchUpId::from_number(number).number(), number);
        }
        assert!(CatchUpId::from_number(1) < CatchUpId::from_number(2));
    }
}
