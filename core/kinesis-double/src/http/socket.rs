//! The connection's socket and the body of an answer, both able to fail on
//! purpose.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

/// A connection's wish to be reset, made by one of its answers.
#[derive(Debug, Default)]
pub(super) struct Reset {
    wanted: AtomicBool,
    wish: Notify,
}

impl Reset {
    fn ask(&self) {
        self.wanted.store(true, Ordering::Relaxed);
        self.wish.notify_one();
    }

    /// Waits for the wish. The connection is to be dropped then: over HTTP/2,
    /// a failed body alone would end one stream only.
    pub(super) async fn asked(&self) {
        self.wish.notified().await;
    }
}

/// A TCP connection that is reset instead of closed when that was wished.
pub(super) struct Socket {
    stream: TcpStream,
    reset: Arc<Reset>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, reset: Arc<Reset>) -> Self {
        Self { stream, reset }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.wanted.load(Ordering::Relaxed) {
            // Where this fails, the client sees the end of the connection.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// An answer's body: whole, or broken off in the middle.
pub(super) struct Answer {
    length: u64,
    part: Option<Bytes>,
    /// For a broken one: how long the part has to leave before the reset.
    broken: Option<(Pin<Box<Sleep>>, Arc<Reset>)>,
}

impl Answer {
    pub(super) fn whole(body: Bytes) -> Self {
        Self { length: body.len() as u64, part: Some(body), broken: None }
    }

    pub(super) fn broken(body: &Bytes, reset: Arc<Reset>) -> Self {
        let pause = Box::pin(sleep(Duration::from_millis(5)));
        Self {
            length: body.len() as u64,
            part: Some(body.slice(..body.len() / 2)),
            broken: Some((pause, reset)),
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(part) = self.part.take().filter(|part| !part.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        let Some((pause, reset)) = &mut self.broken else {
            return Poll::Ready(None);
        };
        ready!(pause.as_mut().poll(cx));
        reset.ask();
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.part.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
