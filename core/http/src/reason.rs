//! Why a response is not shared.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Why a request is not looked up, or a response not stored. Its word
        /// stands in `Cache-Status` as the detail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in all languages and in `Cache-Status`. Stable.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

reasons! {
    /// The method is none of those that are cached.
    Method = "method",
    /// The host's `skip` said so. The policy never says this itself.
    Skipped = "skipped",
    /// The `Host` is none that a URL can have, or there are two.
    Host = "host",
    /// The request has a body that is no part of the key, or is too long for it.
    RequestBody = "request-body",
    /// The request wants to change the protocol (`Upgrade`).
    Upgrade = "upgrade",
    /// `If-Match` or `If-Unmodified-Since`: for the handler to judge.
    Precondition = "precondition",
    /// A HEAD request, for which no response to GET was stored.
    Head = "head",
    /// A `Range` request, for which no whole response was stored.
    Range = "range",
    /// The request says `no-store`.
    RequestNoStore = "request-no-store",
    /// The request takes what is stored only (`only-if-cached`), so that no handler ran.
    OnlyIfCached = "only-if-cached",
    /// A stored response was of another variant than its own `Vary` had told.
    VaryChanged = "vary-changed",
    /// A response with this status is not stored.
    Status = "status",
    /// A 5xx, and `store_5xx` is off, or nothing says for how long.
    ServerError = "server-error",
    /// The response says `no-store`.
    NoStore = "no-store",
    /// The response says `private`.
    Private = "private",
    /// The response says `no-cache`.
    NoCache = "no-cache",
    /// The request has `Authorization`, and the response does not say that it
    /// may be shared nevertheless.
    Authorization = "authorization",
    /// The request has cookies, and the response does not say for how long
    /// it may be shared.
    Cookie = "cookie",
    /// The response sets a cookie, and does not say that it may be shared
    /// nevertheless.
    SetCookie = "set-cookie",
    /// Neither the response nor the options give it a time to live above 0.
    NoLifetime = "no-lifetime",
    /// `Vary: *`.
    VaryAny = "vary-any",
    /// The response varies with more headers than are looked at.
    VaryTooLong = "vary-too-long",
    /// More tags than are kept, or longer ones: without them an invalidation
    /// would miss the page.
    Tags = "tags",
    /// The response's header fields are too many or too long.
    HeadTooLarge = "head-too-large",
    /// The body is over `max_body`.
    BodyTooLarge = "body-too-large",
    /// The body is not as long as `Content-Length` said.
    Incomplete = "incomplete",
    /// The body ends with trailers, which are not stored.
    Trailers = "trailers",
    /// A stream that does not end by itself (server-sent events, gRPC), or not soon enough for
    /// the host.
    Endless = "endless",
    /// The handler failed, or was cut off, and this is what a waiter's own call gave. The policy
    /// never says this itself.
    Failed = "failed",
}

impl Reason {
    /// Whether a load that passes with it has failed, so that `stale_if_error` may answer with
    /// what is stored (RFC 5861, section 4). With any other reason the handler has said something
    /// else than before: its client gets that, whatever is stored.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::ServerError | Self::Failed)
    }
}
