//! The processes that are measured; each ends with its handle.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::lambda::Around;

/// What requests to port 2773 must bear.
pub(crate) const TOKEN: &str = "bench-token";

/// A running server.
pub(crate) struct Server {
    process: Child,
    /// Its port.
    pub(crate) port: u16,
    /// The port of contract 3; the same for the bare server.
    pub(crate) aws_port: u16,
    /// From its start to its registration.
    pub(crate) start: Duration,
}

impl Server {
    /// Starts the extension and waits until it is ready.
    pub(crate) fn extension(program: &Path, around: &Around) -> Self {
        let (port, aws_port) = (free_port(), free_port());
        let api = format!("127.0.0.1:{}", around.port);
        let begun = Instant::now();
        let process = Command::new(program)
            .env_clear()
            .envs([("AWS_LAMBDA_RUNTIME_API", api.as_str()), ("AWS_REGION", "us-east-1")])
            .envs([
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_SESSION_TOKEN", TOKEN),
            ])
            .envs([("SNOWMELT_STREAM", "none"), ("AWS_EC2_METADATA_DISABLED", "true")])
            .env("AWS_ENDPOINT_URL", format!("http://{api}"))
            .env("SNOWMELT_PORT", port.to_string())
            .env("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", aws_port.to_string())
            .env("PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL", "none")
            .stdout(Stdio::null())
            .spawn()
            .expect("the extension starts: `make bench-extension` builds it");
        let registered = around.registered.recv_timeout(Duration::from_secs(10)).expect("it registers");
        Self { process, port, aws_port, start: registered - begun }
    }

    /// Starts a bare server that answers with these bytes.
    pub(crate) fn bare(kind: &str, body: &[u8]) -> Self {
        let begun = Instant::now();
        let program = std::env::current_exe().expect("the path of this program");
        let mut process = Command::new(program)
            .arg("bare")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let mut input = process.stdin.take().expect("its input is piped");
        input.write_all(kind.as_bytes()).and_then(|()| input.write_all(b"\n")).expect("it reads");
        input.write_all(body).expect("it reads");
        drop(input);
        let mut line = String::new();
        let output = process.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("it prints its port");
        let port = line.trim().parse().expect("a port");
        Self { process, port, aws_port: port, start: begun.elapsed() }
    }

    /// Its resident memory in MB (10^6 bytes).
    pub(crate) fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
        kib * 1024.0 / 1e6
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// The content type and body of an answer, over a connection of its own.
pub(crate) fn fetch(port: u16, request: &str) -> (String, Vec<u8>) {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    socket.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("it answers");
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let text = String::from_utf8_lossy(&answer[..head]).into_owned();
    let status = text.split(' ').nth(1).unwrap_or_default();
    assert!(matches!(status, "200" | "204"), "{text}{}", String::from_utf8_lossy(&answer[head..]));
    let kind = text.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    (kind.to_owned(), answer[head..].to_vec())
}
