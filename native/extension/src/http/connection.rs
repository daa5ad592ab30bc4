//! One connection: what it is at, and its socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::pulse::Pulse;
use super::server::Limits;

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nothing was asked yet, or everything that was asked is answered.
    Idle,
    /// A request's head is being read.
    Head,
    /// A request's body is being read.
    Body,
    /// The service is at work.
    Answering,
    /// The answer is being written.
    Writing,
}

/// What is known of a connection without touching it. Only its own task writes
/// here, so that nothing is more than a plain store.
#[derive(Debug)]
pub(super) struct Progress {
    pulse: Arc<Pulse>,
    phase: AtomicU8,
    /// The tick in which the phase began, or in which something was last
    /// written.
    since: AtomicU64,
    /// How many freezes there had been when the request began to arrive.
    freezes: AtomicU64,
}

impl Progress {
    pub(super) fn new(pulse: &Arc<Pulse>) -> Self {
        let (since, freezes) = (pulse.count().into(), pulse.freezes().into());
        Self { pulse: Arc::clone(pulse), phase: AtomicU8::new(Phase::Idle as u8), since, freezes }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Body,
            3 => Phase::Answering,
            _ => Phase::Writing,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.since.store(self.pulse.count(), Ordering::Relaxed);
    }

    fn read(&self) {
        if self.phase() == Phase::Idle {
            self.freezes.store(self.pulse.freezes(), Ordering::Relaxed);
            self.enter(Phase::Head);
        }
    }

    /// Something was written, or is about to be.
    fn wrote(&self) {
        match self.phase() {
            Phase::Idle | Phase::Writing => self.enter(Phase::Writing),
            Phase::Head | Phase::Body | Phase::Answering => {}
        }
    }

    fn flushed(&self) {
        if self.phase() == Phase::Writing {
            self.enter(Phase::Idle);
        }
    }

    /// Whether the request that is being read may have been sent before a
    /// freeze.
    pub(super) fn froze(&self) -> bool {
        self.pulse.thawing() || self.pulse.freezes() != self.freezes.load(Ordering::Relaxed)
    }

    /// Whether the client had its time.
    pub(super) fn overdue(&self, limits: &Limits, crowded: bool) -> bool {
        let ticks = self.pulse.count().saturating_sub(self.since.load(Ordering::Relaxed));
        match self.phase() {
            Phase::Idle => crowded && ticks > limits.idle_ticks,
            Phase::Head => ticks > limits.head_ticks,
            Phase::Body => ticks > limits.body_ticks,
            Phase::Answering => false,
            Phase::Writing => ticks > limits.write_ticks,
        }
    }
}

/// The socket, which tells how far it is.
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    progress: Arc<Progress>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, progress: Arc<Progress>) -> Self {
        Self { stream: TokioIo::new(stream), progress }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.progress.read();
        }
        read
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() || self.progress.phase() == Phase::Idle {
            self.progress.wrote();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        if written.is_ready() || self.progress.phase() == Phase::Idle {
            self.progress.wrote();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when everything that was to be written is.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.progress.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
