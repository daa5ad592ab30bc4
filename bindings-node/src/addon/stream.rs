//! Streams that Rust reaches by itself: the embedded one, and Kinesis.
//!
//! Calls to Kinesis run on one thread of their own, for all caches of the
//! process. Answers go into a queue, and JavaScript is woken to take them: it
//! applies them on its own thread, between two of its own turns.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
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
use crate::feed;
use crate::plain;

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
}

#[napi]
pub fn open_kinesis(
    stream: String,
    region: Option<String>,
    endpoint: Option<String>,
    call_timeout: f64,
) -> Result<KinesisStream> {
    let timeout = plain::duration(call_timeout);
    let mut options = KinesisOptions::default().call_timeout(timeout);
    (options.region, options.endpoint) = (region, endpoint);
    let opened = Kinesis::from_env(&stream, options);
    let stream = opened.map_err(|error| Failure::new(INVALID_OPTION, error.to_string()))?;
    Ok(KinesisStream { stream, timeout })
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
        Ok(Some(send(async move { Some(Answer::Call((id, bounded(answer, timeout).await))) })))
    }

    #[napi]
    pub fn put(&self, core: &Core, write: &Write) -> Result<Either<u32, Value>> {
        let put = match core.cache.next_put(&write.writing)? {
            Ok(put) => put,
            Err(otherwise) => return Ok(Either::B(otherwise)),
        };
        let (answer, timeout) = (self.stream.put(put), self.timeout);
        Ok(Either::A(send(async move { Some(Answer::Put(bounded(answer, timeout).await)) })))
    }

    /// Its answer is empty.
    #[napi]
    pub fn warm(&self) -> u32 {
        let stream = self.stream.clone();
        send(async move {
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

/// Answers that one JavaScript thread waits for.
#[derive(Clone, Default)]
struct Inbox {
    queue: Arc<Mutex<VecDeque<Answered>>>,
    wake: Option<Arc<Wake>>,
}

impl Inbox {
    fn put(&self, answered: Answered) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(answered);
        if let Some(wake) = &self.wake {
            // A thread that ends hears nothing more.
            wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

thread_local! {
    static INBOX: RefCell<Inbox> = RefCell::default();
    static TICKETS: Cell<u32> = const { Cell::new(0) };
}

/// Who is woken when answers wait. It keeps no event loop alive.
#[napi]
pub fn listen(wake: Function<'_, (), ()>) -> Result<()> {
    let wake = wake.build_threadsafe_function().callee_handled::<false>().weak::<true>().build()?;
    INBOX.with_borrow_mut(|inbox| inbox.wake = Some(Arc::new(wake)));
    Ok(())
}

/// The next answer that waits.
#[napi]
pub fn take_answer() -> Option<Answered> {
    INBOX.with_borrow(|inbox| inbox.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front())
}

/// Sends a call off; its answer comes to this thread's inbox with the ticket
/// that this returns.
fn send(call: impl Future<Output = Option<Answer>> + Send + 'static) -> u32 {
    let ticket = TICKETS.get().wrapping_add(1);
    TICKETS.set(ticket);
    let inbox = INBOX.with_borrow(Inbox::clone);
    match runtime() {
        Ok(runtime) => {
            runtime.spawn(async move { inbox.put(Answered::new(ticket, call.await)) });
        }
        // Without its answer a call is given up after `call_timeout`.
        Err(_) => inbox.put(Answered::new(ticket, None)),
    }
    ticket
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
