//! Time limits that a freeze does not use up.
//!
//! A sandbox may be frozen in the middle of a call, for longer than any limit.
//! After the thaw its timers are all due at once, though nobody was given the
//! time to answer, and the connection is dead as a rule. So a limit is counted
//! in small steps, and a step that took far longer than it should is a thaw.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, timeout};

/// How finely a limit is counted.
const STEP: Duration = Duration::from_millis(100);

/// A step that takes this much too long was cut by a freeze. (Or by a machine
/// that is very busy, which costs one repeated call.)
const FROZEN: Duration = Duration::from_secs(1);

/// How a bounded call ended.
#[derive(Debug)]
pub(super) struct Ended<T> {
    /// What it returned, if it did in time.
    pub(super) answer: Option<T>,
    /// Whether it was frozen meanwhile.
    pub(super) thawed: bool,
}

/// Waits for `call` until `limit` has passed, or a freeze is over.
pub(super) async fn within<T>(limit: Duration, call: impl Future<Output = T>) -> Ended<T> {
    let mut call = pin!(call);
    let mut left = limit;
    while !left.is_zero() {
        let step = STEP.min(left);
        let began = Moment::now();
        let answer = timeout(step, &mut call).await.ok();
        let passed = began.passed();
        let thawed = passed > step + FROZEN;
        match answer {
            None if thawed => return Ended { answer: None, thawed },
            None => left = left.saturating_sub(passed),
            answer => return Ended { answer, thawed },
        }
    }
    Ended { answer: None, thawed: false }
}

/// A moment on both clocks: a freeze may stop the monotonic one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// The time since then, by the clock that moved further.
    pub(super) fn passed(self) -> Duration {
        // The wall clock was set back: that is no time.
        let wall = self.wall.elapsed().unwrap_or_default();
        self.monotonic.elapsed().max(wall)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn an_answer_comes_through() {
        let ended = within(Duration::from_secs(1), ready(7)).await;
        assert_eq!((ended.answer, ended.thawed), (Some(7), false));
    }

    #[tokio::test]
    async fn a_limit_ends_a_call() {
        let began = Instant::now();
        let ended = within(Duration::from_millis(250), pending::<()>()).await;
        assert!(ended.answer.is_none() && !ended.thawed);
        assert!(began.elapsed() >= Duration::from_millis(250));
    }

    #[tokio::test]
    async fn a_freeze_is_noticed_with_and_without_an_answer() {
        let freeze = || std::thread::sleep(FROZEN + STEP * 2);
        tokio::spawn(async move { freeze() });
        let ended = within(Duration::from_secs(60), pending::<()>()).await;
        assert!(ended.answer.is_none() && ended.thawed);

        let frozen = async {
            tokio::task::yield_now().await;
            freeze();
            7
        };
        let ended = within(Duration::from_millis(500), frozen).await;
        assert_eq!((ended.answer, ended.thawed), (Some(7), true));
    }
}
