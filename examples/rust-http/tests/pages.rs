//! The service as a process, and a client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Shop {
    process: Child,
    address: String,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Shop {
    fn open() -> Self {
        let mut service = Command::new(env!("CARGO_BIN_EXE_snowmelt-rust-http"));
        service.env("PORT", "0").env_remove("SNOWMELT_STREAM").stdout(Stdio::piped());
        let mut process = service.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect("it says where").to_owned();
        Self { process, address }
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Answer {
        request(&self.address, method, path, body)
    }

    fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "")
    }
}

fn request(address: &str, method: &str, path: &str, body: &str) -> Answer {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nContent-Type: application/json"
    );
    connection.write_all(format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.into(), body: body.into() }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_page_is_made_once_until_what_it_shows_changes() {
    let shop = Shop::open();
    for how in ["miss", "hit"] {
        for path in ["/products/1", "/products?tag=fruit", "/products?tag=vegetable", "/products/9"] {
            let answer = shop.get(path);
            assert_eq!(answer.header("x-cache"), Some(how), "{path}");
            assert_eq!(answer.status, if path.ends_with('9') { 404 } else { 200 });
        }
    }
    assert_eq!(shop.get("/products/1?utm_source=mail").header("x-cache"), Some("hit"));
    assert_eq!(shop.request("PUT", "/products/1/price", "0.9").status, 204);
    for (path, how) in
        [("/products/1", "miss"), ("/products?tag=fruit", "miss"), ("/products?tag=vegetable", "hit")]
    {
        let answer = shop.get(path);
        assert_eq!(answer.header("x-cache"), Some(how), "{path}");
        assert_eq!(answer.body.contains("0.9"), how == "miss", "{path}: {}", answer.body);
    }
    let etag = shop.get("/products/1").header("etag").map(str::to_owned);
    assert!(etag.is_some_and(|etag| etag.starts_with("W/")));
}

#[test]
fn many_who_ask_at_once_get_one_page() {
    let shop = Shop::open();
    let asks: Vec<_> = (0..20)
        .map(|_| {
            let address = shop.address.clone();
            std::thread::spawn(move || request(&address, "GET", "/products/2", ""))
        })
        .collect();
    for ask in asks {
        assert!(ask.join().unwrap().body.contains("pear"));
    }
    let stats = shop.get("/stats");
    assert_eq!(stats.header("x-cache"), None, "it is not behind the layer");
    assert!(stats.body.contains("\"made\":1"), "{}", stats.body);
}
