//! No value, no key and no token is ever shown.

use aws_credential_types::Credentials;
use snowmelt_extension::item::{plain, typed};
use snowmelt_extension::origin::{
    Ask, Attribute, AwsOrigin, Fetched, Item, ItemAsk, KeyAttribute, KeyType, Origin, ParameterAsk,
};

use super::support::{Double, Reply, options, parameter, secret};

const MARKER: &str = "MARK3R";

fn asks() -> [Ask; 3] {
    let hash = KeyAttribute { name: "id".into(), of: KeyType::String, value: "1".into() };
    [
        Ask::Parameter(ParameterAsk { with_decryption: true, ..parameter("/a") }),
        Ask::Secret(secret("s")),
        Ask::Item(ItemAsk { table: "users".into(), region: None, hash, sort: None, consistent: true }),
    ]
}

/// Bodies with the marker wherever a value can be, whole and broken.
fn bodies() -> Vec<String> {
    let parameter = format!(r#"{{"Parameter":{{"Value":"{MARKER}","Version":1}}}}"#);
    let secret = format!(r#"{{"SecretString":"{MARKER}","SecretBinary":"TUFSSzNS"}}"#);
    let item =
        format!(r#"{{"Item":{{"v":{{"S":"{MARKER}"}},"n":{{"N":"{MARKER}"}},"b":{{"B":"{MARKER}!"}}}}}}"#);
    let whole = [parameter, secret, item];
    let halves = whole.iter().map(|body| body[..body.len() - 4].to_owned());
    let types = [
        format!(r#"{{"Parameter":"{MARKER}","SecretString":{{"{MARKER}":1}},"Item":"{MARKER}"}}"#),
        format!(r#"{{"Parameter":{{"Version":"{MARKER}"}},"Item":{{"v":{{"{MARKER}":"{MARKER}"}}}}}}"#),
        MARKER.to_owned(),
        format!("\"{MARKER}\\u{MARKER}\""),
        format!("<html>{MARKER}</html>"),
    ];
    halves.chain(types).chain(whole.clone()).collect()
}

#[tokio::test]
async fn no_error_shows_a_value() {
    let mut failures = 0;
    for body in bodies() {
        for status in [200, 400, 403, 500] {
            let answered = body.clone();
            let double = Double::start(move |_, _| Reply::Answer(status, answered.clone()));
            let credentials = Credentials::new("key", MARKER, Some(MARKER.into()), None, "test");
            let origin = AwsOrigin::with_credentials(options(double.endpoint()), credentials);
            assert!(!format!("{origin:?}").contains(MARKER));
            for ask in asks() {
                let Err(error) = origin.fetch(ask).await else { continue };
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains(MARKER), "{status} {body}: {shown}");
                failures += 1;
            }
        }
    }
    assert!(failures > 100, "{failures}");
}

#[tokio::test]
async fn what_is_fetched_arrives_all_the_same() {
    let double = Double::start(|_, _| Reply::Answer(200, bodies().swap_remove(8)));
    let Ok(Fetched::Parameter(found)) = double.origin().fetch(asks()[0].clone()).await else {
        panic!("no parameter");
    };
    assert_eq!(found.value, MARKER, "the marker is where a value is");
}

#[test]
fn no_error_of_an_item_shows_a_value() {
    let mut deep = Attribute::String(MARKER.into());
    for _ in 0..100 {
        deep = Attribute::List(vec![deep]);
    }
    for value in [Attribute::Number(MARKER.into()), Attribute::Numbers(vec![MARKER.into()]), deep] {
        let item = Item::from([("v".to_owned(), value)]);
        let shown = format!("{:?} {:?}", plain(&item).map(drop), typed(&item).map(drop));
        assert!(shown.contains("Err") && !shown.contains(MARKER), "{shown}");
    }
}
