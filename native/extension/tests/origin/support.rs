//! An origin for tests, and a service that does what it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use snowmelt_extension::origin::{
    Ask, AwsOptions, AwsOrigin, Endpoints, Fetched, Origin, OriginError, ParameterAsk, SecretAsk,
};
use test_servers::{Moto, REGION};

pub(crate) const LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn options(endpoint: &str) -> AwsOptions {
    let endpoint = Some(endpoint.to_owned());
    AwsOptions {
        region: Some(REGION.to_owned()),
        max_connections: 3,
        parameter_timeout: LIMIT,
        secret_timeout: LIMIT,
        item_timeout: LIMIT,
        endpoints: Endpoints { ssm: endpoint.clone(), secrets_manager: endpoint.clone(), dynamodb: endpoint },
        use_fips: false,
        use_dual_stack: false,
    }
}

pub(crate) fn origin(options: AwsOptions) -> AwsOrigin {
    AwsOrigin::with_credentials(options, Credentials::new("test", "test", None, None, "test"))
}

pub(crate) fn moto() -> (&'static Moto, AwsOrigin) {
    let moto = Moto::shared();
    (moto, origin(options(moto.endpoint())))
}

pub(crate) fn parameter(name: &str) -> ParameterAsk {
    ParameterAsk { name: name.into(), version: None, label: None, with_decryption: false, region: None }
}

pub(crate) fn secret(id: &str) -> SecretAsk {
    SecretAsk { id: id.into(), version_id: None, version_stage: None }
}

/// What a parameter's value is, if there is one.
pub(crate) async fn value(origin: &AwsOrigin, ask: ParameterAsk) -> Result<Option<String>, OriginError> {
    match origin.fetch(Ask::Parameter(ask)).await? {
        Fetched::Parameter(parameter) => Ok(Some(parameter.value)),
        Fetched::Nothing => Ok(None),
        _ => panic!("asked for a parameter"),
    }
}

/// `unwrap_err` wants a `Debug`, which what was fetched has not.
pub(crate) async fn failure(origin: &AwsOrigin, ask: Ask) -> OriginError {
    origin.fetch(ask).await.err().expect("a failure")
}

/// How the double answers a request.
pub(crate) enum Reply {
    /// With a status and a body.
    Answer(u16, String),
    /// The same, after a while.
    Late(Duration, u16, String),
    /// The same, and the connection is closed without a word.
    Last(u16, String),
    /// With these bytes, and the connection is closed.
    Bytes(Vec<u8>),
    /// Not: the connection is closed.
    Close,
    /// Never; the connection stays open.
    Never,
}

/// A service on the loopback.
pub(crate) struct Double {
    endpoint: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Double {
    /// One that answers its n-th request (from 0), of which it is told head and
    /// body, as `reply` says.
    pub(crate) fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (counts, reply) = (Arc::new(Counts::default()), Arc::new(reply));
        let double = Self { endpoint, counts: Arc::clone(&counts) };
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                counts.connections.fetch_add(1, Ordering::SeqCst);
                let (counts, reply) = (Arc::clone(&counts), Arc::clone(&reply));
                std::thread::spawn(move || serve(&connection, &counts, &*reply));
            }
        });
        double
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn origin(&self) -> AwsOrigin {
        origin(options(&self.endpoint))
    }

    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }
}

fn serve(connection: &TcpStream, counts: &Counts, reply: &(dyn Fn(usize, &str) -> Reply + Send + Sync)) {
    let mut reader = BufReader::new(connection);
    while let Some(request) = request(&mut reader) {
        let number = counts.requests.fetch_add(1, Ordering::SeqCst);
        let (answer, last) = match reply(number, &request) {
            Reply::Answer(status, body) => (answer(status, &body), false),
            Reply::Late(pause, status, body) => {
                std::thread::sleep(pause);
                (answer(status, &body), false)
            }
            Reply::Last(status, body) => (answer(status, &body), true),
            Reply::Bytes(bytes) => (bytes, true),
            Reply::Close => return,
            Reply::Never => {
                // Until the caller has closed it.
                let _ = reader.read(&mut [0]);
                return;
            }
        };
        let mut connection = connection;
        if connection.write_all(&answer).is_err() || last {
            return;
        }
    }
}

fn answer(status: u16, body: &str) -> Vec<u8> {
    let head = "Content-Type: application/x-amz-json-1.1\r\nConnection: keep-alive";
    format!("HTTP/1.1 {status} Said\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A request's head and body; `None` if the connection was closed.
fn request(reader: &mut impl BufRead) -> Option<String> {
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        text.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(text + &String::from_utf8(body).ok()?)
}

/// What `GetParameter` answers.
pub(crate) fn parameter_body(value: &str) -> String {
    format!(r#"{{"Parameter":{{"Name":"/a","Type":"String","Value":"{value}","Version":1}}}}"#)
}

/// How a service refuses.
pub(crate) fn refusal(code: &str, message: &str) -> String {
    format!(r#"{{"__type":"com.amazonaws#{code}","message":"{message}"}}"#)
}
