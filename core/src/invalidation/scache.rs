//! The records of scache, a Go library: keys and an RFC 3339 time.
//!
//! ```json
//! {"keys":["id=12345&s=db.table.id&t=data.ID"],"ts":"2018-05-01T10:00:00Z"}
//! ```

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Decoded, Envelope, Invalidation, RECORD_BYTES};
use crate::error::InputError;

#[derive(Deserialize)]
struct Read {
    keys: Vec<String>,
    #[serde(rename = "ts")]
    _written: String,
}

#[derive(Serialize)]
struct Written<'a> {
    keys: &'a [String],
    ts: &'a str,
}

/// `None` if this is not an scache record.
pub(super) fn decode(data: &[u8]) -> Option<Decoded> {
    let Read { keys, .. } = serde_json::from_slice(data).ok()?;
    Some(Decoded::Apply(Invalidation { keys, ..Invalidation::default() }))
}

pub(super) fn encode(
    invalidation: &Invalidation,
    envelope: Envelope<'_>,
) -> Result<Vec<Vec<u8>>, InputError> {
    let missing = [
        ("tags", !invalidation.tags.is_empty()),
        ("prefixes", !invalidation.prefixes.is_empty()),
        ("all", invalidation.all),
    ];
    if let Some((what, _)) = missing.into_iter().find(|(_, given)| *given) {
        return Err(InputError::NotInFormat { what });
    }
    let ts = rfc3339(envelope.written);
    Ok(split(&invalidation.keys)
        .map(|keys| serde_json::to_vec(&Written { keys, ts: &ts }).unwrap_or_default())
        .collect())
}

/// Cuts the keys into runs that each fit one record.
fn split(mut keys: &[String]) -> impl Iterator<Item = &[String]> {
    core::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = keys.iter().take_while(|key| {
            bytes += key.len() * 6 + 3;
            bytes <= RECORD_BYTES
        });
        let (run, rest) = keys.split_at(fits.count().max(1).min(keys.len()));
        keys = rest;
        (!run.is_empty()).then_some(run)
    })
}

/// `1790000000000` as `2026-09-21T14:13:20Z`: whole seconds, as Go's
/// `time.Time` reads them.
fn rfc3339(millis: u64) -> String {
    let seconds = millis / 1000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day since 1970-01-01 (H. Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}
