//! What says who asks.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, HeaderName};

use crate::kept::Vary;
use crate::options::Options;

/// Which of a request's headers may make its response one for a single client: those that are no part of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) authorization: bool,
    pub(crate) cookies: bool,
}

impl Credentials {
    pub(crate) fn of(options: &Options, headers: &HeaderMap) -> Self {
        let unkeyed = |name: HeaderName| headers.contains_key(&name) && !options.key_headers.contains(&name);
        Self {
            authorization: !options.ignore_authorization && unkeyed(AUTHORIZATION),
            cookies: !options.ignore_cookies && unkeyed(COOKIE),
        }
    }

    /// Those that the response does not vary with. (With `Authorization` it would have to say
    /// more: RFC 9111, section 3.5.)
    pub(crate) fn beside(self, vary: Option<&Vary>) -> Self {
        let varies = vary.is_some_and(|vary| vary.names.contains(&COOKIE));
        Self { cookies: self.cookies && !varies, ..self }
    }

    pub(crate) fn any(self) -> bool {
        self.authorization || self.cookies
    }
}
