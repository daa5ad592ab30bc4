//! Records, position tokens, data IDs and templates are external input.

use snowmelt_core::invalidation::{Decoded, Envelope, MAX_NAME_BYTES, Sources, decode, encode};
use snowmelt_core::{DataId, Invalidation, PositionToken, RecordFormat, Source};

/// Reads `data` as each of them; what can be read is written and read again.
pub fn codecs(data: &[u8]) {
    for namespace in ["", "shop"] {
        if let Decoded::Apply(invalidation) = decode(data, namespace, &Sources::default()) {
            survives(&invalidation, RecordFormat::Snowmelt, namespace);
            if !invalidation.all && invalidation.tags.is_empty() && invalidation.prefixes.is_empty() {
                survives(&invalidation, RecordFormat::Scache, namespace);
            }
        }
    }
    changes(data);
    let Ok(text) = core::str::from_utf8(data) else { return };
    template(text);
    if let Ok(token) = text.parse::<PositionToken>() {
        assert_eq!(token.to_string().parse(), Ok(token));
    }
    if let Ok(id) = text.parse::<DataId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}

/// Sources of every kind.
pub(crate) fn sources() -> [Source; 5] {
    [
        Source::dynamodb("orders").key("k/{pk}").key("{region}/{table}/{sk}").tag("t:{t}").prefix("{p}"),
        Source::dynamodb("arn:aws:dynamodb:us-east-1:1:table/orders").tag("{account}:{region}"),
        Source::parameter_store().key("ssm/{name}").prefix("{region}{account}"),
        Source::secrets_manager().key("secretsmanager/{id}").tag("{account}"),
        Source::secrets_manager().prefix("all-secrets"),
    ]
}

/// Sources decide about changes, and about nothing else.
fn changes(data: &[u8]) {
    let sources = Sources::new(&sources()).expect("sound sources");
    let without = decode(data, "", &Sources::default());
    let with = decode(data, "", &sources);
    if without != Decoded::ForOthers {
        assert_eq!(with, without);
        return;
    }
    match with {
        Decoded::ForOthers => {}
        Decoded::Apply(told) => sound(&told),
        Decoded::Lacking { told, why } => {
            assert!(!why.is_empty() && why.len() < 1_000, "{why}");
            sound(&told);
        }
        other => panic!("{other:?}"),
    }
}

/// Nothing that a source says can mean everything, or cannot be a name.
fn sound(told: &Invalidation) {
    assert!(!told.all);
    for name in told.keys.iter().chain(&told.tags).chain(&told.prefixes) {
        assert!((1..=MAX_NAME_BYTES).contains(&name.len()), "a name of {} bytes", name.len());
    }
}

/// A template is refused, with its remedy, or makes names.
fn template(text: &str) {
    const CHANGE: &[u8] = br#"{"awsRegion":"r","tableName":"orders","dynamodb":{"Keys":{"pk":{"S":"1"}}},"eventSource":"aws:dynamodb"}"#;
    match Sources::new(&[Source::dynamodb("orders").prefix(text)]) {
        Err(error) => assert!(error.option.starts_with("source.dynamodb") && !error.remedy.is_empty()),
        Ok(sources) => match decode(CHANGE, "", &sources) {
            Decoded::Apply(told) => sound(&told),
            Decoded::Lacking { told, .. } => assert!(told.is_empty()),
            other => panic!("{other:?}"),
        },
    }
}

/// What is written reads as what it was, though perhaps from several records.
fn survives(invalidation: &Invalidation, format: RecordFormat, namespace: &str) {
    let envelope = Envelope { namespace, written: 1_790_000_000_000 };
    let records = encode(invalidation, format, envelope).expect("the format can say this");
    let mut read = Invalidation::default();
    for record in &records {
        let Decoded::Apply(part) = decode(record, namespace, &Sources::default()) else {
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
