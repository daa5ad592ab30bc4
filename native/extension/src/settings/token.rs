//! The token that a function shows with its requests.

use std::fmt;
use std::sync::Arc;

use subtle::{Choice, ConstantTimeEq};

use super::Environment;

/// What is compared at once: tokens that are no longer than this all cost the
/// same, whatever their lengths. Session tokens have about 1,000 bytes.
const BLOCK: usize = 4096;

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// Words between two looks at whether they differ: each look costs as much as
/// some words do.
const GROUP: usize = 8;

/// The token that requests must show in `X-Aws-Parameters-Secrets-Token`.
///
/// Under `SnapStart` (`AWS_LAMBDA_INITIALIZATION_TYPE` is `snap-start`) a
/// function has no `AWS_SESSION_TOKEN` but container credentials, and shows
/// `AWS_CONTAINER_AUTHORIZATION_TOKEN`; elsewhere it shows
/// `AWS_SESSION_TOKEN`. Where that variable is not set, the other one is
/// expected; where neither is, nothing matches. Source: "Use Secrets Manager
/// secrets in Lambda functions" and "Improving startup performance with Lambda
/// `SnapStart`" in the AWS Lambda Developer Guide.
///
/// ```
/// use snowmelt_extension::settings::{Environment, Token};
///
/// let token = Token::new(&[("AWS_SESSION_TOKEN", "IQoJ")].into_iter().collect::<Environment>());
/// assert!(token.matches(b"IQoJ"));
/// assert!(!token.matches(b"IQoJx"));
/// assert_eq!(format!("{token:?}"), "Token");
/// ```
#[derive(Clone)]
pub struct Token(Option<Arc<Expected>>);

struct Expected {
    bytes: u64,
    /// Filled up to whole blocks, so that its length does not show.
    words: Box<[u64]>,
}

impl Token {
    /// The token that this environment's function shows.
    pub fn new(environment: &Environment) -> Self {
        let mut variables = ["AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];
        if environment.text("AWS_LAMBDA_INITIALIZATION_TYPE") == Some("snap-start") {
            variables.reverse();
        }
        let token = variables.into_iter().find_map(|name| environment.text(name));
        Self(token.map(|token| {
            let bytes = token.as_bytes();
            Arc::new(Expected { bytes: bytes.len() as u64, words: words(bytes) })
        }))
    }

    /// Whether there is a token to show at all.
    pub fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// Whether this is the token. Takes as long for a wrong one as for the
    /// right one, however much of it is right, and whatever its length.
    pub fn matches(&self, shown: &[u8]) -> bool {
        let Some(expected) = &self.0 else { return false };
        let fits = Choice::from(u8::from(shown.len() <= expected.words.len() * WORD));
        let mut same = fits & (shown.len() as u64).ct_eq(&expected.bytes);
        let mut shown = shown.chunks(WORD).map(word);
        for group in expected.words.chunks(GROUP) {
            let differ = group.iter().fold(0, |differ, word| differ | (word ^ shown.next().unwrap_or(0)));
            same &= differ.ct_eq(&0);
        }
        same.into()
    }
}

/// Up to eight bytes as a word, zeroes behind them.
fn word(bytes: &[u8]) -> u64 {
    let mut whole = [0; WORD];
    whole[..bytes.len()].copy_from_slice(bytes);
    u64::from_ne_bytes(whole)
}

/// Bytes in words, zeroes behind them, in whole blocks.
fn words(bytes: &[u8]) -> Box<[u64]> {
    let mut words: Vec<u64> = bytes.chunks(WORD).map(word).collect();
    words.resize(bytes.len().div_ceil(BLOCK).max(1) * BLOCK / WORD, 0);
    words.into_boxed_slice()
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(variables: &[(&str, &str)]) -> Token {
        Token::new(&variables.iter().copied().collect())
    }

    #[test]
    fn only_the_token_matches() {
        for length in [1, 7, 8, 9, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let right = "x".repeat(length);
            let token = token(&[("AWS_SESSION_TOKEN", &right)]);
            assert!(token.matches(right.as_bytes()), "{length}");
            for at in [0, length / 2, length - 1] {
                let mut wrong = right.clone().into_bytes();
                wrong[at] ^= 1;
                assert!(!token.matches(&wrong), "{length} at {at}");
            }
            for wrong in ["x".repeat(length - 1), "x".repeat(length + 1), "x".repeat(10 * BLOCK)] {
                assert!(!token.matches(wrong.as_bytes()), "{length} and {}", wrong.len());
            }
            let padded = format!("{right}\0");
            assert!(!token.matches(padded.as_bytes()), "{length} and a zero");
        }
    }

    #[test]
    fn which_token_is_expected() {
        let both = [("AWS_SESSION_TOKEN", "session"), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container")];
        let kind = |kind| [both[0], both[1], ("AWS_LAMBDA_INITIALIZATION_TYPE", kind)];
        for (variables, expected) in [
            (&both[..], Some("session")),
            (&both[..1], Some("session")),
            (&both[1..], Some("container")),
            (&kind("on-demand"), Some("session")),
            (&kind("provisioned-concurrency"), Some("session")),
            (&kind("snap-start"), Some("container")),
            (
                &[("AWS_SESSION_TOKEN", "session"), ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")],
                Some("session"),
            ),
            (&[("AWS_SESSION_TOKEN", "")], None),
            (&[], None),
        ] {
            let token = token(variables);
            assert_eq!(token.is_set(), expected.is_some());
            for shown in ["session", "container", ""] {
                assert_eq!(token.matches(shown.as_bytes()), expected == Some(shown), "{variables:?} {shown}");
            }
        }
    }

    #[test]
    fn it_never_shows() {
        let token = token(&[("AWS_SESSION_TOKEN", "marker")]);
        assert_eq!(format!("{token:?} {token:#?}"), "Token Token");
    }
}
