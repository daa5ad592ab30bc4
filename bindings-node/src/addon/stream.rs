//! Streams that Rust reaches by itself: the embedded one, and Kinesis.
//!
//! Calls to Kinesis run on one thread of their own, for all caches of the
//! process. Answers go into a queue, and JavaScript is woken to take them: it
//! applies them on its own thread, between two of its own turns.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use napi::bindgen_prelude::{Either, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use serde_json::Value;
use snowmelt::stream::Stream;
use snowmelt::stream::kinesis::{KinesisOptions, KinesisStream as Kinesis};
use snowmelt::stream::memory::MemoryStream as Memory;
use snowmelt_core::codes::INVALID_OPTION;
use snowmelt_core::follower::{CallError, CallErrorKind};
use snowmelt_core::writer::PutAnswer;
use tokio::runtime::{Builder, Handle};

use super::{Core, Result, Write};
use crate::failure::Failure;
use snowmelt_plain::words as plain;

use crate::feed;

/// An answer that came back; taken once.
#[napi]
pub struct Answered {
    ticket: u32,
    ok: bool,
    answer: RefCell<Option<Answer>>,
}

enum Answer {
    Call(feed::Answered),
    Put(std::result::Result<PutAnswer, CallError>),
}

#[napi]
impl Answered {
    #[napi(getter)]
    pub fn ok(&self) -> bool {
        self.ok
    }

    /// 0 if none was given.
    #[napi(getter)]
    pub fn ticket(&self) -> u32 {
        self.ticket
    }
}

impl Answered {
    fn new(ticket: u32, answer: Option<Answer>) -> Self {
        let ok = match &answer {
            Some(Answer::Call((_, answer))) => answer.is_ok(),
            Some(Answer::Put(answer)) => answer.is_ok(),
            None => false,
        };
        Self { ticket, ok, answer: RefCell::new(answer) }
    }

    pub(super) fn take_call(&self) -> Option<feed::Answered> {
        match self.answer.take() {
            Some(Answer::Call(answer)) => Some(answer),
            _ => None,
        }
    }

    pub(super) fn take_put(&self) -> Option<std::result::Result<PutAnswer, CallError>> {
        match self.answer.take() {
            Some(Answer::Put(answer)) => Some(answer),
            _ => None,
        }
    }
}

/// A stream within this process; see `MemoryStream` in `js/binding.ts`.
#[napi]
pub struct MemoryStream {
    stream: Memory,
}

#[napi]
pub fn open_memory(name: String) -> MemoryStream {
    MemoryStream { stream: Memory::named(&name) }
}

#[napi]
impl MemoryStream {
    #[napi(getter)]
    pub fn name(&self) -> String {
        self.stream.name().into()
    }

    #[napi]
    pub fn next(&self, core: &Core) -> Result<Option<Answered>> {
        let Some(call) = core.cache.next_call()? else { return Ok(None) };
        let answer = Answer::Call((call.id, at_once(self.stream.call(call.request))));
        Ok(Some(Answered::new(0, Some(answer))))
    }

    #[napi]
    pub fn put(&self, core: &Core, write: &Write) -> Result<Either<Answered, Value>> {
        Ok(match core.cache.next_put(&write.writing)? {
            Ok(put) => Either::A(Answered::new(0, Some(Answer::Put(at_once(self.stream.put(put)))))),
            Err(otherwise) => Either::B(otherwise),
        })
    }
}

/// The embedded stream answers without waiting for anything.
fn at_once<T>(
    call: impl Future<Output = std::result::Result<T, CallError>>,
) -> std::result::Result<T, CallError> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(failed("the embedded stream did not answer at once")),
    }
}

fn failed(message: &str) -> CallError {
    CallError { kind: CallErrorKind::Failed, message: message.into(), date: None }
}

/// A Kinesis data stream; see `KinesisStream` in `js/binding.ts`.
#[napi]
pub struct KinesisStream {
    stream: Kinesis,
    timeout: Duration,
    inbox: Arc<Queue>,
}

#[napi]
pub fn open_kinesis(
    stream: String,
    region: Option<String>,
    endpoint: Option<String>,
    call_timeout: f64,
    inbox: &Inbox,
) -> Result<KinesisStream> {
    let timeout = plain::duration(call_timeout);
    let mut options = KinesisOptions::default().call_timeout(timeout);
    (options.region, options.endpoint) = (region, endpoint);
    let opened = Kinesis::from_env(&stream, options);
    let stream = opened.map_err(|error| Failure::new(INVALID_OPTION, error.to_string()))?;
    Ok(KinesisStream { stream, timeout, inbox: Arc::clone(&inbox.queue) })
}

#[napi]
impl KinesisStream {
    #[napi(getter)]
    pub fn name(&self) -> String {
        self.stream.name().into()
    }

    #[napi]
    pub fn next(&self, core: &Core) -> Result<Option<u32>> {
        let Some(call) = core.cache.next_call()? else { return Ok(None) };
        let (answer, id) = (self.stream.call(call.request), call.id);
        let timeout = self.timeout;
        Ok(Some(self.inbox.send(async move { Some(Answer::Call((id, bounded(answer, timeout).await))) })))
    }

    #[napi]
    pub fn put(&self, core: &Core, write: &Write) -> Result<Either<u32, Value>> {
        let put = match core.cache.next_put(&write.writing)? {
            Ok(put) => put,
            Err(otherwise) => return Ok(Either::B(otherwise)),
        };
        let (answer, timeout) = (self.stream.put(put), self.timeout);
        Ok(Either::A(self.inbox.send(async move { Some(Answer::Put(bounded(answer, timeout).await)) })))
    }

    /// Its answer is empty.
    #[napi]
    pub fn warm(&self) -> u32 {
        let stream = self.stream.clone();
        self.inbox.send(async move {
            stream.warm().await;
            None
        })
    }

    #[napi]
    pub fn forget(&self) {
        self.stream.forget_connections();
    }
}

/// Ends a call that takes too long. The SDK has the same limit; this one holds
/// whatever the SDK does.
async fn bounded<T>(
    call: impl Future<Output = std::result::Result<T, CallError>>,
    limit: Duration,
) -> std::result::Result<T, CallError> {
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
        let message = format!(
            "the stream did not answer within `call_timeout` ({limit:?}): check that it can be reached from here"
        );
        Err(CallError { kind: CallErrorKind::TimedOut, message, date: None })
    })
}

/// Nothing is handed over: whoever is woken looks into the inbox.
type Wake = ThreadsafeFunction<(), (), (), napi::Status, false, true>;

/// Answers of Kinesis streams that wait to be taken; see `Inbox` in
/// `js/binding.ts`. A process may have many: one for each copy of this package
/// and each of its threads.
#[napi]
pub struct Inbox {
    queue: Arc<Queue>,
}

struct Queue {
    answers: Mutex<VecDeque<Answered>>,
    last_ticket: AtomicU32,
    wake: Wake,
}

#[napi]
pub fn open_inbox(wake: Function<'_, (), ()>) -> Result<Inbox> {
    // Weak: it keeps no event loop alive.
    let wake = wake.build_threadsafe_function().callee_handled::<false>().weak::<true>().build()?;
    let queue = Queue { answers: Mutex::default(), last_ticket: AtomicU32::new(0), wake };
    Ok(Inbox { queue: Arc::new(queue) })
}

#[napi]
impl Inbox {
    #[napi]
    pub fn take(&self) -> Option<Answered> {
        self.queue.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Queue {
    fn put(&self, answered: Answered) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(answered);
        // A thread that ends hears nothing more.
        self.wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    }

    /// Sends a call off; its answer comes with the ticket that this returns.
    fn send(self: &Arc<Self>, call: impl Future<Output = Option<Answer>> + Send + 'static) -> u32 {
        let ticket = self.last_ticket.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        match runtime() {
            Ok(runtime) => {
                let queue = Arc::clone(self);
                runtime.spawn(async move { queue.put(Answered::new(ticket, call.await)) });
            }
            // Without its answer a call is given up after `call_timeout`.
            Err(_) => self.put(Answered::new(ticket, None)),
        }
        ticket
    }
}

/// The thread that all calls run on; started with the first of them.
fn runtime() -> std::io::Result<&'static Handle> {
    static RUNTIME: OnceLock<Handle> = OnceLock::new();
    if let Some(handle) = RUNTIME.get() {
        return Ok(handle);
    }
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let handle = runtime.handle().clone();
    let thread = std::thread::Builder::new().name("snowmelt".into());
    thread.spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    // Two threads may come here at once; then one runtime idles.
    Ok(RUNTIME.get_or_init(|| handle))
}
