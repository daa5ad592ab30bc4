//! Which options there are, and which one a misspelt one was meant to be.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ConfigError;

/// The options that [`Config::set`](crate::Config::set) knows.
pub const NAMES: &[&str] = &[
    "ttl",
    "ttl_min",
    "ttl_max",
    "catch_up_every",
    "max_lag",
    "margin",
    "settle",
    "retention",
    "catch_up_budget",
    "call_timeout",
    "load_timeout",
    "soft_load_timeout",
    "stale_while_revalidate",
    "stale_if_error",
    "refresh_ahead",
    "negative_ttl",
    "max_entries",
    "max_weight",
    "max_leases",
    "max_fences",
    "lanes",
    "namespace",
    "on_undecodable",
    "record_format",
    "source",
    "keys_as_tags",
    "give_up_records",
    "give_up_bytes",
    "page_records",
];

/// Names that differ by more than this many letters are not taken for each
/// other.
const NEAR: usize = 2;
/// Longer names are no misspelling of any option, and are cut in messages.
const LONGEST: usize = 64;

/// The error for an option that is not `among` those there are; names the one
/// that was meant, where that is clear. A host that has options of its own
/// lists them too.
pub fn unknown(option: &str, among: &[&str]) -> ConfigError {
    let letters = letters(option);
    let distances = among.iter().map(|name| (distance(&letters, &self::letters(name)), *name));
    // A name of two or three letters is near to anything short.
    let nearest = distances.min().filter(|(distance, name)| *distance <= NEAR.min(name.len() / 2));
    let remedy = match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => {
            let all: Vec<_> = among.iter().map(|name| format!("`{name}`")).collect();
            format!("there are {}", all.join(", "))
        }
    };
    ConfigError::new(option.chars().take(LONGEST).collect::<String>(), "unknown".to_owned(), remedy)
}

/// A name without what one language's names have and another's do not:
/// `maxLag`, `max_lag` and `MAX_LAG` are one.
fn letters(name: &str) -> String {
    name.chars().filter(|letter| *letter != '_').map(|letter| letter.to_ascii_lowercase()).collect()
}

/// How many letters have to be inserted, removed or replaced to make one name
/// of the other (Levenshtein's distance), row by row.
fn distance(one: &str, other: &str) -> usize {
    if one.len() > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = core::mem::replace(&mut row[0], index + 1);
        for (column, other) in other.chars().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn distances_are_counted_in_letters() {
        for (one, other, far) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("ttl", "ttl", 0),
            ("kitten", "sitting", 3),
            ("max_lagg", "max_lag", 1),
            ("ñandú", "nandu", 2),
        ] {
            assert_eq!(distance(one, other), far, "{one} {other}");
        }
    }

    #[test]
    fn a_misspelt_option_is_told_which_was_meant() {
        for (given, meant) in [
            ("max_lagg", "max_lag"),
            ("maxLag", "max_lag"),
            ("ttlmin", "ttl_min"),
            ("lane", "lanes"),
            ("tt", "ttl"),
            ("catchup_every", "catch_up_every"),
            ("catchUpEvery", "catch_up_every"),
            ("CALL_TIMEOUT", "call_timeout"),
            ("Ttl", "ttl"),
        ] {
            let error = unknown(given, NAMES);
            assert_eq!(error.to_string(), format!("option `{given}` is unknown: did you mean `{meant}`?"));
        }
    }

    #[test]
    fn an_option_that_resembles_none_is_told_all_of_them() {
        for given in ["", "x", "flavour", "segments", "stream", &"max_lag".repeat(1000)] {
            let error = unknown(given, NAMES);
            assert!(error.option.len() <= LONGEST);
            for name in NAMES {
                assert!(error.remedy.contains(&format!("`{name}`")), "{error}");
            }
        }
    }
}
