//! `Cache-Control`, read strictly: names in any case, quoted values, bounded
//! numbers.

use http::HeaderMap;
use http::header::{CACHE_CONTROL, EXPIRES, HeaderName, PRAGMA};

/// The longest time that a directive can name, in seconds (RFC 9111, section 1.2.2).
pub(crate) const FOREVER: u64 = 1 << 31;

/// The directives of a response or of a request, those that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a directive that is there or not")]
pub(crate) struct Control {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) only_if_cached: bool,
    pub(crate) max_age: Option<u64>,
    pub(crate) s_maxage: Option<u64>,
    pub(crate) min_fresh: Option<u64>,
    pub(crate) stale_while_revalidate: Option<u64>,
    pub(crate) stale_if_error: Option<u64>,
}

impl Control {
    /// Without `Cache-Control`, `Pragma: no-cache` says `no-cache` (RFC 9111, section 5.4).
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut control = Self::default();
        let mut lines = headers.get_all(CACHE_CONTROL).iter().peekable();
        if lines.peek().is_none() {
            control.no_cache = names(headers, &PRAGMA, b"no-cache");
        }
        for line in lines {
            control.read(line.as_bytes());
        }
        control
    }

    fn read(&mut self, mut line: &[u8]) {
        while !line.is_empty() {
            let (directive, rest) = split_list(line, true);
            line = rest;
            let directive = directive.trim_ascii();
            let (name, value) = match directive.iter().position(|byte| *byte == b'=') {
                Some(at) => (directive[..at].trim_ascii_end(), Some(&directive[at + 1..])),
                None => (directive, None),
            };
            self.set(name, value);
        }
    }

    fn set(&mut self, name: &[u8], value: Option<&[u8]>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let flags = [
            ("no-store", &mut self.no_store),
            ("no-cache", &mut self.no_cache),
            ("private", &mut self.private),
            ("public", &mut self.public),
            ("must-revalidate", &mut self.must_revalidate),
            ("proxy-revalidate", &mut self.proxy_revalidate),
            ("only-if-cached", &mut self.only_if_cached),
        ];
        for (known, flag) in flags {
            if is(known) {
                *flag = true;
                return;
            }
        }
        let times = [
            ("max-age", &mut self.max_age),
            ("s-maxage", &mut self.s_maxage),
            ("min-fresh", &mut self.min_fresh),
            ("stale-while-revalidate", &mut self.stale_while_revalidate),
            ("stale-if-error", &mut self.stale_if_error),
        ];
        for (known, time) in times {
            if is(known) {
                let seconds = seconds(value.unwrap_or_default());
                // Of two that differ the lesser: at worst the handler runs more often.
                *time = Some(time.map_or(seconds, |before| before.min(seconds)));
                return;
            }
        }
    }

    /// Whether a response itself says for how long a shared cache may have it.
    pub(crate) fn explicit(&self, headers: &HeaderMap) -> bool {
        self.s_maxage.is_some() || self.max_age.is_some() || headers.contains_key(EXPIRES)
    }

    /// Whether the response itself says that everybody may have it, whoever asked (RFC 9111, section 3.5).
    pub(crate) fn shareable(&self) -> bool {
        self.public || self.s_maxage.is_some()
    }
}

/// A number of seconds; what is none is 0, "already stale".
fn seconds(value: &[u8]) -> u64 {
    let value = value.trim_ascii();
    let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    value.iter().fold(0, |sum: u64, digit| (sum * 10 + u64::from(digit - b'0')).min(FOREVER))
}

/// The first element of a list and what follows its comma. A comma between quotes is none.
/// In quotes a backslash may escape a quote; in an entity tag it does not.
pub(crate) fn split_list(list: &[u8], escapes: bool) -> (&[u8], &[u8]) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in list.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted && escapes => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return (&list[..at], &list[at + 1..]),
            _ => {}
        }
    }
    // A quote that is not closed is none: it must not hide what follows, a `no-store` least of all.
    match list.iter().position(|byte| *byte == b',').filter(|_| quoted) {
        Some(at) => (&list[..at], &list[at + 1..]),
        None => (list, &[]),
    }
}

/// Whether a list header names this, in any case.
pub(crate) fn names(headers: &HeaderMap, header: &HeaderName, name: &[u8]) -> bool {
    headers.get_all(header).iter().any(|line| {
        line.as_bytes().split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(name))
    })
}
