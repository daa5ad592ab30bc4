//! DynamoDB change records.

use serde_json::json;

use super::*;

/// As "Using Kinesis Data Streams to capture changes to DynamoDB" has them.
fn change(keys: &Value, new: &Value, old: &Value) -> Value {
    let mut record = json!({
        "awsRegion": "us-east-1",
        "eventID": "26b1b865-1ee7-47f9-816e-d51cdeef9dc5",
        "eventName": "MODIFY",
        "userIdentity": null,
        "recordFormat": "application/json",
        "tableName": "orders",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_720_046_486_486_729_u64,
            "Keys": keys,
            "SizeBytes": 185,
            "ApproximateCreationDateTimePrecision": "MICROSECOND",
        },
        "eventSource": "aws:dynamodb",
    });
    for (name, image) in [("NewImage", new), ("OldImage", old)] {
        if !image.is_null() {
            record["dynamodb"][name] = image.clone();
        }
    }
    record
}

fn of_keys(keys: &Value) -> Value {
    change(keys, keys, keys)
}

fn orders() -> Source {
    Source::dynamodb("orders")
}

#[test]
fn key_attributes_make_keys() {
    let source = orders().key("orders/{pk}/{sk}");
    for (pk, sk, key) in [
        (json!({"S": "Bob Lee"}), json!({"N": "3"}), "orders/Bob%20Lee/3"),
        (json!({"N": "-1.5E+3"}), json!({"S": "é"}), "orders/-1.5E%2B3/%C3%A9"),
        (json!({"B": "+/8="}), json!({"S": ""}), "orders/%2B%2F8%3D/"),
        (
            json!({"N": "12345678901234567890123456789012345678"}),
            json!({"N": "0"}),
            "orders/12345678901234567890123456789012345678/0",
        ),
    ] {
        assert_eq!(keys(&source, &of_keys(&json!({"pk": pk, "sk": sk}))), [key]);
    }
}

#[test]
fn inserts_and_removals_are_changes() {
    let (pk, none) = (json!({"pk": {"S": "1"}}), Value::Null);
    let source = orders().key("orders/{pk}").tag("customer:{customer}");
    let item = json!({"pk": {"S": "1"}, "customer": {"S": "c"}});
    for (new, old) in [(&item, &none), (&none, &item), (&item, &item)] {
        let told = applied(&source, &change(&pk, new, old));
        assert_eq!((told.keys, told.tags), (["orders/1".into()].to_vec(), ["customer:c".into()].to_vec()));
    }
    assert_eq!(keys(&orders().key("orders/{pk}"), &change(&pk, &none, &none)), ["orders/1"]);
}

#[test]
fn an_attribute_that_is_no_key_is_what_it_was_and_what_it_is() {
    let pk = json!({"pk": {"S": "1"}});
    let new = json!({"pk": {"S": "1"}, "email": {"S": "new@x"}, "country": {"S": "AT"}});
    let old = json!({"pk": {"S": "1"}, "email": {"S": "old@x"}, "country": {"S": "DE"}});
    let source = orders().key("by-email/{email}").prefix("in/{country}/{email}/");
    let told = applied(&source, &change(&pk, &new, &old));
    assert_eq!(told.keys, ["by-email/new%40x", "by-email/old%40x"]);
    // Of one image at a time: no item was in DE with the new address.
    assert_eq!(told.prefixes, ["in/AT/new%40x/", "in/DE/old%40x/"]);
    // What one image lacks is taken from the other.
    let moved = json!({"pk": {"S": "1"}, "email": {"S": "new@x"}});
    let told = applied(&source, &change(&pk, &moved, &old));
    assert_eq!(told.prefixes, ["in/DE/new%40x/", "in/DE/old%40x/"]);
}

#[test]
fn a_key_attribute_is_not_looked_up_in_the_images() {
    let pk = json!({"pk": {"S": "1"}});
    let other = json!({"pk": {"S": "2"}});
    assert_eq!(keys(&orders().key("{pk}"), &change(&pk, &other, &other)), ["1"]);
}

#[test]
fn the_table_and_its_region_are_built_in() {
    let pk = json!({"pk": {"S": "1"}});
    let record = of_keys(&pk);
    assert_eq!(keys(&orders().key("{region}/{table}/{pk}"), &record), ["us-east-1/orders/1"]);
    let arn = Source::dynamodb("arn:aws:dynamodb:us-east-1:123456789012:table/orders");
    assert_eq!(keys(&arn.key("{account}/{table}/{pk}"), &record), ["123456789012/orders/1"]);
    // An attribute of that name counts too; of `account`, only that is known.
    let item = json!({"pk": {"S": "1"}, "region": {"S": "emea"}, "account": {"S": "a7"}});
    let record = change(&pk, &item, &Value::Null);
    assert_eq!(keys(&orders().key("{region}/{pk}"), &record), ["us-east-1/1", "emea/1"]);
    assert_eq!(keys(&orders().key("{account}/{pk}"), &record), ["a7/1"]);
    let (_, why) = lacking(&orders().key("{account}"), &of_keys(&pk));
    assert!(why.contains("lacks the attribute `account`"), "{why}");
}

#[test]
fn what_the_record_lacks_is_said() {
    let pk = json!({"pk": {"S": "1"}});
    let item = json!({"pk": {"S": "1"}, "tags": {"SS": ["a"]}, "gone": {"NULL": true}, "on": {"BOOL": true}});
    let source = orders().key("orders/{pk}").key("by-email/{email}");
    let (told, why) = lacking(&source, &change(&pk, &item, &item));
    assert_eq!(told, Invalidation::key("orders/1"), "the rest is told");
    assert_eq!(
        why,
        "a change record of the table `orders` lacks the attribute `email`, which the template \
         \"by-email/{email}\" names: it is no key attribute, and neither of the images that the table's \
         streaming destination wrote has it"
    );
    for name in ["tags", "on"] {
        let (told, why) = lacking(&orders().tag(std::format!("t:{{{name}}}")), &change(&pk, &item, &item));
        assert!(told.is_empty() && why.contains(&std::format!("the attribute `{name}`")), "{why}");
        assert!(why.ends_with("is of a type that no name can be made of: S, N and B can"), "{why}");
    }
    let (_, why) = lacking(&orders().tag("{gone}"), &change(&pk, &item, &item));
    assert!(why.contains("lacks the attribute `gone`"), "{why}");
    let mut nowhere = of_keys(&pk);
    nowhere.as_object_mut().unwrap().remove("awsRegion");
    let (_, why) = lacking(&orders().key("{region}/{pk}"), &nowhere);
    assert!(why.contains("lacks `awsRegion`"), "{why}");
}

#[test]
fn malformed_changes_of_an_own_table_lack_what_they_should_have() {
    let source = orders().key("{pk}").tag("orders");
    for dynamodb in [
        json!(null),
        json!(5),
        json!([]),
        json!({}),
        json!({"Keys": null}),
        json!({"Keys": "pk"}),
        json!({"Keys": {"pk": "1"}}),
        json!({"Keys": {"pk": {"S": 1}}}),
        json!({"Keys": {"pk": {"S": {"S": "1"}}}}),
        json!({"Keys": {"pk": {}}}),
        json!({"Keys": {"PK": {"S": "1"}}}),
    ] {
        let mut record = of_keys(&json!({}));
        record["dynamodb"] = dynamodb;
        let (told, why) = lacking(&source, &record);
        assert_eq!(told, Invalidation::tags(["orders"]), "{record}");
        assert!(why.contains("`pk`"), "{why}");
    }
    let mut nameless = of_keys(&json!({"pk": {"S": "1"}}));
    nameless.as_object_mut().unwrap().remove("tableName");
    assert_eq!(lacking(&source, &nameless).1, "a DynamoDB change record lacks `tableName`");
    assert_eq!(told_to(&[], &nameless), Decoded::ForOthers);
}

#[test]
fn text_that_is_none_is_no_text() {
    let sources = Sources::new(&[orders().key("{pk}")]).unwrap();
    let of = |pk: &[u8]| {
        let before = br#"{"eventSource":"aws:dynamodb","tableName":"orders","dynamodb":{"Keys":{"pk":{"S":""#;
        [before, pk, br#""}},"NewImage":{"x":{"S":""#, b"\xff", br#""}}}}"#].concat()
    };
    assert_eq!(
        decode(&of(b"1"), "", &sources),
        Decoded::Apply(Invalidation::key("1")),
        "it is not looked at"
    );
    for wrong in [&b"\xff"[..], br"\ud800"] {
        let Decoded::Lacking { told, why } = decode(&of(wrong), "", &sources) else { panic!("read") };
        assert!(told.is_empty());
        assert_eq!(why, "a change record of the table `orders` cannot be read");
    }
    assert_eq!(decode(&of(br"\u0031"), "", &sources), Decoded::Apply(Invalidation::key("1")));
}

#[test]
fn changes_of_others_are_for_others() {
    let record = of_keys(&json!({"pk": {"S": "1"}}));
    assert_eq!(told_to(&[], &record), Decoded::ForOthers);
    assert_eq!(told(&Source::parameter_store().key("k"), &record), Decoded::ForOthers);
    assert_eq!(told(&Source::dynamodb("Orders").key("{pk}"), &record), Decoded::ForOthers);
    assert_eq!(told(&Source::dynamodb("order").key("{email}"), &record), Decoded::ForOthers);
}

#[test]
fn an_arn_is_of_one_region() {
    let record = of_keys(&json!({"pk": {"S": "1"}}));
    let of = |region: &str| {
        Source::dynamodb(std::format!("arn:aws:dynamodb:{region}:123456789012:table/orders")).key("{pk}")
    };
    assert_eq!(keys(&of("us-east-1"), &record), ["1"]);
    assert_eq!(told(&of("eu-west-1"), &record), Decoded::ForOthers);
    let mut nowhere = record;
    nowhere.as_object_mut().unwrap().remove("awsRegion");
    assert_eq!(keys(&of("eu-west-1"), &nowhere), ["1"], "it may be from there");
}

#[test]
fn several_sources_of_one_table_are_all_told() {
    let record = of_keys(&json!({"pk": {"S": "1"}}));
    let sources = [orders().key("a/{pk}"), Source::dynamodb("users").key("u/{pk}"), orders().key("b/{pk}")];
    assert_eq!(told_to(&sources, &record), Decoded::Apply(Invalidation::keys(["a/1", "b/1"])));
}

#[test]
fn snowmelts_records_are_read_as_before() {
    let sources = Sources::new(&[orders().key("{pk}")]).unwrap();
    for (record, decoded) in [
        (r#"{"snowmelt":1,"keys":["a"],"ns":"shop"}"#, Decoded::Apply(Invalidation::key("a"))),
        (r#"{"x":1,"snowmelt":1,"keys":["a"],"ns":"shop"}"#, Decoded::Apply(Invalidation::key("a"))),
        (
            r#"{ "eventSource":"aws:dynamodb","dynamodb":{},"tableName":"orders","snowmelt":2}"#,
            Decoded::FlushAll,
        ),
        (r#"{"detail":{},"snowmelt":1,"keys":5}"#, Decoded::FlushAll),
        (r#"{"keys":["a"],"ts":"2018-05-01T10:00:00Z"}"#, Decoded::Apply(Invalidation::key("a"))),
        (r#"{"keys":["a"]}"#, Decoded::Undecodable("not a known record format")),
        (r#"{"eventSource":"aws:dynamodb"}"#, Decoded::Undecodable("not a known record format")),
        (
            r#"{"eventSource":"aws:s3","dynamodb":{},"tableName":"orders"}"#,
            Decoded::Undecodable("not a known record format"),
        ),
        (
            r#"{"eventSource":"aws:dynamodb","dynamodb":{},"tableName":"orders""#,
            Decoded::Undecodable("not a known record format"),
        ),
    ] {
        assert_eq!(decode(record.as_bytes(), "shop", &sources), decoded, "{record}");
    }
}

#[test]
fn large_deep_and_wide_images_are_passed_over() {
    let sources = Sources::new(&[orders().key("{pk}").tag("t:{t}")]).unwrap();
    let around = |image: &str| {
        std::format!(
            r#"{{"eventSource":"aws:dynamodb","tableName":"orders","dynamodb":{{"NewImage":{{{image}"t":{{"S":"7"}}}},"Keys":{{"pk":{{"S":"1"}}}}}}}}"#
        )
    };
    let deep =
        [r#""x":"#, &r#"{"M":{"x":"#.repeat(30_000), r#"{"S":"y"}"#, &"}}".repeat(30_000), ","].concat();
    let wide: Vec<_> = (0..30_000).map(|n| std::format!(r#""a{n}":{{"N":"{n}"}},"#)).collect();
    let large = [r#""x":{"S":""#, &"y".repeat(400 << 10), r#""},"#].concat();
    for image in [deep, wide.concat(), large] {
        let mut expected = Invalidation::key("1");
        expected.tags.push("t:7".into());
        assert_eq!(decode(around(&image).as_bytes(), "", &sources), Decoded::Apply(expected));
    }
}
