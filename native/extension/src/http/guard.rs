//! Who may ask.
//!
//! The listeners are for the functions of this sandbox. What else can reach a
//! loopback port is made to: a function that follows a redirect or fetches a
//! URL it was given (SSRF), a proxy, a browser where the sandbox is emulated on
//! a developer's machine (DNS rebinding). None of them gets an answer.

use std::sync::Arc;

use http::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use http::{StatusCode, Uri};

use super::Response;
use super::problem::{problem, shown};

/// The header that bears the token, as the AWS Parameters and Secrets
/// extension has it.
pub(crate) const TOKEN: HeaderName = HeaderName::from_static("x-aws-parameters-secrets-token");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names of the loopback in a URL.
const HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

type Matches = dyn Fn(&[u8]) -> bool + Send + Sync;

/// What is asked of every request of a port.
#[derive(Clone, Default)]
pub struct Guards {
    token: Option<Arc<Matches>>,
}

impl Guards {
    /// Everything but the token.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a token in the header `X-Aws-Parameters-Secrets-Token`;
    /// `matches` compares it, in constant time.
    #[must_use]
    pub fn token(mut self, matches: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.token = Some(Arc::new(matches));
        self
    }

    /// The guards of a port.
    pub(super) fn of(self, port: u16) -> Gate {
        Gate { token: self.token, hosts: HOSTS.map(|host| (host, format!("{host}:{port}"))) }
    }
}

/// The guards, for one port.
pub(super) struct Gate {
    token: Option<Arc<Matches>>,
    /// Each without and with the port.
    hosts: [(&'static str, String); 3],
}

impl Gate {
    /// Whether the request may pass; the refusal otherwise.
    pub(super) fn check<B>(&self, request: &http::Request<B>) -> Result<(), Box<Response>> {
        let mut hosts = 0;
        for (name, value) in request.headers() {
            // Every header of every request comes by here: what is common is
            // told by its length.
            match name.as_str().len() {
                4 if name == HOST => {
                    hosts += 1;
                    self.check_host(value.as_bytes())?;
                }
                6 if name == ORIGIN => self.check_origin(value)?,
                9 if name == FORWARDED => return Err(forwarded(name)),
                14 if name == FETCH_SITE => check_site(value)?,
                15 if name == FORWARDED_FOR => return Err(forwarded(name)),
                _ => {}
            }
        }
        match hosts {
            0 => return Err(bad("NoHost", "the request has no Host header: send `Host: localhost`")),
            1 => {}
            _ => return Err(bad("ManyHosts", "the request has several Host headers: send one")),
        }
        self.check_uri(request.uri())?;
        self.check_token(request.headers())
    }

    fn check_host(&self, host: &[u8]) -> Result<(), Box<Response>> {
        if self.is_here(host) { Ok(()) } else { Err(foreign("Host", host)) }
    }

    fn is_here(&self, host: &[u8]) -> bool {
        self.hosts.iter().any(|(name, with_port)| {
            host.eq_ignore_ascii_case(with_port.as_bytes()) || host.eq_ignore_ascii_case(name.as_bytes())
        })
    }

    /// What a proxy is asked for: it must be what a proxy would ask here.
    fn check_uri(&self, uri: &Uri) -> Result<(), Box<Response>> {
        let Some(authority) = uri.authority() else { return Ok(()) };
        let sound = uri.scheme_str() == Some("http") && self.is_here(authority.as_str().as_bytes());
        if sound { Ok(()) } else { Err(foreign("request target's host", authority.as_str().as_bytes())) }
    }

    fn check_origin(&self, origin: &HeaderValue) -> Result<(), Box<Response>> {
        let origin = origin.as_bytes();
        let here = origin.strip_prefix(b"http://").is_some_and(|host| self.is_here(host));
        if here { Ok(()) } else { Err(foreign("Origin", origin)) }
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Box<Response>> {
        let Some(matches) = &self.token else { return Ok(()) };
        let given = headers.get(TOKEN).map_or(&b""[..], HeaderValue::as_bytes);
        if matches(given) {
            return Ok(());
        }
        let message = "the request must bear the value of AWS_SESSION_TOKEN in the header \
                       X-Aws-Parameters-Secrets-Token";
        Err(Box::new(problem(StatusCode::UNAUTHORIZED, "BadToken", message)))
    }
}

/// Browsers say where a request comes from. Another port of this machine is
/// another site to us, if not to them.
fn check_site(site: &HeaderValue) -> Result<(), Box<Response>> {
    match site.as_bytes() {
        b"same-origin" | b"none" => Ok(()),
        other => Err(foreign("Sec-Fetch-Site", other)),
    }
}

fn forwarded(name: &HeaderName) -> Box<Response> {
    let message =
        format!("the header {name} says that the request was forwarded: ask from this sandbox, directly");
    Box::new(problem(StatusCode::FORBIDDEN, "Forwarded", &message))
}

fn foreign(what: &str, value: &[u8]) -> Box<Response> {
    let message =
        format!("the {what} is {}: ask for http://localhost, from this sandbox, directly", shown(value));
    Box::new(problem(StatusCode::FORBIDDEN, "Foreign", &message))
}

fn bad(code: &str, message: &str) -> Box<Response> {
    Box::new(problem(StatusCode::BAD_REQUEST, code, message))
}
