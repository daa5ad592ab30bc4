//! Records, position tokens and data IDs are external input.

use snowmelt_core::invalidation::{Decoded, Envelope, decode, encode};
use snowmelt_core::{DataId, Invalidation, PositionToken, RecordFormat};

/// Reads `data` as each of them; what can be read is written and read again.
pub fn codecs(data: &[u8]) {
    for namespace in ["", "shop"] {
        if let Decoded::Apply(invalidation) = decode(data, namespace) {
            survives(&invalidation, RecordFormat::Snowmelt, namespace);
            if !invalidation.all && invalidation.tags.is_empty() && invalidation.prefixes.is_empty() {
                survives(&invalidation, RecordFormat::Scache, namespace);
            }
        }
    }
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(token) = text.parse::<PositionToken>() {
        assert_eq!(token.to_string().parse(), Ok(token));
    }
    if let Ok(id) = text.parse::<DataId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}

/// What is written reads as what it was, though perhaps from several records.
fn survives(invalidation: &Invalidation, format: RecordFormat, namespace: &str) {
    let envelope = Envelope { namespace, written: 1_790_000_000_000 };
    let records = encode(invalidation, format, envelope).expect("the format can say this");
    let mut read = Invalidation::default();
    for record in &records {
        let Decoded::Apply(part) = decode(record, namespace) else {
            panic!("not readable: {}", String::from_utf8_lossy(record));
        };
        read.keys.extend(part.keys);
        read.tags.extend(part.tags);
        read.prefixes.extend(part.prefixes);
        read.all |= part.all;
    }
    // `all` says everything there is to say.
    let expected = if invalidation.all { Invalidation::all() } else { invalidation.clone() };
    assert_eq!(read, expected);
}
