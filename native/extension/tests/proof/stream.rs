//! The stream: whoever changes something, the next read that is due sees it.

use std::time::Duration;

use test_servers::{Moto, json};

use crate::extension::{Extension, Setup};
use crate::records::{item_change, parameter_store_change, put_secret_value, snowmelt};
use crate::secrecy::secret;
use crate::world::{self, Stream, parameter, settles, stream};

/// The soft bound of these tests: past it a read catches up first.
const EVERY: Duration = Duration::from_millis(100);

fn setup(stream: &Stream<'_>) -> Setup {
    Setup::new(stream.name).set("SNOWMELT_CATCH_UP_EVERY", "100ms")
}

/// After this a read is due. The first catch-up of a cache is put off by up to
/// as much again, so that a fleet that starts together spreads.
fn let_it_be_due() {
    std::thread::sleep(EVERY * 2 + Duration::from_millis(20));
}

#[test]
fn a_parameter_changes() {
    let (moto, stream) = (Moto::shared(), stream("parameters"));
    moto.put_parameter("/stream/a", "SecureString", &secret("old"));
    let extension = setup(&stream).start();
    let mut client = extension.client();
    let mut plain = || client.get("/parameters?name=/stream/a").ok().to_owned();
    assert_eq!((plain(), parameter(&extension, "/stream/a")), (secret("old"), secret("old")));
    moto.put_parameter("/stream/a", "SecureString", &secret("new"));
    let_it_be_due();
    assert_eq!(plain(), secret("old"), "nothing has told of the change yet");
    stream.put(&parameter_store_change("/stream/a", "Update"));
    let_it_be_due();
    assert_eq!((plain(), parameter(&extension, "%2Fstream%2Fa")), (secret("new"), secret("new")));
    moto.delete_parameter("/stream/a");
    stream.put(&parameter_store_change("/stream/a", "Delete"));
    let_it_be_due();
    assert_eq!(extension.client().get("/parameters?name=/stream/a").status, 404);
    assert_eq!(extension.stat("gaps"), 0);
}

#[test]
fn versions_labels_and_arns_of_a_parameter_fall_with_it() {
    let (moto, stream) = (Moto::shared(), stream("variants"));
    let old = moto.put_parameter("/stream/v", "String", &secret("1"));
    moto.label_parameter("/stream/v", old, "live");
    let arn = moto.parameter_arn("us-east-1", "/stream/v");
    let names = ["/stream/v".to_owned(), "/stream/v&label=live".to_owned(), arn];
    let extension = setup(&stream).start();
    let read = || names.clone().map(|name| parameter(&extension, &name));
    assert_eq!(read(), [(); 3].map(|()| secret("1")));
    let new = moto.put_parameter("/stream/v", "String", &secret("2"));
    moto.label_parameter("/stream/v", new, "live");
    stream.put(&parameter_store_change("/stream/v", "LabelParameterVersion"));
    let_it_be_due();
    assert_eq!(read(), [(); 3].map(|()| secret("2")));
}

#[test]
fn an_item_changes_whatever_its_key_is() {
    let (moto, stream) = (Moto::shared(), stream("items"));
    let cases = [
        ("stream-s", vec![("id", "S")], json!({"id": {"S": "a/b c"}}), "stream-s@@a%2Fb%20c"),
        ("stream-n", vec![("id", "N")], json!({"id": {"N": "7"}}), "stream-n@@7.0"),
        ("stream-b", vec![("id", "B")], json!({"id": {"B": "+/8="}}), "stream-b@@%2B%2F8="),
        (
            "stream-sn",
            vec![("id", "S"), ("at", "N")],
            json!({"id": {"S": "ada"}, "at": {"N": "-1.5"}}),
            "stream-sn@@ada@@-1.50",
        ),
        (
            "stream-nb",
            vec![("id", "N"), ("at", "B")],
            json!({"id": {"N": "12"}, "at": {"B": "AAE="}}),
            "stream-nb@@12@@AAE=",
        ),
    ];
    let tables: Vec<_> = cases.iter().map(|(table, ..)| format!("  - table: {table}\n")).collect();
    let put = |table: &str, keys: &test_servers::Value, value: &str| {
        let mut item = keys.clone();
        item["value"] = json!({"S": secret(value)});
        moto.put_item(table, &item);
    };
    for (table, key, keys, _) in &cases {
        moto.create_table(table, key);
        put(table, keys, "old");
    }
    let extension = setup(&stream).file("cache.yaml", format!("dynamodb:\n{}", tables.concat())).start();
    let read = |name: &str, format: &str| {
        let item = extension.client().get(&format!("/dynamodb?name={name}{format}"));
        let item: test_servers::Value = serde_json::from_str(item.ok()).expect("JSON");
        let value = &item["value"];
        value.as_str().or_else(|| value["S"].as_str()).unwrap_or_else(|| panic!("{item}")).to_owned()
    };
    let both = |name: &str| [read(name, ""), read(name, "&format=dynamodb")];
    for (table, _, keys, name) in &cases {
        assert_eq!(both(name), [secret("old"), secret("old")], "{name}");
        put(table, keys, "new");
        let_it_be_due();
        assert_eq!(both(name), [secret("old"), secret("old")], "{name}: nothing has told of it");
        stream.put(&item_change(table, "MODIFY", keys));
        let_it_be_due();
        assert_eq!(both(name), [secret("new"), secret("new")], "{name}");
        moto.delete_item(table, keys);
        stream.put(&item_change(table, "REMOVE", keys));
        let_it_be_due();
        assert_eq!(extension.client().get(&format!("/dynamodb?name={name}")).status, 404, "{name}");
    }
    assert_eq!(extension.stat("undecodable"), 0);
}

#[test]
fn a_secret_falls_by_name_and_by_arn() {
    let (moto, stream) = (Moto::shared(), stream("secrets"));
    let (arn, _) = moto.create_secret("stream/db", &secret("old"));
    let extension = setup(&stream).start();
    let read = || [world::secret(&extension, "stream%2Fdb"), world::secret(&extension, &arn)];
    assert_eq!(read(), [secret("old"), secret("old")]);
    for (asked, new) in [("stream/db", "by its name"), (&*arn, "by its ARN")] {
        moto.put_secret_value("stream/db", &secret(new));
        stream.put(&put_secret_value(asked, &arn));
        let_it_be_due();
        assert_eq!(read(), [secret(new), secret(new)]);
    }
}

#[test]
fn any_writer_says_what_falls() {
    let (moto, stream) = (Moto::shared(), stream("writers"));
    moto.put_parameter("/stream/w", "String", "1");
    moto.create_table("stream-w", &[("id", "S")]);
    moto.put_item("stream-w", &json!({"id": {"S": "a b"}, "n": {"N": "1"}}));
    let table = "dynamodb:\n  - table: stream-w\n    hashKey: id\n    hashKeyType: S\n";
    let extension = setup(&stream).file("cache.yaml", table).start();
    let item = || extension.client().get("/dynamodb?name=stream-w@@a+b").ok().to_owned();
    assert_eq!((parameter(&extension, "/stream/w").as_str(), &*item()), ("1", r#"{"id":"a b","n":1}"#));

    moto.put_parameter("/stream/w", "String", "2");
    stream.put(&snowmelt(&["ssm/%2Fstream%2Fw"]));
    let_it_be_due();
    assert_eq!(parameter(&extension, "/stream/w"), "2");

    moto.put_item("stream-w", &json!({"id": {"S": "a b"}, "n": {"N": "2"}}));
    let token = invalidate_by_a_cache(&stream, "dynamodb/stream-w/a%20b");
    let mut client = extension.client();
    // A read of anything that is handed the token is caught up that far, due or
    // not.
    assert_eq!(client.get(&format!("/cache/none?after={token}")).status, 404);
    assert_eq!(item(), r#"{"id":"a b","n":2}"#);
}

/// A Snowmelt cache in a process of its own: this one.
fn invalidate_by_a_cache(stream: &Stream<'_>, key: &'static str) -> String {
    let conf = aws_sdk_kinesis::Config::builder()
        .credentials_provider(aws_credential_types::Credentials::new("test", "test", None, None, "test"))
        .region(aws_sdk_kinesis::config::Region::new("us-east-1"));
    let options = snowmelt::stream::kinesis::KinesisOptions::default()
        .endpoint(test_servers::KinesisLocal::shared().endpoint());
    let transport = snowmelt::stream::kinesis::KinesisStream::from_conf(stream.name, conf, options);
    let transport = std::sync::Arc::new(transport.expect("options that fit"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let cache: snowmelt::Cache<u32> =
            snowmelt::Cache::builder().stream_transport(transport).build().expect("options that fit");
        cache.invalidate(key).await.expect("the stream takes it").to_string()
    })
}

#[test]
fn what_one_extension_invalidates_falls_in_another() {
    let stream = stream("extensions");
    let (one, other) = (setup(&stream).start(), setup(&stream).start());
    let both =
        |target: &str| [&one, &other].map(|extension: &Extension| extension.client().get(target).status);
    for extension in [&one, &other] {
        let mut client = extension.client();
        for (key, tags) in [("users/1", ""), ("users/2", "team:7"), ("orders/1", "")] {
            let value = secret(key);
            let put =
                client.ask("PUT", &format!("/cache/{key}"), &[("Snowmelt-Tags", tags)], value.as_bytes());
            assert_eq!(put.status, 204, "{put:?}");
        }
    }
    assert_eq!(both("/cache/users/1"), [200, 200]);
    let invalidated =
        one.client().ask("POST", "/invalidate", &[], br#"{"keys":["users/1"],"tags":["team:7"]}"#);
    assert_eq!(one.client().get("/cache/users/1").status, 404, "here it is gone at once");
    let position = invalidated.json()["position"].as_str().expect("a position").to_owned();
    // With the token, due or not; the other things by the same catch-up.
    assert_eq!(other.client().get(&format!("/cache/users/1?after={position}")).status, 404);
    assert_eq!(both("/cache/users/2"), [404, 404]);
    assert_eq!(both("/cache/orders/1"), [200, 200]);
    let prefix = other.client().ask("POST", "/invalidate", &[], br#"{"prefixes":["orders/"]}"#);
    assert_eq!(prefix.status, 200);
    settles(|| one.client().get("/cache/orders/1").status, &200, &404);
}
