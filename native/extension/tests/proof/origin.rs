//! A double of the origins, where they have to be counted or to fail. It speaks
//! the JSON protocol of Parameter Store (`GetParameter`), Secrets Manager
//! (`GetSecretValue`) and DynamoDB (`GetItem` of a table `things` with the key `id`),
//! and has one value for each name, whatever it is asked as.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use test_servers::{Value, json};

/// A call that was answered with a value, or is about to be.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) value: String,
    /// When the value was read; it is answered later.
    pub(crate) read: Instant,
    /// When it had been answered.
    pub(crate) answered: Option<Instant>,
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Throttled,
    Denied,
    Broken,
    Garbage,
    Silent,
    Closed,
}

#[derive(Default)]
struct State {
    values: HashMap<String, String>,
    served: HashMap<String, Vec<Served>>,
    slow: Duration,
    /// Each so many calls, one takes so long.
    seldom: Option<(usize, Duration)>,
    calls: usize,
    fault: Option<Fault>,
}

/// A running double. Its threads end with the test.
#[derive(Clone)]
pub(crate) struct Origin {
    endpoint: String,
    state: Arc<Mutex<State>>,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let origin = Self { endpoint, state: Arc::default() };
        let serving = origin.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let origin = serving.clone();
                // A client that goes away is none of the test's business.
                std::thread::spawn(move || drop(origin.serve(&connection)));
            }
        });
        origin
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn set(&self, name: &str, value: &str) {
        self.state().values.insert(name.to_owned(), value.to_owned());
    }

    /// A call of a loader of contract 4, which reads the origin by itself.
    pub(crate) fn load(&self, name: &str) -> String {
        let (value, number) = self.begin(name).expect("a value of this name");
        self.pause();
        self.end(name, number);
        value
    }

    /// So long from reading a value to answering it.
    pub(crate) fn slow(&self, pause: Duration) {
        self.state().slow = pause;
    }

    /// One of `calls` calls takes so long.
    pub(crate) fn slow_seldom(&self, calls: usize, pause: Duration) {
        self.state().seldom = Some((calls, pause));
    }

    fn pause(&self) {
        let mut state = self.state();
        state.calls += 1;
        let seldom = state.seldom.filter(|(calls, _)| state.calls.is_multiple_of(*calls));
        let pause = seldom.map_or(state.slow, |(_, pause)| pause);
        drop(state);
        std::thread::sleep(pause);
    }

    pub(crate) fn fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// How many calls for a name were, or are being, answered with a value.
    pub(crate) fn calls(&self, name: &str) -> usize {
        self.state().served.get(name).map_or(0, Vec::len)
    }

    pub(crate) fn served(&self) -> HashMap<String, Vec<Served>> {
        self.state().served.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic under the lock")
    }

    fn serve(&self, mut connection: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(connection);
        while let Some((target, body)) = request(&mut reader)? {
            let fault = self.state().fault;
            let (status, body) = match fault {
                None => self.answer(&target, &body),
                Some(Fault::Throttled) => (400, error("ThrottlingException")),
                Some(Fault::Denied) => (400, error("AccessDeniedException")),
                Some(Fault::Broken) => (500, error("InternalServerError")),
                Some(Fault::Garbage) => (200, "\u{fffd}{]".to_owned()),
                Some(Fault::Closed) => return Ok(()),
                Some(Fault::Silent) => {
                    // Until the client has closed it.
                    let _ = reader.read(&mut [0])?;
                    return Ok(());
                }
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {length}\r\n\r\n"
            );
            connection.write_all((head + &body).as_bytes())?;
        }
        Ok(())
    }

    fn answer(&self, target: &str, body: &Value) -> (u16, String) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (operation, name) = match target.rsplit('.').next() {
            Some("GetParameter") => ("GetParameter", text(&body["Name"])),
            Some("GetSecretValue") => ("GetSecretValue", text(&body["SecretId"])),
            Some("GetItem") => ("GetItem", text(&body["Key"]["id"]["S"])),
            _ => return (400, error("UnknownOperationException")),
        };
        let Some((value, number)) = self.begin(&name) else { return (400, error("ParameterNotFound")) };
        self.pause();
        let arn = format!("arn:aws:x:us-east-1:123456789012:{name}");
        let body = match operation {
            "GetParameter" => {
                json!({"Parameter": {"ARN": arn, "Name": name, "Type": "String", "Value": value, "Version": 1}})
            }
            "GetSecretValue" => json!({"ARN": arn, "Name": name, "SecretString": value, "VersionId": "1"}),
            _ => json!({"Item": {"id": {"S": name}, "value": {"S": value}}}),
        };
        self.end(&name, number);
        (200, body.to_string())
    }

    fn begin(&self, name: &str) -> Option<(String, usize)> {
        let mut state = self.state();
        let value = state.values.get(name)?.clone();
        let served = state.served.entry(name.to_owned()).or_default();
        served.push(Served { value: value.clone(), read: Instant::now(), answered: None });
        Some((value, served.len() - 1))
    }

    fn end(&self, name: &str, number: usize) {
        let mut state = self.state();
        let served = state.served.get_mut(name).expect("it has begun");
        served[number].answered = Some(Instant::now());
    }
}

fn error(code: &str) -> String {
    json!({"__type": code, "message": "so says the double"}).to_string()
}

/// `X-Amz-Target` and the body of the next request; `None` at the end.
fn request(reader: &mut impl BufRead) -> std::io::Result<Option<(String, Value)>> {
    let (mut target, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_lowercase().as_str() {
            "x-amz-target" => value.clone_into(&mut target),
            "content-length" => length = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((target, serde_json::from_slice(&body).unwrap_or_default())))
}
