//! What must never be seen where it does not belong.
//!
//! Every value that is a secret in these tests has [`MARK`] in it: values of
//! parameters, secrets, items and `/cache`, the token, and the credentials.

/// In every secret.
pub(crate) const MARK: &str = "tOpSeCrEt";
/// `AWS_SESSION_TOKEN`.
pub(crate) const TOKEN: &str = "tOpSeCrEt-session-token";
/// `AWS_SECRET_ACCESS_KEY`.
pub(crate) const CREDENTIAL: &str = "tOpSeCrEt-access-key";

/// A value that is a secret.
pub(crate) fn secret(what: impl std::fmt::Display) -> String {
    format!("{MARK}-{what}")
}

/// No secret is in this text; neither is one as base64.
pub(crate) fn check(what: &str, text: &[u8]) {
    // The three ways in which base64 writes what is in the middle of a text.
    for mark in [MARK, "dE9wU2VDckV0", "RPcFNlQ3JFd", "0T3BTZUNyRX"] {
        let found = text.windows(mark.len()).position(|window| window == mark.as_bytes());
        if let Some(at) = found {
            let around = &text[at.saturating_sub(200)..text.len().min(at + 100)];
            panic!("a secret is in {what}: {}", String::from_utf8_lossy(around));
        }
    }
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    use std::panic::catch_unwind;
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}{MARK}c");
        assert!(catch_unwind(|| check("a text", text.as_bytes())).is_err());
        let encoded = aws_smithy_types::base64::encode(&text);
        assert!(catch_unwind(|| check("base64", encoded.as_bytes())).is_err(), "{encoded}");
    }
    check("a text", b"something else");
}
