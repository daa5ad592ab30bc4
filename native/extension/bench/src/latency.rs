//! Latencies over kept connections.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What was measured of one server in one turn.
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    /// The median, in microseconds.
    pub(crate) p50: f64,
    /// The 99th percentile, in microseconds.
    pub(crate) p99: f64,
}

/// Sends the same request again and again, `each` times on each connection,
/// the next when the answer to the last is there.
pub(crate) fn measure(port: u16, request: &str, connections: usize, each: usize) -> Latency {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut took: Vec<Duration> = runtime.block_on(async {
        let started: Vec<_> = (0..connections)
            .map(|_| tokio::spawn(one_connection(port, request.to_owned().into_bytes(), each)))
            .collect();
        let mut all = Vec::with_capacity(connections * each);
        for connection in started {
            all.extend(connection.await.expect("a connection's task"));
        }
        all
    });
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1e6;
    Latency { p50: at(50), p99: at(99) }
}

async fn one_connection(port: u16, request: Vec<u8>, each: usize) -> Vec<Duration> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.expect("the server listens");
    socket.set_nodelay(true).expect("a TCP socket");
    let mut buffer = vec![0; 1 << 16];
    // All answers are as long as the first: only their dates differ.
    socket.write_all(&request).await.expect("the server reads");
    let length = first(&mut socket, &mut buffer).await;
    let mut took = Vec::with_capacity(each);
    for _ in 0..each {
        let begun = Instant::now();
        socket.write_all(&request).await.expect("the server reads");
        socket.read_exact(&mut buffer[..length]).await.expect("the server answers");
        took.push(begun.elapsed());
    }
    took
}

/// Reads one answer; how long it is.
async fn first(socket: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut read = 0;
    loop {
        read += socket.read(&mut buffer[read..]).await.expect("the server answers");
        let text = String::from_utf8_lossy(&buffer[..read]);
        let Some(head) = text.find("\r\n\r\n") else { continue };
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        if read == head + 4 + length.parse::<usize>().expect("a number") {
            return read;
        }
    }
}
