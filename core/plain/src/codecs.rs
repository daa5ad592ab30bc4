//! What needs no cache: names, keys, records, tokens, streams.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use snowmelt_core::codes::{INVALID_ARGUMENT, INVALID_NAME};
use snowmelt_core::follower::lane_hash_key;
use snowmelt_core::invalidation::{self, Decoded, Envelope, Sources};
use snowmelt_core::options::{self, Setting, Units};
use snowmelt_core::{Config, DataId, Invalidation, PositionToken, RecordFormat, StreamSpec};

use crate::Outcome;
use crate::failure::Failure;
use crate::options::setting;
use crate::words;

/// What a `stream` option says: an object with `kind` and perhaps `name`.
pub fn parse_stream(value: &Value) -> Outcome<Value> {
    let spec = match setting(value) {
        Setting::Text(text) => text.parse()?,
        Setting::Nothing => return Err(StreamSpec::not_set("undefined").into()),
        Setting::Flag(flag) => return Err(StreamSpec::not_set(&flag.to_string()).into()),
        Setting::Number(number) => return Err(StreamSpec::not_set(&number.to_string()).into()),
        Setting::List(_) => return Err(StreamSpec::not_set("an array").into()),
        Setting::Fields(_) => return Err(StreamSpec::not_set("an object").into()),
        Setting::Other(kind) => return Err(StreamSpec::not_set(kind).into()),
    };
    Ok(match spec {
        StreamSpec::None => json!({ "kind": "none" }),
        StreamSpec::Memory(name) => json!({ "kind": "memory", "name": name }),
        StreamSpec::Kinesis(name) => json!({ "kind": "kinesis", "name": name }),
    })
}

/// The duration of an option of one call, in milliseconds.
pub fn duration(option: &str, value: &Value, units: Units) -> Outcome<f64> {
    let known =
        ["ttl", "within", "stale_while_revalidate", "stale_if_error", "soft_load_timeout", "body_timeout"];
    let option = known.into_iter().find(|known| *known == option).unwrap_or("duration");
    Ok(words::millis(options::duration(option, &setting(value), units)?))
}

/// Checks options, alone and against each other.
pub fn check_config(settings: &Value, units: Units) -> Outcome<()> {
    Ok(crate::options::config(settings, None, units)?.validate()?)
}

/// Checks a `key`, `tag` or `prefix`.
pub fn check_name(what: &str, name: &str) -> Outcome<()> {
    let what = ["key", "tag", "prefix"].into_iter().find(|known| *known == what).unwrap_or("name");
    Ok(invalidation::check_name(what, name)?)
}

/// The key of a datum, as scache writes it.
pub fn print_data_id(source: String, id: String) -> String {
    DataId { source, id }.to_string()
}

/// The `source` and `id` of such a key.
pub fn parse_data_id(text: &str) -> Outcome<Value> {
    let DataId { source, id } =
        text.parse().map_err(|error| Failure::new(INVALID_NAME, format!("{error}")))?;
    Ok(json!({ "source": source, "id": id }))
}

/// What a record says to a cache with this `source`, which may be null.
pub fn decode(base64: &str, namespace: &str, source: &Value) -> Outcome<Value> {
    let data = STANDARD.decode(base64);
    let data = data.map_err(|error| Failure::new(INVALID_ARGUMENT, format!("not base64: {error}")))?;
    let mut config = Config::default();
    if !source.is_null() {
        config.set("source", &setting(source), Units::Milliseconds)?;
    }
    Ok(match invalidation::decode(&data, namespace, &Sources::new(&config.sources)?) {
        Decoded::Apply(invalidation) => json!({ "apply": invalidation }),
        Decoded::OtherNamespace => json!("other_namespace"),
        Decoded::ForOthers => json!("for_others"),
        Decoded::Lacking { told, .. } => json!({ "lacking": told }),
        Decoded::FlushAll => json!("flush_all"),
        Decoded::Undecodable(_) => json!("undecodable"),
    })
}

/// The records' texts.
pub fn encode(what: &Invalidation, format: &str, namespace: &str, written: f64) -> Outcome<Vec<String>> {
    what.check()?;
    let format = if format == "scache" { RecordFormat::Scache } else { RecordFormat::Snowmelt };
    let envelope = Envelope { namespace, written: words::whole(written) };
    let records = invalidation::encode(what, format, envelope)?;
    Ok(records.iter().map(|record| String::from_utf8_lossy(record).into_owned()).collect())
}

/// The `positions` that a token names, and its `text`.
pub fn parse_token(text: &str) -> Outcome<Value> {
    let token: PositionToken = text.parse()?;
    let positions = token.positions().map(|(shard, number)| (shard.into(), json!(number.as_str())));
    let positions: Map<String, Value> = positions.collect();
    Ok(json!({ "positions": positions, "text": token.to_string() }))
}

/// The explicit hash key of a lane.
pub fn lane_hash(lane: f64, lanes: f64) -> Outcome<String> {
    let narrow = |number: f64| u16::try_from(words::whole(number)).ok();
    let (Some(lane), Some(lanes)) = (narrow(lane), narrow(lanes).filter(|lanes| *lanes > 0)) else {
        return Err(Failure::new(INVALID_ARGUMENT, "lanes are counted from 0 to 499"));
    };
    Ok(lane_hash_key(lane, lanes).to_string())
}
