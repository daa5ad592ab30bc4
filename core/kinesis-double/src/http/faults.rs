//! Faults that a test switches on, by rules.

use std::time::Duration;

/// What a fault does to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// This HTTP status, as `InternalFailure` or `ServiceUnavailable`; the
    /// operation is not carried out.
    Status(u16),
    /// The operation is carried out, half of the answer is sent, and the
    /// connection is reset.
    Reset,
    /// The operation is carried out at once, and its answer held back.
    Delay(Duration),
    /// Refused as a quota would: `LimitExceededException` for `ListShards`,
    /// `ProvisionedThroughputExceededException` for all others.
    Throttle,
    /// Refused with `AccessDeniedException`.
    AccessDenied,
    /// Refused with this code and status 400.
    Error(String),
    /// Each n-th record of a `PutRecords` is refused, the others are put.
    RefuseRecords(usize),
    /// The `Date` header is wrong by so many milliseconds.
    DateSkew(i64),
    /// `GetRecords` answers with this `MillisBehindLatest`.
    MillisBehind(u64),
    /// `GetRecords` delivers each record twice, under the same number.
    Duplicates,
    /// The operation is carried out, and the body (status 200) is no JSON.
    Garbage,
}

impl Effect {
    /// Whether the effect decides the whole answer. Of those, one call meets
    /// only the first, so that rules make a queue; the others add up.
    fn decides(&self) -> bool {
        !matches!(
            self,
            Self::Delay(_)
                | Self::RefuseRecords(_)
                | Self::DateSkew(_)
                | Self::MillisBehind(_)
                | Self::Duplicates
        )
    }
}

/// Which calls a fault meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    /// The operation, such as `GetRecords`; `None`: every one.
    pub operation: Option<String>,
    /// How many matching calls are spared first.
    pub skip: u32,
    /// How many are met then; `None`: all until the faults are cleared.
    pub count: Option<u32>,
    /// What happens to them.
    pub effect: Effect,
}

impl FaultRule {
    /// The effect on every call of the operation until the faults are cleared.
    pub fn always(operation: &str, effect: Effect) -> Self {
        Self { operation: Some(operation.to_owned()), skip: 0, count: None, effect }
    }

    /// The effect on the next `count` calls of the operation.
    pub fn next(operation: &str, count: u32, effect: Effect) -> Self {
        Self { count: Some(count), ..Self::always(operation, effect) }
    }

    /// The effect on every call of every operation until the faults are cleared.
    pub fn everywhere(effect: Effect) -> Self {
        Self { operation: None, skip: 0, count: None, effect }
    }

    /// The same, sparing the first `skip` matching calls.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    fn matches(&self, operation: &str) -> bool {
        self.count != Some(0) && self.operation.as_deref().is_none_or(|o| o == operation)
    }
}

/// The rules in force, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<FaultRule>,
}

impl Faults {
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The effects on one call, counted down.
    pub(super) fn meet(&mut self, operation: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut decided = false;
        for rule in &mut self.rules {
            if !rule.matches(operation) || (decided && rule.effect.decides()) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            decided |= rule.effect.decides();
            rule.count = rule.count.map(|count| count - 1);
            effects.push(rule.effect.clone());
        }
        self.rules.retain(|rule| rule.count != Some(0));
        effects
    }
}
