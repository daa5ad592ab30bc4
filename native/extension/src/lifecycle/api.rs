//! A client of the Extensions API, version 2020-01-01.
//!
//! Sources: AWS Lambda developer guide, "Using the Lambda Extensions API to
//! create extensions", and the "Extensions API reference" in it, for paths,
//! headers, bodies and status codes.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::event::Event;
use super::failure::Failure;

const REGISTER: &str = "/2020-01-01/extension/register";
const NEXT: &str = "/2020-01-01/extension/event/next";
const INIT_ERROR: &str = "/2020-01-01/extension/init/error";
const EXIT_ERROR: &str = "/2020-01-01/extension/exit/error";

const NAME: &str = "lambda-extension-name";
const ID: &str = "lambda-extension-identifier";
const ERROR_TYPE: &str = "lambda-extension-function-error-type";

/// Events and errors have some hundred bytes; this is no event.
const LARGEST: usize = 256 << 10;
/// What is waited between two attempts to reach the API, in milliseconds: it
/// is on this machine, so that within some seconds it is there or it is gone.
const PAUSES: [u64; 10] = [0, 10, 20, 40, 80, 160, 320, 640, 640, 640];
/// A call that was open for this long had reached the API.
const REACHED: Duration = Duration::from_secs(1);

/// What goes wrong with the Extensions API.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiError {
    /// `AWS_LAMBDA_RUNTIME_API` is no host and port.
    #[error(
        "AWS_LAMBDA_RUNTIME_API is {0:?}, and not a host and a port: Lambda sets it where it starts extensions"
    )]
    Address(String),
    /// The binary's file name cannot be sent as a header.
    #[error("the file name {0:?} cannot be registered: name the binary snowmelt-extension")]
    Name(String),
    /// No answer, or none that is HTTP.
    #[error("no answer from the Extensions API to {path} at {address}: {reason}")]
    Unreachable {
        /// Which call.
        path: &'static str,
        /// Where it went.
        address: String,
        /// The last attempt's end.
        reason: String,
    },
    /// Answered with an error.
    #[error("the Extensions API refused {path} with {status}: {message}")]
    Refused {
        /// Which call.
        path: &'static str,
        /// The status.
        status: u16,
        /// `errorType: errorMessage` of the answer.
        message: String,
    },
    /// Answered with what is not documented.
    #[error("the Extensions API answered {path} with {what}")]
    Strange {
        /// Which call.
        path: &'static str,
        /// What there was.
        what: String,
    },
}

/// A connection that ended before an answer had come.
struct Lost(String);

struct Answer {
    status: StatusCode,
    id: Option<HeaderValue>,
    body: Bytes,
}

/// The client. Calls are made one after the other, on one connection that is
/// made anew when it was lost.
pub struct Api {
    address: String,
    host: HeaderValue,
    /// What `register` gave.
    id: Option<HeaderValue>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Api {
    /// For the address that `AWS_LAMBDA_RUNTIME_API` names. Connects to nothing.
    ///
    /// # Errors
    ///
    /// When it is no host and port.
    pub fn new(address: &str) -> Result<Self, ApiError> {
        let wrong = || ApiError::Address(address.to_owned());
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(wrong());
        }
        let host = HeaderValue::from_str(address).map_err(|_| wrong())?;
        Ok(Self { address: address.to_owned(), host, id: None, connection: None })
    }

    /// `POST /extension/register`: from here on the runtime initialises.
    /// `name` has to be the binary's file name, to the letter.
    ///
    /// # Errors
    ///
    /// When the API cannot be reached or refuses.
    pub async fn register(&mut self, name: &str, events: &[&str]) -> Result<(), ApiError> {
        let header = HeaderValue::from_str(name).map_err(|_| ApiError::Name(name.to_owned()))?;
        let body = json!({ "events": events }).to_string();
        let answer = self.tell(REGISTER, &[(NAME, header)], body).await?;
        let id = answer.id.ok_or_else(|| strange(REGISTER, "no Lambda-Extension-Identifier"))?;
        self.id = Some(id);
        Ok(())
    }

    /// `GET /extension/event/next`: says that the extension is done with what
    /// came before, and waits for what comes next, for as long as that takes;
    /// a freeze in between is a part of it. A connection that was lost
    /// meanwhile is made anew and asked again.
    ///
    /// # Errors
    ///
    /// When the API is gone or refuses; nothing will come any more then.
    pub async fn next(&mut self) -> Result<Event, ApiError> {
        let mut pauses = PAUSES.iter();
        loop {
            let asked = Instant::now();
            let lost = match self.ask(&Method::GET, NEXT, &[], Bytes::new()).await {
                Ok(answer) => {
                    let answer = accepted(NEXT, answer)?;
                    return Event::parse(&answer.body).map_err(|what| strange(NEXT, &what));
                }
                Err(lost) => lost,
            };
            if asked.elapsed() >= REACHED {
                pauses = PAUSES.iter();
            }
            let Some(pause) = pauses.next() else { return Err(self.unreachable(NEXT, lost)) };
            tracing::debug!(reason = lost.0, "the connection to the Extensions API was lost; asking again");
            sleep(Duration::from_millis(*pause)).await;
        }
    }

    /// `POST /extension/init/error`, after `register`: the function's start
    /// fails with this.
    ///
    /// # Errors
    ///
    /// When the API cannot be reached or refuses.
    pub async fn init_error(&mut self, failure: &Failure) -> Result<(), ApiError> {
        self.report(INIT_ERROR, failure).await
    }

    /// `POST /extension/exit/error`: why the extension ends now.
    ///
    /// # Errors
    ///
    /// When the API cannot be reached or refuses.
    pub async fn exit_error(&mut self, failure: &Failure) -> Result<(), ApiError> {
        // Its last call may still be open.
        self.connection = None;
        self.report(EXIT_ERROR, failure).await
    }

    async fn report(&mut self, path: &'static str, failure: &Failure) -> Result<(), ApiError> {
        let kind = HeaderValue::from_static(failure.error_type());
        self.tell(path, &[(ERROR_TYPE, kind)], failure.to_json().to_string()).await.map(drop)
    }

    /// Posts. Only what was not sent at all is sent again: the API refuses a
    /// second registration.
    async fn tell(
        &mut self,
        path: &'static str,
        headers: &[(&'static str, HeaderValue)],
        body: String,
    ) -> Result<Answer, ApiError> {
        let body = Bytes::from(body);
        let mut pauses = PAUSES.iter();
        while let Err(lost) = self.connect().await {
            let Some(pause) = pauses.next() else { return Err(self.unreachable(path, lost)) };
            sleep(Duration::from_millis(*pause)).await;
        }
        match self.ask(&Method::POST, path, headers, body).await {
            Ok(answer) => accepted(path, answer),
            Err(lost) => Err(self.unreachable(path, lost)),
        }
    }

    async fn ask(
        &mut self,
        method: &Method,
        path: &'static str,
        headers: &[(&'static str, HeaderValue)],
        body: Bytes,
    ) -> Result<Answer, Lost> {
        self.connect().await?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = path.parse().map_err(lost)?;
        let all = request.headers_mut();
        all.insert(HOST, self.host.clone());
        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        all.extend(self.id.clone().map(|id| (hyper::header::HeaderName::from_static(ID), id)));
        for (name, value) in headers {
            all.insert(*name, value.clone());
        }
        // Only a call that came to its end leaves a connection to go on with.
        let mut connection = self.connection.take().ok_or_else(|| lost("no connection"))?;
        let response = connection.send_request(request).await.map_err(lost)?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(lost)?.to_bytes();
        self.connection = Some(connection);
        Ok(Answer { status: parts.status, id: parts.headers.get(ID).cloned(), body })
    }

    /// Makes sure that there is a connection.
    async fn connect(&mut self) -> Result<(), Lost> {
        if let Some(connection) = &mut self.connection
            && connection.ready().await.is_ok()
        {
            return Ok(());
        }
        self.connection = None;
        let stream = TcpStream::connect(&self.address).await.map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await.map_err(lost)?;
        // What ends it, the call that is open is told.
        tokio::spawn(async move { drop(driver.await) });
        self.connection = Some(connection);
        Ok(())
    }

    fn unreachable(&self, path: &'static str, Lost(reason): Lost) -> ApiError {
        ApiError::Unreachable { path, address: self.address.clone(), reason }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn lost(error: impl ToString) -> Lost {
    Lost(error.to_string())
}

fn strange(path: &'static str, what: &str) -> ApiError {
    ApiError::Strange { path, what: what.to_owned() }
}

/// The documented successes are 200 and, for errors reported, 202.
fn accepted(path: &'static str, answer: Answer) -> Result<Answer, ApiError> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let said = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
    let text = |name: &str| said[name].as_str().unwrap_or("unknown").to_owned();
    let message = format!("{}: {}", text("errorType"), text("errorMessage"));
    Err(ApiError::Refused { path, status: answer.status.as_u16(), message })
}
