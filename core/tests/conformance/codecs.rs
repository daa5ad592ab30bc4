//! Steps that need no cache: records, keys, tokens, options.

use serde_json::{Map, Value, json};
use snowmelt_core::follower::lane_hash_key;
use snowmelt_core::invalidation::{Decoded, Envelope, Sources, check_name, decode, encode};
use snowmelt_core::{DataId, Invalidation, PositionToken};

use crate::data::names;
use crate::observed::{self, expect};
use crate::options;
use crate::transcript::{CheckName, Configure, Decode, Encode, LaneHashKey, Names, Parse, PrintDataId};

pub(crate) fn invalidation(what: &Names) -> Invalidation {
    Invalidation {
        keys: names(&what.keys),
        tags: names(&what.tags),
        prefixes: names(&what.prefixes),
        all: what.all,
    }
}

pub(crate) fn configure(step: &Configure) -> Result<(), String> {
    let source = step.config.get("source").unwrap_or(&Value::Null);
    let observed = match options::sources(source) {
        Ok(_) => options::config(&step.config)?.validate(),
        Err(error) => Err(error),
    };
    let observed = observed.map_or_else(|error| observed::config_error(&error), |()| json!("ok"));
    expect(&step.expect, &observed)
}

pub(crate) fn name(step: &CheckName) -> Result<(), String> {
    let what = ["key", "tag", "prefix"].into_iter().find(|what| *what == step.what).unwrap_or("name");
    let [name] = &names(std::slice::from_ref(&step.name))[..] else { return Err("not one name".into()) };
    let observed =
        check_name(what, name).map_or_else(|error| observed::input_error(&error), |()| json!("ok"));
    expect(&step.expect, &observed)
}

pub(crate) fn decoded(step: &Decode) -> Result<(), String> {
    let sources = options::sources(&step.source).and_then(|sources| Sources::new(&sources));
    let sources = sources.map_err(|error| error.to_string())?;
    let observed = match decode(&step.record.bytes(), &step.namespace, &sources) {
        Decoded::Apply(invalidation) => json!({ "apply": observed::invalidation(&invalidation) }),
        Decoded::OtherNamespace => json!("other_namespace"),
        Decoded::ForOthers => json!("for_others"),
        Decoded::Lacking { told, .. } => json!({ "lacking": observed::invalidation(&told) }),
        Decoded::FlushAll => json!("flush_all"),
        Decoded::Undecodable(_) => json!("undecodable"),
    };
    expect(&step.expect, &observed)
}

pub(crate) fn encoded(step: &Encode) -> Result<(), String> {
    let invalidation = invalidation(&step.what);
    let envelope = Envelope { namespace: &step.namespace, written: step.written };
    let records = match encode(&invalidation, options::format(&step.format)?, envelope) {
        Ok(records) => records,
        Err(error) => return expect(&step.expect, &observed::input_error(&error)),
    };
    if step.expect.get("split").is_none() {
        let texts: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(record)).collect();
        return expect(&step.expect, &json!({ "records": texts }));
    }
    let longest = records.iter().map(Vec::len).max().unwrap_or(0);
    let split = json!({ "split": { "records": records.len(), "longest": longest } });
    expect(&step.expect, &split)?;
    joined(&records, &step.namespace, &invalidation)
}

/// Records of a split say together, in order, what was to be said.
fn joined(records: &[Vec<u8>], namespace: &str, said: &Invalidation) -> Result<(), String> {
    let mut heard = Invalidation::default();
    for record in records {
        let Decoded::Apply(part) = decode(record, namespace, &Sources::default()) else {
            return Err("a part of a split cannot be decoded".into());
        };
        heard.keys.extend(part.keys);
        heard.tags.extend(part.tags);
        heard.prefixes.extend(part.prefixes);
        heard.all |= part.all;
    }
    if heard == *said { Ok(()) } else { Err("the parts of a split do not say the whole".into()) }
}

pub(crate) fn data_id(step: &PrintDataId) -> Result<(), String> {
    let id = DataId { source: step.source.clone(), id: step.id.clone() };
    expect(&json!(step.expect), &json!(id.to_string()))?;
    if step.expect.parse() == Ok(id) { Ok(()) } else { Err("it does not parse as what it was".into()) }
}

pub(crate) fn parsed_data_id(step: &Parse) -> Result<(), String> {
    let observed = match step.text.parse::<DataId>() {
        Ok(DataId { source, id }) => json!({ "source": source, "id": id }),
        Err(_) => json!("error"),
    };
    expect(&step.expect, &observed)
}

pub(crate) fn parsed_token(step: &Parse) -> Result<(), String> {
    let observed = match step.text.parse::<PositionToken>() {
        Ok(token) => {
            let positions = token.positions().map(|(shard, number)| (shard.into(), json!(number.as_str())));
            let positions: Map<String, Value> = positions.collect();
            json!({ "positions": positions, "text": token.to_string() })
        }
        Err(error) => observed::input_error(&error),
    };
    expect(&step.expect, &observed)
}

pub(crate) fn lane(step: &LaneHashKey) -> Result<(), String> {
    expect(&json!(step.expect), &json!(lane_hash_key(step.lane, step.lanes).to_string()))
}
