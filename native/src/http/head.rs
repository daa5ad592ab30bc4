//! A request's head, as the policy sees it.

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, Method, Uri};
use snowmelt_http::{Body, Request};

/// What follows a request's head.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    Nothing,
    /// A body, that was not read, or is longer than what may be.
    Unread,
    Read(Bytes),
}

/// What the user's functions say of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// Where it went, if that is not its own URI.
    pub(super) uri: Option<Uri>,
    pub(super) key: Option<String>,
}

/// A request as the policy sees it, while it is at hand.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) key: Option<&'a str>,
    pub(super) sent: &'a Sent,
}

/// The same, kept: the request itself goes to the handler.
#[derive(Debug)]
pub(super) struct Head {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    key: Option<String>,
    sent: Sent,
}

impl<'a> View<'a> {
    pub(super) fn new(parts: &'a Parts, said: &'a Said, sent: &'a Sent) -> Self {
        let uri = said.uri.as_ref().unwrap_or(&parts.uri);
        Self { method: &parts.method, uri, headers: &parts.headers, key: said.key.as_deref(), sent }
    }

    pub(super) fn keep(self) -> Head {
        Head {
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: self.headers.clone(),
            key: self.key.map(str::to_owned),
            sent: self.sent.clone(),
        }
    }

    pub(super) fn request(self) -> Request<'a> {
        Request {
            method: self.method.as_str(),
            scheme: self.uri.scheme_str().unwrap_or("http"),
            host: host(self.uri, self.headers),
            path: self.uri.path(),
            query: self.uri.query(),
            headers: self.headers,
            body: match self.sent {
                Sent::Nothing => Body::None,
                Sent::Unread => Body::Follows,
                Sent::Read(bytes) => Body::Read(bytes),
            },
            custom: self.key,
        }
    }
}

impl Head {
    pub(super) fn view(&self) -> View<'_> {
        let Self { method, uri, headers, key, sent } = self;
        View { method, uri, headers, key: key.as_deref(), sent }
    }
}

/// No host that the policy takes: such a request goes to the handler alone.
const NO_HOST: &str = "?";

/// The host that a request is for. Where the URI and the header name two, nobody can tell which of them
/// the response is made from: a page made for the one must not be given to those who ask for
/// the other.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    let mut named = headers.get_all(HOST).iter();
    let header = match (named.next(), named.next()) {
        (None, _) => None,
        (Some(host), None) => Some(host.to_str().unwrap_or(NO_HOST)),
        (Some(_), Some(_)) => return NO_HOST,
    };
    match (uri.authority(), header) {
        (None, header) => header.unwrap_or_default(),
        (Some(authority), None) => authority.as_str(),
        (Some(authority), Some(header)) if authority.as_str().eq_ignore_ascii_case(header) => header,
        _ => NO_HOST,
    }
}
