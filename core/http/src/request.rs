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
    /// The body, where [`Policy::wants_body`](crate::Policy::wants_body) asked for it
    /// and it was not longer than that.
    pub body: Option<&'a [u8]>,
    /// What the host's own `key` function said of this request (a tenant, a
    /// user): a part of the key. `None` and an empty text differ.
    pub custom: Option<&'a str>,
}
