//! Two instances of the service, each a process of its own, on one database
//! file and one stream of a real Kinesis API.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_servers::KinesisLocal;

struct Instance {
    process: Child,
    address: String,
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

fn service(stream: &str, database: &Database) -> Command {
    let mut service = Command::new(env!("CARGO_BIN_EXE_snowmelt-rust-service"));
    service
        .env("SNOWMELT_STREAM", stream)
        .env("DATABASE", &database.0)
        .env("PORT", "0")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    service
}

impl Instance {
    fn start(stream: &str, database: &Database) -> Self {
        let kinesis = KinesisLocal::shared();
        let mut service = service(stream, database);
        service.env("AWS_ENDPOINT_URL_KINESIS", kinesis.endpoint());
        let mut process = service.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect("it says where").to_owned();
        Self { process, address }
    }

    fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.into(), body: serde_json::from_str(body).unwrap_or(Value::Null) }
    }

    fn get(&self, id: u32) -> Answer {
        self.request("GET", &format!("/users/{id}"), "", "")
    }

    /// Reads what is at least as new as `position`.
    fn get_from(&self, id: u32, position: &str) -> Answer {
        self.request("GET", &format!("/users/{id}"), &format!("snowmelt-position: {position}\r\n"), "")
    }

    /// Returns the write's position.
    fn put(&self, id: u32, name: &str) -> String {
        let body = json!({ "name": name, "email": format!("{name}@example.com") }).to_string();
        let answer = self.request("PUT", &format!("/users/{id}"), "", &body);
        assert_eq!(answer.status, 204, "{}", answer.body);
        answer.header("snowmelt-position").expect("a position").to_owned()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A file that goes away with the test.
struct Database(PathBuf);

impl Database {
    fn new(name: &str) -> Self {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder.join("users.db"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn two_instances(stream: &str) -> (Instance, Instance, Database) {
    KinesisLocal::shared().create_stream(stream, 2);
    let database = Database::new(stream);
    let (one, other) = (Instance::start(stream, &database), Instance::start(stream, &database));
    assert_ne!(one.address, other.address);
    (one, other, database)
}

#[test]
fn instances_show_each_others_writes() {
    let (one, other, _database) = two_instances("service");
    assert_eq!(one.get(7).status, 404);
    one.put(7, "Ada");
    // Cached by both.
    for instance in [&one, &other] {
        instance.get(7);
        let answer = instance.get(7);
        assert_eq!((answer.status, answer.header("snowmelt-cache")), (200, Some("hit")));
        assert_eq!(answer.body, json!({ "id": 7, "name": "Ada", "email": "Ada@example.com" }));
    }
    for (writer, reader, name) in [(&one, &other, "Grace"), (&other, &one, "Edith")] {
        writer.put(7, name);
        assert_eq!(writer.get(7).body["name"], name, "its own write");
        // The reader follows by itself.
        let began = Instant::now();
        while reader.get(7).body["name"] != name {
            assert!(began.elapsed() < Duration::from_secs(20), "{name} is not to be seen");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(reader.get(7).header("snowmelt-cache"), Some("hit"));
    }
    let stats = one.request("GET", "/stats", "", "").body;
    assert!(stats["hits"].as_u64() > Some(0) && stats["records"].as_u64() > Some(0), "{stats}");
}

#[test]
fn a_position_makes_a_read_wait_for_the_write() {
    let (one, other, _database) = two_instances("positions");
    one.put(1, "v0");
    for round in 1..=10 {
        let name = format!("v{round}");
        // So that there is something to go stale.
        other.get(1);
        let position = one.put(1, &name);
        let answer = other.get_from(1, &position);
        assert_eq!((answer.status, &answer.body["name"]), (200, &json!(name)), "{}", answer.body);
    }
    assert_eq!(other.get_from(1, "nonsense").status, 400);
}

#[test]
fn a_stream_that_was_forgotten_is_named() {
    let database = Database::new("forgotten");
    let output = service("", &database).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("option `stream` is \"\"") && error.contains("not set"), "{error}");
}
