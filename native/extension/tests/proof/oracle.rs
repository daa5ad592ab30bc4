//! What an answer may be, by the contract: the judge of a run with many readers
//! and a writer.
//!
//! The writer makes version after version of each thing: it changes the origin,
//! then puts the change's record on the stream. A version is *told* when the
//! stream has acknowledged that record: from then on whoever reads the stream
//! reads it.
//!
//! Let a reader send its request at `asked`, and be answered with version `v`. By
//! the contract one of these holds:
//!
//! - It was served from the cache. Then at the read the last catch-up was not
//!   further back than `catch_up_every`, or one was waited for (its budget here
//!   is far beyond what one takes, and that none has failed is asserted). That
//!   catch-up began at `asked - catch_up_every` or later, and read, and applied,
//!   every record that had been told by then (line 1). A fill whose load began
//!   before that was refused (line 2). So `v + 1` was told no earlier than
//!   `asked - catch_up_every`.
//! - It was loaded for this reader, by a load that began after it had asked.
//!   Then the origin had no version newer than `v` at that time, so that `v + 1`
//!   was told after `asked`.
//! - The reader joined a load that was under way when it came (line 9). Then a
//!   call to the origin that was answered with `v` had not reached the cache by
//!   `asked`.
//!
//! So an answer is stale if `v + 1` was told before `asked - catch_up_every`, and
//! no call that brought `v` was on its way then. To the first bound comes what the
//! clocks' ticks may take, to the second what an answer takes from the origin's
//! socket to the cache ([`TICK`], [`WAY`]).
//!
//! The first catch-up of a cache is put off by up to `catch_up_every` more, so that
//! a fleet that starts together spreads: answers from before that are not judged.
//!
//! Nothing is subtracted for slowness of the machine: whatever is slow makes the
//! time between `asked` and the answer longer, which counts for nothing here.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::origin::Served;

/// The cache's clock goes in steps of some milliseconds, and so do its times.
const TICK: Duration = Duration::from_millis(20);
/// From the origin's socket to the cache.
const WAY: Duration = Duration::from_millis(200);

/// An answer that was read.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Before the request was sent.
    pub(crate) asked: Instant,
}

/// A thing's versions; the first is there from the start.
#[derive(Debug, Default)]
struct Versions(Vec<Version>);

#[derive(Debug)]
struct Version {
    value: String,
    /// Before its record was put.
    put: Instant,
    told: Instant,
}

/// Hears what was written and what was answered, and judges.
#[derive(Default)]
pub(crate) struct Oracle {
    versions: Mutex<HashMap<String, Versions>>,
    answers: Mutex<Vec<Answer>>,
}

/// An answer that the contract does not allow.
#[derive(Debug)]
#[expect(dead_code, reason = "printed")]
pub(crate) struct Stale {
    answer: Answer,
    /// How long before `asked` the next version was told.
    late: Duration,
}

impl Oracle {
    /// A version was made, and told of: its record was put at `put` or later,
    /// and can be read by now.
    pub(crate) fn told(&self, name: &str, value: &str, put: Instant) {
        self.note(name, Version { value: value.to_owned(), put, told: Instant::now() });
    }

    fn note(&self, name: &str, version: Version) {
        let mut versions = self.versions.lock().expect("no panic under the lock");
        versions.entry(name.to_owned()).or_default().0.push(version);
    }

    pub(crate) fn answered(&self, answer: Answer) {
        self.answers.lock().expect("no panic under the lock").push(answer);
    }

    pub(crate) fn answers(&self) -> usize {
        self.answers.lock().expect("no panic under the lock").len()
    }

    /// The answers that are older than `every` allows. `served` is what the
    /// origins were asked for.
    pub(crate) fn stale(&self, every: Duration, served: &HashMap<String, Vec<Served>>) -> Vec<Stale> {
        let versions = self.versions.lock().expect("no panic under the lock");
        let answers = self.answers.lock().expect("no panic under the lock");
        let judged = answers.iter().map(|answer| answer.asked).min().map(|first| first + every * 2);
        let judge = |answer: &Answer| {
            let next = versions[&answer.name].next(&answer.value)?;
            let late = answer.asked.checked_duration_since(next)?;
            let calls = served.get(&answer.name).map_or(&[][..], Vec::as_slice);
            let under_way =
                calls.iter().any(|call| call.value == answer.value && call.on_its_way(answer.asked));
            (late > every + TICK && !under_way).then(|| Stale { answer: answer.clone(), late })
        };
        answers.iter().filter(|answer| Some(answer.asked) > judged).filter_map(judge).collect()
    }

    /// Loads that ran side by side with another of the same thing although
    /// nothing had been invalidated since that one began: a reader of a missing
    /// thing joins the load that is under way (line 9), unless an invalidation
    /// revoked it. That is applied within `lag` of being told.
    pub(crate) fn side_by_side(&self, lag: Duration, served: &HashMap<String, Vec<Served>>) -> Vec<String> {
        let versions = self.versions.lock().expect("no panic under the lock");
        let mut found = Vec::new();
        for (name, calls) in served {
            for (at, call) in calls.iter().enumerate() {
                let revoked = |first: &Served| {
                    let mut changes = versions[name].0.iter();
                    changes.any(|change| change.told + lag > first.read && change.put < call.read)
                };
                let before = calls[..at].iter();
                let together = before.filter(|first| first.answered.is_none_or(|end| end > call.read));
                if let Some(first) = together.into_iter().find(|first| !revoked(first)) {
                    found.push(format!("{name}: {call:?} beside {first:?}"));
                }
            }
        }
        found
    }
}

impl Versions {
    /// When the version after this one was told; `None` if it is the newest.
    fn next(&self, value: &str) -> Option<Instant> {
        // A value that is not told yet is newer than all of them.
        let at = self.0.iter().position(|version| version.value == value)?;
        self.0.get(at + 1).map(|version| version.told)
    }
}

impl Served {
    fn on_its_way(&self, at: Instant) -> bool {
        self.read <= at && self.answered.is_none_or(|answered| answered + WAY >= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(250);

    /// A moment of these tests, in milliseconds.
    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    fn version(value: &str, told: Instant) -> Version {
        Version { value: value.to_owned(), put: told, told }
    }

    fn call(read: Instant, answered: Instant) -> Served {
        Served { value: "1".into(), read, answered: Some(answered) }
    }

    #[test]
    fn what_is_old_is_stale_unless_a_load_was_on_its_way() {
        let (oracle, start) = (Oracle::default(), Instant::now());
        oracle.note("a", version("1", start));
        oracle.note("a", version("2", at(start, 1_000)));
        let ask = |value: &str, asked: u64| {
            let asked = at(start, asked);
            oracle.answered(Answer { name: "a".into(), value: value.into(), asked });
        };
        let judge = |call: Option<Served>| {
            oracle.stale(EVERY, &HashMap::from([("a".to_owned(), call.into_iter().collect())])).len()
        };
        // The newest, one that is not told yet, and one within the bound.
        ask("2", 0);
        ask("2", 9_000);
        ask("3", 9_000);
        ask("1", 1_260);
        assert_eq!(judge(None), 0);
        ask("1", 1_600);
        assert_eq!(judge(None), 1);
        assert_eq!(judge(Some(call(at(start, 990), at(start, 1_700)))), 0, "the load had not ended");
        assert_eq!(judge(Some(call(at(start, 990), at(start, 1_300)))), 1, "the load had");
    }

    #[test]
    fn loads_side_by_side_need_an_invalidation() {
        let (oracle, start) = (Oracle::default(), Instant::now());
        oracle.note("a", version("1", start));
        let judge = |calls: [(u64, u64); 2]| {
            let calls = calls.map(|(read, end)| call(at(start, read), at(start, end)));
            oracle
                .side_by_side(Duration::from_secs(1), &HashMap::from([("a".to_owned(), calls.into())]))
                .len()
        };
        assert_eq!(judge([(5_000, 5_010), (5_010, 5_020)]), 0, "one after the other");
        assert_eq!(judge([(5_000, 5_010), (5_005, 5_020)]), 1);
        oracle.note("a", version("2", at(start, 5_002)));
        assert_eq!(judge([(5_000, 5_010), (5_005, 5_020)]), 0, "an invalidation was told between the two");
        assert_eq!(judge([(6_500, 6_510), (6_505, 6_520)]), 1, "it was applied long ago");
        assert_eq!(judge([(4_000, 5_000), (4_500, 5_100)]), 1, "it was told later");
    }
}
