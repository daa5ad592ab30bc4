//! Properties of templates and of what sources make of records.

use std::collections::BTreeMap;
use std::format;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::json;

use super::*;
use crate::invalidation::template::Template;

fn config() -> ProptestConfig {
    // A failure prints its case; no file is left behind.
    ProptestConfig {
        failure_persistence: Some(std::boxed::Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::with_cases(512)
    }
}

/// What `KeyPart` wrote, read back.
fn decoded(part: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let code = [rest.next()?, rest.next()?];
            u8::from_str_radix(core::str::from_utf8(&code).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    Some(bytes)
}

fn attribute() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(|text| json!({"S": text})),
        any::<f64>()
            .prop_filter("a number", |number| number.is_finite())
            .prop_map(|number| json!({"N": number.to_string()})),
        "[A-Za-z0-9+/]{0,8}={0,2}".prop_map(|base64| json!({"B": base64})),
    ]
}

fn text_of(attribute: &Value) -> &str {
    attribute.as_object().unwrap().values().next().unwrap().as_str().unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_part_is_read_back_and_cannot_run_into_what_surrounds_it(value in any::<String>()) {
        let part = KeyPart(&value).to_string();
        prop_assert_eq!(decoded(&part), Some(value.into_bytes()));
        prop_assert!(part.bytes().all(|byte| byte == b'%' || KeyPart::is_plain(byte)), "{}", part);
    }

    #[test]
    fn different_values_make_different_keys(one in vec(any::<String>(), 2), other in vec(any::<String>(), 2)) {
        let template = Template::parse("k/{0}/{1}").unwrap();
        let key = |values: &[String]| {
            template.render(|name| values.get(name.parse::<usize>().unwrap()).map(String::as_str).ok_or(())).unwrap()
        };
        prop_assert_eq!(one == other, key(&one) == key(&other));
    }

    #[test]
    fn any_text_is_a_template_once_its_braces_are_doubled(text in ".+") {
        let template = Template::parse(&text.replace('{', "{{").replace('}', "}}")).unwrap();
        prop_assert_eq!(template.render(|_| Err(())), Ok(Some(text)));
    }

    #[test]
    fn no_text_makes_a_template_panic(text in r"[{}a é😀]{0,12}") {
        if let Ok(template) = Template::parse(&text) {
            let names: Vec<_> = template.names().map(str::to_string).collect();
            let is_in_it = |name: &String| text.contains(&format!("{{{name}}}"));
            prop_assert!(names.iter().all(is_in_it), "{:?}", names);
        }
    }

    /// A record that a source reads is the Snowmelt record with the same keys.
    #[test]
    fn a_change_is_the_invalidation_of_its_keys(
        keys in btree_map("[a-z]{1,3}", attribute(), 1..3),
        others in btree_map("[A-Z]{1,3}", attribute(), 0..4),
    ) {
        let item: BTreeMap<_, _> = keys.clone().into_iter().chain(others).collect();
        let record = json!({
            "awsRegion": "us-east-1", "eventName": "MODIFY", "tableName": "orders", "eventSource": "aws:dynamodb",
            "dynamodb": {"Keys": keys, "NewImage": item, "OldImage": item},
        });
        let template = |names: &mut dyn Iterator<Item = &String>| {
            names.fold(String::from("orders"), |template, name| format!("{template}/{{{name}}}"))
        };
        let key = |values: &mut dyn Iterator<Item = &Value>| {
            values.fold(String::from("orders"), |key, value| format!("{key}/{}", KeyPart(text_of(value))))
        };
        let source = Source::dynamodb("orders").key(template(&mut keys.keys())).tag(template(&mut item.keys()));
        let said = Invalidation {
            keys: [key(&mut keys.values())].into(),
            tags: [key(&mut item.values())].into(),
            ..Invalidation::default()
        };
        let written = encode(&said, RecordFormat::Snowmelt, Envelope { namespace: "shop", written: 0 }).unwrap();
        let [written] = &written[..] else { panic!("one record") };
        prop_assert_eq!(told(&source, &record), decode(written, "shop", &Sources::default()));
    }

    #[test]
    fn a_parameter_is_the_invalidation_of_its_key(name in any::<String>()) {
        let record = json!({
            "source": "aws.ssm", "detail-type": "Parameter Store Change", "resources": [],
            "detail": {"operation": "Update", "name": name},
        });
        let said = Invalidation::key(format!("ssm/{}", KeyPart(&name)));
        prop_assert_eq!(told(&Source::parameter_store().key("ssm/{name}"), &record), Decoded::Apply(said));
    }
}
