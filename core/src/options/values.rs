//! What a single value means.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::{Setting, Units};
use crate::error::ConfigError;
use crate::refresh::Share;

/// A duration: a text of numbers with units (`"250ms"`, `"30s"`, `"5m"`,
/// `"1.5h"`, `"2d"`, and from the largest unit to the smallest: `"1h30m"`), or
/// a bare number in `units`. Units are case-sensitive; spaces are allowed.
///
/// # Errors
///
/// For a negative number or one that is none, for a text without units unless
/// it is 0, and for a bare number of milliseconds above 0 and below 1000.
pub fn duration(option: &'static str, setting: &Setting<'_>, units: Units) -> Result<Duration, ConfigError> {
    let read = match *setting {
        Setting::Number(number) if units == Units::Milliseconds && number > 0.0 && number < 1000.0 => {
            return Err(ConfigError::new(option, shown(setting), which_unit(&number.to_string())));
        }
        Setting::Number(number) => match units {
            Units::Milliseconds => Duration::try_from_secs_f64(number / 1000.0).ok(),
            Units::Seconds => Duration::try_from_secs_f64(number).ok(),
        },
        Setting::Text(text) if text.trim() == "0" => Some(Duration::ZERO),
        Setting::Text(text) if decimal(text.trim()).is_some() => {
            return Err(ConfigError::new(option, shown(setting), which_unit(text.trim())));
        }
        Setting::Text(text) => parts(text),
        _ => None,
    };
    let remedy = match units {
        Units::Milliseconds => {
            r#"give a duration such as "250ms", "30s", "5m", "1h30m" or "2d", or a number of milliseconds"#
        }
        Units::Seconds => {
            r#"give a duration such as "250ms", "30s", "5m", "1h30m" or "2d", or a number of seconds"#
        }
    };
    read.ok_or_else(|| refused(option, setting, remedy))
}

fn which_unit(number: &str) -> String {
    format!(r#"is it {number} ms or {number} s? write "{number}ms" or "{number}s""#)
}

/// The units of a duration, from the largest to the smallest.
const TIMES: [(&str, f64); 4] = [("d", 86_400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];

fn parts(text: &str) -> Option<Duration> {
    let (mut rest, mut sum, mut least) = (text.trim(), Duration::ZERO, f64::INFINITY);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = number_and_rest(rest);
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let number = decimal(number)?;
        // Milliseconds are divided: a thousandth is no exact factor.
        let (seconds, weight) = match TIMES.iter().find(|(name, _)| *name == unit) {
            Some((_, weight)) => (number * weight, *weight),
            None if unit == "ms" => (number / 1000.0, 0.001),
            None => return None,
        };
        if weight >= least {
            return None;
        }
        least = weight;
        sum = sum.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = after.trim_start();
    }
    Some(sum)
}

/// A number's text and what follows it, spaces between them left out.
fn number_and_rest(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number, rest.trim_start())
}

/// Digits, at most one point between them: no sign, no exponent, no name.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(fraction) { text.parse().ok() } else { None }
}

/// Powers of 1024, whichever way they are written.
const SIZES: [(&str, u32); 7] =
    [("b", 0), ("kb", 10), ("mb", 20), ("gb", 30), ("kib", 10), ("mib", 20), ("gib", 30)];

/// A size in bytes: a whole number, or a text with a unit (`"512kb"`,
/// `"64mb"`, `"1.5GB"`). A `kb` is 1024 bytes, as is a `kib`; a part of a byte
/// is left out.
///
/// # Errors
///
/// For a text without a unit, a negative number, one with a part after the
/// point, and one too large for 64 bits.
pub fn size(option: &'static str, setting: &Setting<'_>) -> Result<u64, ConfigError> {
    let read = match *setting {
        Setting::Number(number) => whole(number),
        Setting::Text(text) => {
            let (number, unit) = number_and_rest(text.trim());
            let unit = SIZES.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name));
            unit.and_then(|(_, power)| bytes(decimal(number)? * f64::from(1 << power)))
        }
        _ => None,
    };
    let remedy =
        r#"give a whole number without quotes, or a text with a unit such as "512kb", "64mb" or "1gb""#;
    read.ok_or_else(|| refused(option, setting, remedy))
}

/// A count: a whole number that the option's own type can hold.
///
/// # Errors
///
/// For anything else, a number in quotes included.
pub fn count<T: TryFrom<u64>>(option: &'static str, setting: &Setting<'_>) -> Result<T, ConfigError> {
    let read = match *setting {
        Setting::Number(number) => whole(number).and_then(|number| T::try_from(number).ok()),
        _ => None,
    };
    let remedy = match setting {
        Setting::Text(_) => "give a number, without quotes",
        Setting::Number(number) if whole(*number).is_some() => "it is too large; give a smaller number",
        _ => "give a whole number that is not negative",
    };
    read.ok_or_else(|| refused(option, setting, remedy))
}

/// A share: a number between 0 and 1, both excluded.
///
/// # Errors
///
/// For anything else, a number in quotes included.
pub fn share(option: &'static str, setting: &Setting<'_>) -> Result<Share, ConfigError> {
    let read = match *setting {
        Setting::Number(number) => Share::new(number),
        _ => None,
    };
    let remedy = "give a number between 0 and 1, such as 0.8, or leave it out";
    read.ok_or_else(|| refused(option, setting, remedy))
}

/// 2⁶⁴, the first number that is too large.
const TOO_LARGE: f64 = 18_446_744_073_709_551_616.0;

fn whole(number: f64) -> Option<u64> {
    bytes(number).filter(|_| number % 1.0 == 0.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked; a part of a byte is left out on purpose"
)]
fn bytes(number: f64) -> Option<u64> {
    (0.0..TOO_LARGE).contains(&number).then_some(number as u64)
}

/// A text.
///
/// # Errors
///
/// For anything else.
pub fn text<'a>(option: &'static str, setting: &Setting<'a>) -> Result<&'a str, ConfigError> {
    match *setting {
        Setting::Text(text) => Ok(text),
        _ => Err(refused(option, setting, "give a text").of_wrong_type()),
    }
}

/// True or false.
///
/// # Errors
///
/// For anything else.
pub fn flag(option: &'static str, setting: &Setting<'_>) -> Result<bool, ConfigError> {
    match *setting {
        Setting::Flag(flag) => Ok(flag),
        _ => Err(refused(option, setting, "give true or false").of_wrong_type()),
    }
}

/// One of some words, and what it stands for.
///
/// # Errors
///
/// For anything else; the remedy lists the words.
pub fn one_of<T: Copy>(
    option: &'static str,
    setting: &Setting<'_>,
    choices: &[(&str, T)],
) -> Result<T, ConfigError> {
    let choice = match *setting {
        Setting::Text(text) => choices.iter().find(|(word, _)| *word == text),
        _ => None,
    };
    choice.map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<_> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
        let error = refused(option, setting, format!("give {}", words.join(" or ")));
        if matches!(setting, Setting::Number(_)) { error.of_wrong_type() } else { error }
    })
}

/// The error for a value that cannot be used, shown as the language that gave it
/// would name it.
pub fn refused(
    option: impl Into<Cow<'static, str>>,
    setting: &Setting<'_>,
    remedy: impl Into<Cow<'static, str>>,
) -> ConfigError {
    let error = match setting {
        Setting::Nothing => ConfigError::new(option, shown(setting), "leave it out to have the default"),
        _ => ConfigError::new(option, shown(setting), remedy),
    };
    match setting {
        // What takes one of them takes the other: a count in quotes is asked
        // for without.
        Setting::Text(_) | Setting::Number(_) => error,
        Setting::Flag(_) | Setting::Nothing | Setting::List(_) | Setting::Fields(_) | Setting::Other(_) => {
            error.of_wrong_type()
        }
    }
}

/// A value as a message shows it.
fn shown(setting: &Setting<'_>) -> String {
    match setting {
        Setting::Text(text) => format!("{text:?}"),
        Setting::Number(number) => number.to_string(),
        Setting::Flag(flag) => flag.to_string(),
        Setting::Nothing => "given without a value".into(),
        Setting::List(_) => "a list".into(),
        Setting::Fields(_) => "an object".into(),
        Setting::Other(name) => format!("of type {name}"),
    }
}
