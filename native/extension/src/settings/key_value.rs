//! The values of keys, in the one form that DynamoDB gives back: an entry is
//! named by them, and the table's change records must name it the same.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};

use crate::origin::KeyType;

/// Which part of a primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Hash,
    Sort,
}

impl Part {
    /// The most bytes of a value. Source: "Constraints in Amazon DynamoDB".
    fn most(self) -> usize {
        match self {
            Self::Hash => 2048,
            Self::Sort => 1024,
        }
    }
}

/// The value as DynamoDB gives it back: a number without needless zeroes and
/// without an exponent, binary in base64 of the standard alphabet with its
/// padding.
///
/// # Errors
///
/// For a value that no key can have, what it may be.
pub(super) fn canonical(of: KeyType, part: Part, value: &str) -> Result<String, String> {
    let most = part.most();
    if value.is_empty() {
        return Err("a key's value cannot be empty".to_owned());
    }
    match of {
        KeyType::String if value.len() <= most => Ok(value.to_owned()),
        KeyType::String => Err(format!("a key's value has at most {most} bytes")),
        KeyType::Number => number(value).ok_or_else(|| {
            "the key is a number (N): give one such as 7, -1.5 or 2e3, of at most 38 digits written out"
                .to_owned()
        }),
        KeyType::Binary => binary(value, most)
            .ok_or_else(|| format!("the key is binary (B): give base64 of at most {most} bytes")),
    }
}

/// The digits that DynamoDB keeps of a number.
const DIGITS: usize = 38;

fn number(text: &str) -> Option<String> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok().filter(|e| e.abs() <= 200)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 512 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Where the point is, from the first digit.
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let zeroes = digits.len() - digits.trim_start_matches('0').len();
    let (digits, point) = (digits.trim_matches('0'), point - i32::try_from(zeroes).ok()?);
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    let written = written(digits, point)?;
    Some(if negative { format!("-{written}") } else { written })
}

/// Digits without zeroes around them, written out; none if that is longer than
/// a number's digits can be.
fn written(digits: &str, point: i32) -> Option<String> {
    let zeroes = |count: i32| {
        usize::try_from(count).ok().filter(|count| *count <= DIGITS).map(|count| "0".repeat(count))
    };
    let length = i32::try_from(digits.len()).ok()?;
    let text = if point <= 0 {
        format!("0.{}{digits}", zeroes(-point)?)
    } else if point >= length {
        format!("{digits}{}", zeroes(point - length)?)
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
        format!("{whole}.{fraction}")
    };
    let count = text.bytes().filter(u8::is_ascii_digit).count();
    (count <= DIGITS + usize::from(point <= 0)).then_some(text)
}

/// With and without padding, of either alphabet: a name in a URL may have had
/// to do without `+`, `/` and `=`.
fn binary(text: &str, most: usize) -> Option<String> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = text.replace('-', "+").replace('_', "/");
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(text).ok()?;
    (1..=most).contains(&bytes.len()).then(|| STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As given, and as DynamoDB has them.
    const NUMBERS: &[(&str, &str)] = &[
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        ("0e9", "0"),
        ("7", "7"),
        ("+7", "7"),
        ("007", "7"),
        ("-7", "-7"),
        ("1.0", "1"),
        ("1.10", "1.1"),
        ("100", "100"),
        ("2e3", "2000"),
        ("2E+3", "2000"),
        ("1.5e1", "15"),
        ("15e-1", "1.5"),
        ("1e-3", "0.001"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-0.50", "-0.5"),
        ("0.00120", "0.0012"),
        ("120e-5", "0.0012"),
        ("10.01", "10.01"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678"),
        ("1e37", "10000000000000000000000000000000000000"),
    ];

    #[test]
    fn numbers_are_written_as_dynamodb_gives_them_back() {
        for (given, canonical) in NUMBERS.iter().copied() {
            assert_eq!(number(given).as_deref(), Some(canonical), "{given}");
        }
        for given in [
            "",
            "-",
            "+",
            ".",
            "e5",
            "1e",
            "x",
            "1x",
            " 1",
            "1 ",
            "--1",
            "+-1",
            "1e1.5",
            "0x10",
            "1_000",
            "NaN",
            "inf",
            "1e38",
            "1e200",
            "1e-60",
            "1e999999999999",
            "123456789012345678901234567890123456789",
            "\u{661}",
        ] {
            assert_eq!(number(given), None, "{given}");
        }
        assert_eq!(number(&"9".repeat(100_000)), None);
    }

    #[test]
    fn binary_is_written_with_the_standard_alphabet() {
        for (given, canonical) in [("aGk=", "aGk="), ("aGk", "aGk="), ("-_-_", "+/+/"), ("+/+/", "+/+/")] {
            assert_eq!(canonical_of(KeyType::Binary, given).as_deref(), Ok(canonical), "{given}");
        }
        for given in ["a", "a b", "aGk==", "=", "é"] {
            let error = canonical_of(KeyType::Binary, given).unwrap_err();
            assert_eq!(error, "the key is binary (B): give base64 of at most 2048 bytes", "{given}");
        }
    }

    fn canonical_of(of: KeyType, value: &str) -> Result<String, String> {
        canonical(of, Part::Hash, value)
    }

    #[test]
    fn keys_have_bounds() {
        assert_eq!(canonical_of(KeyType::String, " a@@b "), Ok(" a@@b ".to_owned()));
        let long = |length| "x".repeat(length);
        assert!(canonical_of(KeyType::String, &long(2048)).is_ok());
        assert_eq!(
            canonical_of(KeyType::String, &long(2049)).unwrap_err(),
            "a key's value has at most 2048 bytes"
        );
        assert!(canonical(KeyType::String, Part::Sort, &long(1024)).is_ok());
        assert!(canonical(KeyType::String, Part::Sort, &long(1025)).is_err());
        assert!(canonical_of(KeyType::Binary, &STANDARD.encode([7; 2048])).is_ok());
        assert!(canonical_of(KeyType::Binary, &STANDARD.encode([7; 2049])).is_err());
        for of in [KeyType::String, KeyType::Number, KeyType::Binary] {
            assert_eq!(canonical_of(of, "").unwrap_err(), "a key's value cannot be empty");
        }
    }
}
