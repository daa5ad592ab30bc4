//! A client that keeps one connection, as a function does.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use test_servers::Value;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// An answer as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// By lower-case names.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("JSON instead of {self:?}"))
    }

    /// The code of an error of contracts 1, 2 and 4.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("a code in {self:?}")).to_owned()
    }

    /// The text of an answer that must be a success.
    pub(crate) fn ok(&self) -> &str {
        assert_eq!(self.status, 200, "{}", self.text());
        self.text()
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
    /// What each request bears beside its own headers.
    pub(crate) headers: String,
}

impl Client {
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(LONG)).expect("a socket");
        Self { stream, read: Vec::new(), headers: String::new() }
    }

    pub(crate) fn get(&mut self, target: &str) -> Reply {
        self.ask("GET", target, &[], b"")
    }

    pub(crate) fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{}", self.headers);
        for (name, value) in headers {
            head.extend([*name, ": ", value, "\r\n"]);
        }
        if !body.is_empty() || matches!(method, "PUT" | "POST") {
            head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        self.raw(&[head.as_bytes(), b"\r\n", body].concat()).expect("an answer")
    }

    /// Bytes as they are; `None` if the connection ends without an answer.
    pub(crate) fn raw(&mut self, request: &[u8]) -> Option<Reply> {
        self.pieces(&[request])
    }

    /// The same, with a while between the pieces.
    pub(crate) fn pieces(&mut self, request: &[&[u8]]) -> Option<Reply> {
        for (number, piece) in request.iter().enumerate() {
            std::thread::sleep(Duration::from_millis(if number > 0 { 30 } else { 0 }));
            self.stream.write_all(piece).ok()?;
        }
        let end = loop {
            match self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.more()?,
            }
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        let head = String::from_utf8(head).expect("ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
        while self.read.len() < length {
            self.more()?;
        }
        Some(Reply { status, headers, body: self.read.drain(..length).collect() })
    }

    fn more(&mut self) -> Option<()> {
        let mut piece = [0; 16 << 10];
        let read = self.stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        self.read.extend(&piece[..read]);
        Some(())
    }
}
