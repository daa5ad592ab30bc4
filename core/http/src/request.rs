//! A request as the policy sees it.

use http::HeaderMap;

/// A request as a host has it, borrowed: nothing is copied to look it up.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// As it was sent; methods are case-sensitive.
    pub method: &'a str,
    /// `http` or `https`, in any case: the scheme that the client used, as far as
    /// the host trusts what tells it.
    pub scheme: &'a str,
    /// The `Host` header or `:authority`, with the port if there is one; empty
    /// if the request names none.
    pub host: &'a str,
    /// The path as it was sent: percent-encoded, without the query.
    pub path: &'a str,
    /// What follows the `?`, as it was sent; `None` without a `?`.
    pub query: Option<&'a str>,
    /// All header fields.
    pub headers: &'a HeaderMap,
    /// What the host has of the body.
    pub body: Body<'a>,
    /// What the host's own `key` function said of this request (a tenant, a
    /// user): a part of the key. `None` and an empty text differ.
    pub custom: Option<&'a str>,
}

/// What a host has of a request's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body<'a> {
    /// No body, as far as the host knows: `Content-Length` and `Transfer-Encoding` are looked at too.
    #[default]
    None,
    /// One follows, or may, and was not read: HTTP/2 needs no header that says so; or it is longer
    /// than [`Policy::wants_body`](crate::Policy::wants_body) asked for.
    Follows,
    /// All of it, where `wants_body` asked for it.
    Read(&'a [u8]),
}
