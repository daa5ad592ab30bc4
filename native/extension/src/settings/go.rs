//! Values as Go reads them: the demo and the AWS extension are Go programs.

/// Nanoseconds of a unit. Both letters that look like a µ are there, as in Go:
/// U+00B5 and U+03BC.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A duration in nanoseconds, as `time.ParseDuration` of Go reads it: an
/// optional sign, then numbers with an optional fraction and a unit each,
/// `"300ms"`, `"-1.5h"`, `"2h45m"`; or `0`. `None` for anything else, and for
/// what 64 bits cannot hold (about 292 years).
///
/// Source: the Go standard library's documentation of package `time`.
pub(super) fn duration(text: &str) -> Option<i64> {
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let (part, after) = part(rest)?;
        sum = sum.checked_add(part).filter(|sum| *sum <= LEAST)?;
        rest = after;
    }
    if negative {
        return 0_i64.checked_sub_unsigned(sum);
    }
    i64::try_from(sum).ok()
}

/// How far below 0 the least duration is: one further than the greatest is
/// above it.
const LEAST: u64 = 1 << 63;

/// A number with its unit, in nanoseconds, and what follows.
fn part(text: &str) -> Option<(u64, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanoseconds = whole.checked_mul(*unit).filter(|nanoseconds| *nanoseconds <= LEAST)?;
    let nanoseconds = nanoseconds.checked_add(part_of(fraction, *unit)).filter(|sum| *sum <= LEAST)?;
    Some((nanoseconds, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// What the digits after the point are worth, rounded down. Digits that 64
/// bits cannot take any more change nothing.
fn part_of(fraction: &str, unit: u64) -> u64 {
    let (mut digits, mut scale): (u64, u64) = (0, 1);
    for digit in fraction.bytes() {
        let next = digits.checked_mul(10).and_then(|digits| digits.checked_add(u64::from(digit - b'0')));
        let (Some(next), Some(tenth)) = (next, scale.checked_mul(10)) else { break };
        (digits, scale) = (next, tenth);
    }
    let nanoseconds = u128::from(digits) * u128::from(unit) / u128::from(scale);
    u64::try_from(nanoseconds).unwrap_or(unit)
}

/// A flag, as `strconv.ParseBool` of Go reads it.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    /// Texts, and their nanoseconds.
    const DURATIONS: &[(&str, i64)] = &[
        ("0", 0),
        ("5s", 5 * S),
        ("30s", 30 * S),
        ("1478s", 1478 * S),
        ("-5s", -5 * S),
        ("+5s", 5 * S),
        ("-0", 0),
        ("+0", 0),
        ("5.0s", 5 * S),
        ("5.6s", 5 * S + 600_000_000),
        ("5.s", 5 * S),
        (".5s", S / 2),
        ("1.0s", S),
        ("1.00s", S),
        ("1.004s", S + 4_000_000),
        ("1.0040s", S + 4_000_000),
        ("100.00100s", 100 * S + 1_000_000),
        ("10ns", 10),
        ("11us", 11_000),
        ("12\u{b5}s", 12_000),
        ("12\u{3bc}s", 12_000),
        ("13ms", 13_000_000),
        ("14s", 14 * S),
        ("15m", 15 * 60 * S),
        ("16h", 16 * 3600 * S),
        ("3h30m", 3 * 3600 * S + 30 * 60 * S),
        ("10.5s4m", 4 * 60 * S + 10 * S + S / 2),
        ("-2m3.4s", -(2 * 60 * S + 3 * S + 400_000_000)),
        ("1h2m3s4ms5us6ns", 3600 * S + 2 * 60 * S + 3 * S + 4_005_006),
        ("39h9m14.425s", 39 * 3600 * S + 9 * 60 * S + 14 * S + 425_000_000),
        ("52763797000ns", 52_763_797_000),
        ("0.3333333333333333333h", 20 * 60 * S - 1),
        ("9007199254740993ns", (1 << 53) + 1),
        ("9223372036854775807ns", i64::MAX),
        ("9223372036854775.807us", i64::MAX),
        ("9223372036s854ms775us807ns", i64::MAX),
        ("-9223372036854775808ns", i64::MIN),
        ("-9223372036854775.808us", i64::MIN),
        ("-9223372036s854ms775us808ns", i64::MIN),
        ("0.100000000000000000000h", 6 * 60 * S),
        ("0.830103483285477580700h", 49 * 60 * S + 48 * S + 372_539_827),
        ("90s", 90 * S),
        ("3m", 180 * S),
        ("24h", 86_400 * S),
        ("1h30m", 5400 * S),
        ("60m", 3600 * S),
    ];

    /// The cases of `TestParseDuration` in Go's package `time`, by meaning.
    #[test]
    fn durations_are_what_go_reads() {
        for (text, nanoseconds) in DURATIONS.iter().copied() {
            let read = duration(text);
            // Go multiplies fractions as floating-point numbers.
            let close = read.is_some_and(|read| (read - nanoseconds).abs() <= 1);
            assert!(close, "{text}: {read:?}, not {nanoseconds}");
        }
    }

    /// The cases of `TestParseDurationErrors`, and some more.
    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "3",
            "-",
            "s",
            ".",
            "-.",
            ".s",
            "+.s",
            "1d",
            "\u{85}\u{85}",
            "\u{ffff}",
            "hello \u{ffff} world",
            "9223372036854775810ns",
            "9223372036854775808ns",
            "-9223372036854775809ns",
            "9223372036854776us",
            "3000000h",
            "9223372036854775.808us",
            "9223372036854ms775us808ns",
            " 5s",
            "5 s",
            "5s ",
            "1e3s",
            "+-5s",
            "--5s",
            "5S",
            "5m5",
            "60",
            "\u{661}s",
            "1.2.3s",
            "99999999999999999999999999s",
        ] {
            assert_eq!(duration(text), None, "{text:?}");
        }
    }

    #[test]
    fn flags_are_what_go_reads() {
        for text in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(boolean(text), Some(true), "{text}");
        }
        for text in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(boolean(text), Some(false), "{text}");
        }
        for text in ["", "yes", "no", "on", "tRUE", "2", "null"] {
            assert_eq!(boolean(text), None, "{text}");
        }
    }
}
