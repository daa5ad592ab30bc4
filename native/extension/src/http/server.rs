//! Connections: how many, for how long, and how they end.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::connection::{Phase, Progress, Socket};
use super::door::{Door, House};
use super::pulse::Pulse;
use super::{Guards, Listener, Service};

/// What a [`Server`] bounds, all its listeners together. Times are ticks: a
/// tick that a freeze delays does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections; one more is answered 503 at once and closed. Default 800,
    /// which leaves Lambda's 1,024 file descriptors some for the origins.
    pub connections: usize,
    /// Above so many connections, idle ones are closed. Default 600.
    pub crowded: usize,
    /// Bytes of a request's line and headers; beyond that 431. Default
    /// 128 KiB. (A target beyond 64 KiB is 414, and more than 100 headers are
    /// 431: hyper's bounds.)
    pub head: usize,
    /// Bytes of a request's body; beyond that 413. Default 16 MiB.
    pub body: usize,
    /// Bytes of all bodies that are held at once; beyond that 503. Default
    /// 64 MiB.
    pub bodies: usize,
    /// The length of a tick. Default 500 ms.
    pub tick: Duration,
    /// Ticks until a head must have come. Default 20.
    pub head_ticks: u64,
    /// Ticks until a body must have come. Default 60.
    pub body_ticks: u64,
    /// Ticks for which an answer may wait for its reader. Default 60.
    pub write_ticks: u64,
    /// Ticks for which a connection may be idle while it is crowded; otherwise
    /// it may for ever. Default 20.
    pub idle_ticks: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 800,
            crowded: 600,
            head: 128 << 10,
            body: 16 << 20,
            bodies: 64 << 20,
            tick: Duration::from_millis(500),
            head_ticks: 20,
            body_ticks: 60,
            write_ticks: 60,
            idle_ticks: 20,
        }
    }
}

/// How often a stop looks whether everything is answered.
const LOOK: Duration = Duration::from_millis(2);

/// After a failed `accept` (no file descriptor is left, for one).
const PAUSE: Duration = Duration::from_millis(50);

/// Serves listeners until it is stopped or dropped.
pub struct Server {
    shared: Arc<Shared>,
    /// Its own tasks: those that accept, and the pulse.
    tasks: Mutex<Vec<AbortHandle>>,
}

/// What the connections of a server share.
pub(super) struct Shared {
    pub(super) limits: Limits,
    pub(super) pulse: Arc<Pulse>,
    /// Nothing new is accepted; an answer is the last of its connection.
    pub(super) stopping: AtomicBool,
    /// Bytes of bodies that are held now.
    pub(super) bodies: AtomicUsize,
    live: Mutex<HashMap<u64, Live>>,
    next: AtomicU64,
}

/// A connection that is open.
struct Live {
    progress: Arc<Progress>,
    task: AbortHandle,
}

impl Server {
    /// A server without listeners.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new(limits: Limits) -> Self {
        let shared = Arc::new(Shared {
            limits,
            pulse: Arc::new(Pulse::new(limits.tick)),
            stopping: AtomicBool::new(false),
            bodies: AtomicUsize::new(0),
            live: Mutex::default(),
            next: AtomicU64::new(0),
        });
        let beating = Arc::clone(&shared);
        let beat = async move { beating.pulse.beat(|_| beating.sweep()).await };
        Self { tasks: Mutex::new(vec![tokio::spawn(beat).abort_handle()]), shared }
    }

    /// Answers what comes to a listener by a service, from now on.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn serve<S: Service>(&self, listener: Listener, service: S, guards: Guards) {
        let gate = guards.of(listener.port());
        let house = Arc::new(House { service, gate, shared: Arc::clone(&self.shared) });
        let mut tasks = lock(&self.tasks);
        for socket in listener.sockets {
            tasks.push(tokio::spawn(accept(socket, Arc::clone(&house))).abort_handle());
        }
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        lock(&self.shared.live).len()
    }

    /// Accepts nothing new, closes what is idle, and lets what was asked be
    /// answered; after `within` at the latest, everything is closed. Whether
    /// all that was asked was answered.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn stop(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.close_doors();
        loop {
            // Also so that what has arrived by now is read: it was asked.
            sleep(LOOK.min(deadline.saturating_duration_since(Instant::now()))).await;
            self.shared.end(|live| live.progress.phase() == Phase::Idle);
            let left = self.connections();
            if left == 0 {
                return true;
            }
            if Instant::now() >= deadline {
                tracing::warn!(left, ?within, "stopped before everything was answered");
                self.shared.end(|_| true);
                return false;
            }
        }
    }

    /// The listeners go with their tasks.
    fn close_doors(&self) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close_doors();
        self.shared.end(|_| true);
    }
}

impl Shared {
    /// Ends the connections whose time is over.
    fn sweep(&self) {
        let crowded = lock(&self.live).len() > self.limits.crowded;
        self.end(|live| live.progress.overdue(&self.limits, crowded));
    }

    fn end(&self, which: impl Fn(&Live) -> bool) {
        lock(&self.live).values().filter(|live| which(live)).for_each(|live| live.task.abort());
    }
}

/// Frees a connection's place, however it ends.
struct Place {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.shared.live).remove(&self.id);
    }
}

async fn accept<S: Service>(socket: TcpListener, house: Arc<House<S>>) {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => admit(stream, &house),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

fn admit<S: Service>(stream: TcpStream, house: &Arc<House<S>>) {
    let shared = &house.shared;
    // Held until the connection is noted: its task may end at once.
    let mut live = lock(&shared.live);
    if live.len() >= shared.limits.connections {
        drop(live);
        return refuse(stream);
    }
    // Answers are written whole: nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let id = shared.next.fetch_add(1, Ordering::Relaxed);
    let place = Place { shared: Arc::clone(shared), id };
    let progress = Arc::new(Progress::new(&shared.pulse));
    let door = Door::new(Arc::clone(house), Arc::clone(&progress));
    let connection = http1::Builder::new()
        .max_buf_size(shared.limits.head)
        .serve_connection(Socket::new(stream, Arc::clone(&progress)), door);
    let task = tokio::spawn(async move {
        let _place = place;
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
    });
    live.insert(id, Live { progress, task: task.abort_handle() });
}

const FULL: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n",
    "content-length: 131\r\nconnection: close\r\n\r\n",
    r#"{"error":{"code":"TooManyConnections","message":"all connections are in use: keep fewer open, or close those that are not needed"}}"#
);

/// Answers a connection that there is no place for, without waiting for it.
fn refuse(stream: TcpStream) {
    tracing::debug!("a connection was refused: there are too many");
    let Ok(mut stream) = stream.into_std() else { return };
    let _ = stream.write_all(FULL.as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
    // A socket that is closed with something unread resets the connection, and
    // the answer may be lost.
    let mut scrap = [0; 4096];
    let _ = stream.read(&mut scrap);
}

/// Nobody panics while a lock is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::FULL;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let (head, body) = FULL.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
