//! What may still be done with a value whose lifetime is over, or nearly so.
//!
//! `stale-while-revalidate` and `stale-if-error` are RFC 5861's, for values of
//! every kind. Refreshing ahead is `XFetch`: A. Vattani, F. Chierichetti and
//! K. Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", PVLDB 8(8),
//! 2015, algorithm 2.

use core::time::Duration;

use crate::random::mix;

/// A share of a lifetime, in 65,536ths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share(u16);

impl Share {
    /// No share: never.
    pub const OFF: Self = Self(0);

    /// A share between 0 and 1, both excluded; `None` if it is none.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 65,535")]
    pub fn new(share: f64) -> Option<Self> {
        let parts = (share * 65_536.0).clamp(1.0, 65_535.0);
        // Rounded up, so that nothing is refreshed before its share.
        let up = f64::from(parts as u16) < parts;
        (share > 0.0 && share < 1.0).then(|| Self(parts as u16 + u16::from(up)))
    }

    /// That share of a lifetime in milliseconds (of 32 bits), rounded up;
    /// `None` if it is off.
    pub(crate) fn of(self, life: u64) -> Option<u64> {
        (self != Self::OFF).then(|| (life * u64::from(self.0)).div_ceil(65_536))
    }
}

/// How one value is refreshed. What is `None` is as the cache was configured:
/// see the options of the same names in [`Config`](crate::Config).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refresh {
    /// For so long past its lifetime the value is served while one reader
    /// loads it anew.
    pub stale_while_revalidate: Option<Duration>,
    /// For so long past its lifetime, or past `max_lag`, the value is served if
    /// it cannot be loaded anew.
    pub stale_if_error: Option<Duration>,
    /// Past this share of its lifetime one reader may load it anew early.
    pub refresh_ahead: Option<Share>,
}

/// Whether a read at a moment at which `remaining` of a value's lifetime is
/// left, all in milliseconds, should refresh it: with the probability that
/// `remaining <= scale * -ln(u)` for `u` uniform in (0, 1], which is
/// `exp(-remaining / scale)`.
///
/// In the paper `scale` is the time that the load took (with its parameter
/// beta at 1). A sandbox that is read once in a while would seldom be read
/// within the last such times of a lifetime; so it is a quarter of what comes
/// after the share (`window`), if that is longer: then the first reads after
/// the share refresh with a probability of 2 % each, the last ones surely.
///
/// Each cache of a fleet has its own readers. If all of them drew, the caches
/// that are read often would all refresh as soon as they may: a thousand draws
/// at 2 % come true at once. So those who come within one of [`DRAWS`] equal
/// parts of the window share one draw. `seed` is of the cache and the entry.
pub(crate) fn draws(remaining: u64, window: u64, took: u64, seed: u64) -> bool {
    let part = u128::from(remaining) * u128::from(DRAWS) / u128::from(window.max(1));
    let random = mix(seed ^ mix(u64::try_from(part).unwrap_or(u64::MAX)));
    let scale = (window / 4).max(took).max(1);
    unit(random) < decay(ratio(remaining, scale))
}

/// The most draws for one value.
const DRAWS: u64 = 64;

#[expect(clippy::cast_precision_loss, reason = "milliseconds of days, and a probability")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// A number from 0 up to 1, without 1.
#[expect(clippy::cast_precision_loss, reason = "of 53 bits")]
fn unit(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// exp(-x) for x >= 0, as the limit of (1 - x/n)^n, at n = 2^20: off by less
/// than one in 10,000 where it is not next to nothing. (`core` has no `exp`.)
fn decay(x: f64) -> f64 {
    let mut power = (1.0 - x / f64::from(1 << 20)).max(0.0);
    for _ in 0..20 {
        power *= power;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_lies_between_nothing_and_all() {
        for share in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::new(share), None, "{share}");
        }
        assert_eq!(Share::new(0.5), Some(Share(32_768)));
        assert_eq!(Share::new(f64::MIN_POSITIVE), Some(Share(1)));
        assert_eq!(Share::new(0.999_999), Some(Share(65_535)));
    }

    #[test]
    fn a_share_of_a_lifetime_is_never_too_small() {
        let of = |share, life| Share::new(share).unwrap().of(life).unwrap();
        assert_eq!((of(0.5, 1_000), of(0.5, 1), of(0.8, 1)), (500, 1, 1));
        assert_eq!((of(0.8, 300_000), of(0.1, u32::MAX.into())), (240_001, 429_522_944));
        assert_eq!(Share::OFF.of(1_000), None);
    }

    #[test]
    fn decay_is_the_exponential() {
        for x in [0.0, 0.01, 0.5, 1.0, 2.0, 4.0, 8.0] {
            assert!((decay(x) - f64::exp(-x)).abs() < 1e-4, "{x}");
        }
        assert!(decay(1e9) < 1e-12);
    }

    /// The probability is the paper's, whichever of the two scales counts.
    #[test]
    fn draws_with_the_probability_of_xfetch() {
        for (remaining, window, took, expected) in [
            (0, 1000, 10, 1.0),
            (1000, 1000, 10, f64::exp(-4.0)),
            (250, 1000, 10, f64::exp(-1.0)),
            (500, 1000, 500, f64::exp(-1.0)),
        ] {
            let drawn = (0..100_000).filter(|n| draws(remaining, window, took, mix(*n))).count();
            let share = ratio(drawn as u64, 100_000);
            assert!((share - expected).abs() < 0.01, "{remaining} of {window}: {share}, not {expected}");
        }
    }

    /// However many readers come: whom the first does not tell to refresh, the
    /// others of the same part are told hardly more often.
    #[test]
    fn readers_of_one_part_share_a_draw() {
        let (window, part) = (64_000, 1_000);
        let any = |seed| (part..2 * part).rev().filter(|left| draws(*left, window, 0, seed)).count();
        for seed in 0..1_000 {
            let told = any(seed);
            assert!(told == 0 || draws(part, window, 0, seed), "{told} were told, and the last was not");
        }
        let late = (60 * part..61 * part).rev();
        let told = (0..1_000).filter(|seed| late.clone().any(|left| draws(left, window, 0, *seed))).count();
        assert!(told < 60, "{told} of 1,000 are told within one part, at 2 %");
    }
}
