//! Faults that the tests switch on, to see that they are found.
//!
//! Each mutant breaks one line of the contract at the place that keeps it.
//! The simulation has to notice every one of them (`tests/mutants.rs`).
//! Outside this crate's own tests [`active`] is constantly false, and the
//! compiler removes the places that ask.

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mutant {
    /// Line 1: after an empty answer the position becomes "now".
    PositionForgotten,
    /// Line 1: a time is used as a position without the margin.
    NoMargin,
    /// Line 1: a child shard is read from now on, not from its beginning.
    ChildAtLatest,
    /// Line 1: children are counted as verified when they are found.
    ChildVerifiedAtOnce,
    /// Line 1: any empty answer is taken for the tip.
    EmptyIsTip,
    /// Line 1: an answer at the tip verifies the time it came, not the time
    /// it was asked for.
    VerifiedOnArrival,
    /// Line 1: following begins at the present, not at the oldest load.
    AnchorNow,
    /// Line 2: a late fill is stored, whatever was invalidated.
    StaleFill,
    /// Line 2: a late fill's tags are not checked.
    TagsUnfenced,
    /// Line 2: prefixes are not logged for late fills.
    PrefixUnfenced,
    /// Line 2: `settle` is ignored.
    SettleIgnored,
    /// Line 3: the hard bound is ignored.
    NoHardBound,
    /// Line 3: what is past its lifetime is served past the hard bound, though
    /// no load failed.
    StalePastMaxLag,
    /// Line 3: what only a failed load excuses is said to be within its window.
    RescueUnsaid,
    /// Line 3: a failed load excuses any lag.
    RescueAnyLag,
    /// Line 4: a gap leaves what is past its lifetime.
    GapKeepsStale,
    /// Line 4: a position older than the retention is not a gap.
    RetentionIgnored,
    /// Line 4: fingerprints are not compared.
    FingerprintIgnored,
    /// Line 4: a gap leaves live leases alone.
    GapKeepsLeases,
    /// Line 4: a skewed clock is not a gap.
    SkewIgnored,
    /// Line 5: calls are made with nothing cached.
    CallsWhenCold,
    /// Line 5: the position moves past what is within its stale windows.
    WindowsOutsideFloor,
    /// Line 6: answers of an earlier epoch are taken.
    OldEpochTaken,
    /// Line 7: a poison record stops the records behind it.
    PoisonStops,
    /// Line 7: a record of a newer version is skipped.
    NewerSkipped,
    /// Line 8: a lifetime runs from the fill.
    LifeFromFill,
    /// Line 8: a stale window does not end.
    WindowEndless,
    /// Line 8: an invalidation leaves what is past its lifetime.
    InvalidationKeepsStale,
    /// Line 8: a lifetime of 0 is none.
    ZeroKept,
    /// Line 8: what is not there lives as long as any other value.
    AbsentLivesOn,
    /// Line 8: a freeze does not count as time.
    FreezeIgnored,
    /// Line 9: a second lease is given out beside a live one.
    TwoLeases,
    /// Line 9: two readers refresh one value at once.
    TwoRefreshers,
    /// Line 9: a freeze does not revoke the loads it cut.
    FreezeKeepsLeases,
    /// Line 10: leases are unbounded.
    LeasesUnbounded,
    /// Line 10: the fence log is unbounded.
    FencesUnbounded,
    /// Line 11: an own invalidation is left to the stream.
    NoLocalRemoval,
    /// Line 11: refused records are dropped in place of sent again.
    RefusedDropped,
}

/// Whether this fault is switched on.
#[cfg(not(test))]
#[inline]
pub(crate) const fn active(_: Mutant) -> bool {
    false
}

#[cfg(test)]
pub(crate) use switch::{active, with};

#[cfg(test)]
mod switch {
    use super::Mutant;
    use core::cell::Cell;

    std::thread_local! {
        static ACTIVE: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Whether this fault is switched on in this thread.
    pub(crate) fn active(mutant: Mutant) -> bool {
        ACTIVE.get() == Some(mutant)
    }

    /// Runs something with a fault switched on.
    pub(crate) fn with<R>(mutant: Option<Mutant>, run: impl FnOnce() -> R) -> R {
        struct Restore(Option<Mutant>);
        impl Drop for Restore {
            fn drop(&mut self) {
                ACTIVE.set(self.0);
            }
        }
        let _restore = Restore(ACTIVE.replace(mutant));
        run()
    }
}
