//! A stream that does what the test says, and a cache on it whose time the
//! test moves.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use snowmelt::stream::memory::MemoryStream;
use snowmelt::stream::{CallFuture, Stream};
use snowmelt::{Builder, Cache, ManualClock};
use snowmelt_core::follower::{Answer, CallError, CallErrorKind, Request};
use snowmelt_core::writer::{Put, PutAnswer, PutOutcome};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Pass,
    Delay(Duration),
    Fail(CallErrorKind),
    /// It is never answered.
    Hang,
    /// That many records of a put are refused, the first ones.
    Refuse(usize),
}

/// A memory stream behind a script.
pub(crate) struct Scripted {
    inner: MemoryStream,
    /// Applied to calls in their order; then `always`.
    script: Mutex<VecDeque<Effect>>,
    always: Mutex<Effect>,
    calls: Mutex<Vec<&'static str>>,
    forgotten: AtomicUsize,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

impl Scripted {
    pub(crate) fn over(inner: MemoryStream) -> Arc<Self> {
        Arc::new(Self {
            inner,
            script: Mutex::default(),
            always: Mutex::new(Effect::Pass),
            calls: Mutex::default(),
            forgotten: AtomicUsize::new(0),
        })
    }

    pub(crate) fn always(&self, effect: Effect) {
        *self.always.lock().unwrap() = effect;
    }

    pub(crate) fn next(&self, effects: impl IntoIterator<Item = Effect>) {
        self.script.lock().unwrap().extend(effects);
    }

    /// The calls since the last look.
    pub(crate) fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    pub(crate) fn forgotten(&self) -> usize {
        self.forgotten.load(Ordering::SeqCst)
    }

    fn effect(&self, call: &'static str) -> Effect {
        self.calls.lock().unwrap().push(call);
        self.script.lock().unwrap().pop_front().unwrap_or(*self.always.lock().unwrap())
    }
}

async fn suffer(effect: Effect) -> Result<(), CallError> {
    match effect {
        Effect::Pass | Effect::Refuse(_) => Ok(()),
        Effect::Delay(time) => {
            tokio::time::sleep(time).await;
            Ok(())
        }
        Effect::Fail(kind) => Err(CallError { kind, message: format!("scripted {kind:?}"), date: None }),
        Effect::Hang => std::future::pending().await,
    }
}

impl Stream for Scripted {
    fn call(&self, request: Request) -> CallFuture<Answer> {
        let effect = self.effect(match request {
            Request::ListShards(_) => "ListShards",
            Request::ShardIterator { .. } => "GetShardIterator",
            Request::Records { .. } => "GetRecords",
        });
        let call = self.inner.call(request);
        Box::pin(async move {
            suffer(effect).await?;
            call.await
        })
    }

    fn put(&self, mut put: Put) -> CallFuture<PutAnswer> {
        let effect = self.effect("PutRecords");
        let refused = if let Effect::Refuse(count) = effect { count.min(put.records.len()) } else { 0 };
        put.records.drain(..refused);
        let inner = self.inner.clone();
        Box::pin(async move {
            suffer(effect).await?;
            let mut answer = PutAnswer { date: None, outcomes: Vec::new() };
            if !put.records.is_empty() {
                answer = inner.put(put).await?;
            }
            let refusal = PutOutcome::Refused {
                code: "ProvisionedThroughputExceededException".into(),
                message: "scripted".into(),
            };
            answer.outcomes.splice(0..0, std::iter::repeat_n(refusal, refused));
            Ok(answer)
        })
    }

    fn forget_connections(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }

    fn name(&self) -> &str {
        self.inner.name()
    }
}

/// A cache, its stream and its clock.
pub(crate) struct Sandbox<V: Clone + Send + Sync + 'static> {
    pub(crate) cache: Cache<V>,
    pub(crate) stream: Arc<Scripted>,
    pub(crate) clock: Arc<ManualClock>,
}

/// One sandbox on a stream of its own.
pub(crate) fn sandbox<V: Clone + Send + Sync + 'static>() -> Sandbox<V> {
    sandbox_with(|builder| builder)
}

pub(crate) fn sandbox_with<V: Clone + Send + Sync + 'static>(
    options: impl FnOnce(Builder<V>) -> Builder<V>,
) -> Sandbox<V> {
    let clock = ManualClock::new();
    let wall = Arc::clone(&clock);
    let stream = MemoryStream::new().with_clock(Arc::new(move || wall.wall_millis()));
    join(&clock, &stream, options)
}

impl<V: Clone + Send + Sync + 'static> Sandbox<V> {
    /// Another sandbox on the same stream.
    pub(crate) fn sibling(&self) -> Self {
        join(&self.clock, &self.stream.inner, |builder| builder)
    }

    /// Lets that many seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn join<V: Clone + Send + Sync + 'static>(
    clock: &Arc<ManualClock>,
    stream: &MemoryStream,
    options: impl FnOnce(Builder<V>) -> Builder<V>,
) -> Sandbox<V> {
    let stream = Scripted::over(stream.clone());
    let builder = Cache::builder().stream_transport(Arc::clone(&stream) as Arc<dyn Stream>);
    let cache = options(builder.clock(Arc::clone(clock)).seed(7)).build().unwrap();
    Sandbox { cache, stream, clock: Arc::clone(clock) }
}
