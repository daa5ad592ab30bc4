use snowmelt_extension::item::{plain, typed};
use snowmelt_extension::origin::{
    Ask, AwsOrigin, Fetched, Item, ItemAsk, KeyAttribute, KeySchema, KeyType, Origin, Trouble,
};
use test_servers::{Value, json};

use super::support::{failure, moto};

fn key(name: &str, of: KeyType, value: &str) -> KeyAttribute {
    KeyAttribute { name: name.into(), of, value: value.into() }
}

fn item(table: &str, hash: KeyAttribute, sort: Option<KeyAttribute>) -> ItemAsk {
    ItemAsk { table: table.into(), region: None, hash, sort, consistent: true }
}

async fn read(origin: &AwsOrigin, ask: ItemAsk) -> Option<Item> {
    match origin.fetch(Ask::Item(ask)).await {
        Ok(Fetched::Item(item)) => Some(item),
        Ok(Fetched::Nothing) => None,
        _ => panic!("neither an item nor none"),
    }
}

#[tokio::test]
async fn every_attribute_type_comes_back() {
    let (moto, origin) = moto();
    moto.create_table("types", &[("id", "S")]);
    let put = json!({
        "id": {"S": "1"}, "n": {"N": "12345678901234567890123456789012345678"}, "b": {"B": "AP8Q"},
        "t": {"BOOL": true}, "z": {"NULL": true}, "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2.5"]},
        "bs": {"BS": ["AA==", "AQI="]}, "l": {"L": [{"S": "x"}, {"L": []}]},
        "m": {"M": {"deep": {"M": {"n": {"N": "-1.5"}}}}},
    });
    moto.put_item("types", &put);
    let found = read(&origin, item("types", key("id", KeyType::String, "1"), None)).await.unwrap();
    let written: Value = serde_json::from_slice(&typed(&found).unwrap()).unwrap();
    assert_eq!(written, put);
    let expected = concat!(
        r#"{"b":"AP8Q","bs":["AA==","AQI="],"id":"1","l":["x",[]],"m":{"deep":{"n":-1.5}},"#,
        r#""n":12345678901234567890123456789012345678,"ns":[1,2.5],"ss":["a","b"],"t":true,"z":null}"#,
    );
    assert_eq!(String::from_utf8(plain(&found).unwrap()).unwrap(), expected);
}

#[tokio::test]
async fn keys_of_each_type_find_their_items() {
    let (moto, origin) = moto();
    moto.create_table("keyed-n", &[("id", "N"), ("at", "S")]);
    moto.put_item("keyed-n", &json!({"id": {"N": "7"}, "at": {"S": "é b"}}));
    let at = |value| Some(key("at", KeyType::String, value));
    let number = || key("id", KeyType::Number, "7");
    assert!(read(&origin, item("keyed-n", number(), at("é b"))).await.is_some());
    assert!(read(&origin, item("keyed-n", number(), at("none"))).await.is_none());

    moto.create_table("keyed-b", &[("id", "B")]);
    moto.put_item("keyed-b", &json!({"id": {"B": "AP8Q"}}));
    let bytes = |value| item("keyed-b", key("id", KeyType::Binary, value), None);
    assert!(read(&origin, bytes("AP8Q")).await.is_some());
    assert!(read(&origin, bytes("AAAA")).await.is_none());
    let error = failure(&origin, Ask::Item(bytes("not base64"))).await;
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.message.contains("id is of type B") && !error.message.contains("not base64"));
}

#[tokio::test]
async fn a_missing_table_is_a_mistake() {
    let (_, origin) = moto();
    let missing = || item("no-such-table", key("id", KeyType::String, "1"), None);
    let described = origin.key_schema("no-such-table", None).await.unwrap_err();
    for error in [failure(&origin, Ask::Item(missing())).await, described] {
        assert_eq!((error.trouble, error.status), (Trouble::Refused, Some(400)));
        assert_eq!(error.code.as_deref(), Some("ResourceNotFoundException"));
        for part in ["no table no-such-table in us-east-1", "check the name and the region"] {
            assert!(error.message.contains(part), "{}", error.message);
        }
    }
}

#[tokio::test]
async fn a_table_tells_its_key() {
    let (moto, origin) = moto();
    moto.create_table("told", &[("pk", "S"), ("sk", "N")]);
    moto.create_table("told-b", &[("id", "B")]);
    let of = |name: &str, of| (name.to_owned(), of);
    let told = KeySchema { hash: of("pk", KeyType::String), sort: Some(of("sk", KeyType::Number)) };
    assert_eq!(origin.key_schema("told", None).await.unwrap(), told);
    let told = KeySchema { hash: of("id", KeyType::Binary), sort: None };
    assert_eq!(origin.key_schema("told-b", Some("us-east-1")).await.unwrap(), told);
}
