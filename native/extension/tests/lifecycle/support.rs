//! An extension that notes what is asked of it.

use std::future::pending;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use snowmelt_extension::lifecycle::{Environment, Failure, Work, live};
use tokio::sync::oneshot;

use crate::extensions_api::ExtensionsApi;

/// What was asked, in order.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<&'static str>>>);

impl Notes {
    pub(crate) fn add(&self, note: &'static str) {
        self.0.lock().expect("no panic under the lock").push(note);
    }

    pub(crate) fn all(&self) -> Vec<&'static str> {
        self.0.lock().expect("no panic under the lock").clone()
    }
}

/// The work; with a request in hand that takes `busy`.
pub(crate) struct Noting {
    pub(crate) notes: Notes,
    pub(crate) busy: Duration,
}

impl Work for Noting {
    fn invoked(&mut self) {
        self.notes.add("invoked");
        // As slow as a stream may be; nobody waits for it.
        let notes = self.notes.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            notes.add("caught up");
        });
    }

    fn restored(&mut self) {
        self.notes.add("restored");
    }

    async fn stop(self, within: Duration) {
        assert!(within <= Duration::from_millis(200), "{within:?}");
        tokio::time::sleep(self.busy).await;
        self.notes.add("answered");
    }
}

pub(crate) fn environment(api: &ExtensionsApi) -> Environment {
    Environment {
        runtime_api: api.address().to_owned(),
        name: "snowmelt-extension".to_owned(),
        managed_instances: false,
        snap_start: false,
    }
}

/// An extension on a thread of its own.
pub(crate) struct Running {
    pub(crate) notes: Notes,
    signal: Option<oneshot::Sender<()>>,
    thread: std::thread::JoinHandle<ExitCode>,
}

impl Running {
    pub(crate) fn start(environment: Environment) -> Self {
        Self::busy(environment, Duration::ZERO)
    }

    /// With a request in hand that takes `busy`.
    pub(crate) fn busy(environment: Environment, busy: Duration) -> Self {
        Self::begin(environment, move |notes| {
            // A port, as the real one has it.
            TcpListener::bind("127.0.0.1:0").expect("a free port");
            notes.add("listening");
            Ok(Noting { notes, busy })
        })
    }

    pub(crate) fn begin(
        environment: Environment,
        begin: impl FnOnce(Notes) -> Result<Noting, Failure> + Send + 'static,
    ) -> Self {
        let notes = Notes::default();
        let (signal, signalled) = oneshot::channel();
        let thread = std::thread::spawn({
            let notes = notes.clone();
            move || {
                let stopped = async {
                    match signalled.await {
                        Ok(()) => "SIGTERM",
                        Err(_) => pending().await,
                    }
                };
                runtime().block_on(live(&environment, async || begin(notes), stopped))
            }
        });
        Self { notes, signal: Some(signal), thread }
    }

    pub(crate) fn signal(&mut self) {
        let signal = self.signal.take().expect("it is sent once");
        signal.send(()).expect("it listens");
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> ExitCode {
        wait_until("its end", || self.thread.is_finished());
        self.thread.join().expect("it does not panic")
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Until `done`.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(std::time::Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
