//! What stands after the `?`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// The query of a request, read as Go's `net/url` reads it, in which the
/// originals of contracts 1 to 3 are written: names and values are
/// percent-encoded or as they are, `+` is a space, and of a repeated parameter
/// the first counts. Unlike there, what cannot be decoded is not ignored.
#[derive(Clone, Copy)]
pub(super) struct Query<'a>(&'a str);

/// A parameter that cannot be read.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(
    "{0} is not percent-encoded UTF-8 text: write % as %25, and other characters as the bytes of their UTF-8 text"
)]
pub(super) struct Undecodable(Cow<'static, str>);

impl<'a> Query<'a> {
    pub(super) fn of(uri: &'a http::Uri) -> Self {
        Self(uri.query().unwrap_or_default())
    }

    /// The first of the parameters with this name that has a value.
    pub(super) fn first(self, name: &str) -> Result<Option<Cow<'a, str>>, Undecodable> {
        Ok(self.first_of(&[name])?.map(|(_, value)| value))
    }

    /// The first of the parameters with one of these names that has a value, and
    /// which name it is.
    pub(super) fn first_of<'n>(
        self,
        names: &[&'n str],
    ) -> Result<Option<(&'n str, Cow<'a, str>)>, Undecodable> {
        for pair in self.0.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Ok(key) = decode(key) else { continue };
            if let Some(name) = names.iter().find(|name| **name == key) {
                let value =
                    decode(value).map_err(|()| Undecodable(format!("the value of `{name}`").into()))?;
                if !value.is_empty() {
                    return Ok(Some((name, value)));
                }
            }
        }
        Ok(None)
    }
}

fn decode(text: &str) -> Result<Cow<'_, str>, ()> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Ok(text.into());
    }
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let digits = rest.as_bytes().get(at + 1..at + 3).ok_or(())?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(());
        }
        rest = &rest[at + 3..];
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| ())?;
    Ok(decoded.into_owned().into())
}

/// `true` and `false`, as Go's `strconv.ParseBool` spells them, in any case.
pub(super) fn flag(text: &str) -> Option<bool> {
    let is = |spellings: [&str; 3]| spellings.iter().any(|known| known.eq_ignore_ascii_case(text));
    if is(["true", "t", "1"]) {
        return Some(true);
    }
    is(["false", "f", "0"]).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(query: &'static str, name: &str) -> Result<Option<Cow<'static, str>>, Undecodable> {
        Query(query).first(name)
    }

    #[test]
    fn values_are_decoded_or_as_they_are() {
        for (query, value) in [
            ("name=/a/b", "/a/b"),
            ("name=%2Fa%2fb", "/a/b"),
            ("x=1&name=a", "a"),
            ("name=a&name=b", "a"),
            ("name=a+b%20c%2Bd", "a b c+d"),
            ("name=%C3%BC", "ü"),
            ("name=a=b=c", "a=b=c"),
            ("n%61me=a", "a"),
            ("name&name=&name=a", "a"),
            ("%zz=1&name=a", "a"),
        ] {
            assert_eq!(first(query, "name"), Ok(Some(value.into())), "{query}");
        }
        assert_eq!(first("", "name"), Ok(None));
        for query in ["Name=a", "name", "name="] {
            assert_eq!(first(query, "name"), Ok(None), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_told() {
        for query in ["name=%", "name=%2", "name=%zz", "name=%FF", "name=a%C3"] {
            let error = first(query, "name").expect_err(query).to_string();
            assert!(error.starts_with("the value of `name` is not percent-encoded UTF-8 text"), "{error}");
        }
        assert_eq!(first("other=%FF&name=a", "name"), Ok(Some("a".into())));
    }

    #[test]
    fn flags_are_spelled_as_in_go() {
        for (text, value) in
            [("true", Some(true)), ("T", Some(true)), ("1", Some(true)), ("TRUE", Some(true))]
        {
            assert_eq!(flag(text), value);
        }
        for (text, value) in [("False", Some(false)), ("f", Some(false)), ("0", Some(false)), ("yes", None)] {
            assert_eq!(flag(text), value);
        }
    }
}
