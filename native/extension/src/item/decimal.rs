//! Decimal numbers of any length, to be put in order.

use std::cmp::Reverse;

/// A decimal number by its size. Two texts of the same value are equal.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Decimal {
    Negative(Reverse<Magnitude>),
    Zero,
    Positive(Magnitude),
}

/// 0.`digits` × 10^`exponent`, without zeros at either end of the digits.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Magnitude {
    exponent: i64,
    digits: Vec<u8>,
}

impl Decimal {
    /// Of a JSON number. Another text has some place or other.
    pub(super) fn of(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = whole.bytes().chain(fraction.bytes());
        let zeros = all.clone().take_while(|&digit| digit == b'0').count();
        let mut digits: Vec<u8> = all.skip(zeros).collect();
        digits.truncate(digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1));
        if digits.is_empty() {
            return Self::Zero;
        }
        let point = count(whole.len()).saturating_sub(count(zeros));
        let exponent = exponent.parse::<i64>().unwrap_or(0).saturating_add(point);
        let magnitude = Magnitude { exponent, digits };
        if negative { Self::Negative(Reverse(magnitude)) } else { Self::Positive(magnitude) }
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_the_order_of_their_values() {
        let ordered = [
            "-1e126",
            "-100",
            "-99.9",
            "-2",
            "-0.5",
            "-1E-130",
            "0",
            "1E-130",
            "0.05",
            "0.5",
            "2",
            "10",
            "10.1",
            "99999999999999999999999999999999999998",
            "99999999999999999999999999999999999999",
            "1E+126",
        ];
        for (at, pair) in ordered.windows(2).enumerate() {
            assert!(Decimal::of(pair[0]) < Decimal::of(pair[1]), "{at}: {pair:?}");
        }
    }

    #[test]
    fn texts_of_the_same_value_are_equal() {
        for [one, other] in
            [["1", "1.00"], ["100", "1e2"], ["0.01", "1E-2"], ["0", "-0.0"], ["12.5", "125e-1"]]
        {
            assert_eq!(Decimal::of(one), Decimal::of(other));
        }
    }

    #[test]
    fn what_is_no_number_is_harmless() {
        for text in ["", "-", "e", "1e", "1e99999999999999999999", "--1", "é.é", "."] {
            let _ = Decimal::of(text);
        }
    }
}
