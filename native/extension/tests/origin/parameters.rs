use snowmelt_extension::origin::{Ask, Fetched, Origin, ParameterAsk};
use test_servers::ACCOUNT;

use super::support::{moto, parameter, value};

#[tokio::test]
async fn each_kind_comes_back_whole() {
    let (moto, origin) = moto();
    moto.put_parameter("/kinds/text", "String", "blue é");
    moto.put_parameter("/kinds/list", "StringList", "a,b,c");
    moto.put_parameter("/kinds/secure", "SecureString", "deep");
    for (name, kind, expected) in [
        ("/kinds/text", "String", "blue é"),
        ("/kinds/list", "StringList", "a,b,c"),
        ("/kinds/secure", "SecureString", "deep"),
    ] {
        let ask = ParameterAsk { with_decryption: true, ..parameter(name) };
        let Ok(Fetched::Parameter(found)) = origin.fetch(Ask::Parameter(ask)).await else {
            panic!("no {name}");
        };
        assert_eq!(found.value, expected);
        assert_eq!((found.kind.as_str(), found.name.as_str(), found.version), (kind, name, 1));
        assert_eq!(found.arn, format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter{name}"));
        assert!(found.last_modified.unwrap() > 1.7e9);
        assert_eq!(found.data_type.as_deref(), Some("text"));
        assert!(found.selector.is_none() && found.source_result.is_none());
    }
    let sealed = value(&origin, parameter("/kinds/secure")).await.unwrap().unwrap();
    assert_ne!(sealed, "deep", "without decryption");
}

#[tokio::test]
async fn versions_labels_and_arns_select() {
    let (moto, origin) = moto();
    moto.put_parameter("/selected", "String", "one");
    moto.put_parameter("/selected", "String", "two");
    moto.label_parameter("/selected", 1, "old");
    let arn = moto.parameter_arn("us-east-1", "/selected");
    let version = |version| ParameterAsk { version: Some(version), ..parameter("/selected") };
    let label = |label: &str| ParameterAsk { label: Some(label.into()), ..parameter("/selected") };
    for (ask, expected) in [
        (parameter("/selected"), Some("two")),
        (version(1), Some("one")),
        (version(2), Some("two")),
        (version(3), None),
        (label("old"), Some("one")),
        (label("new"), None),
        (parameter(&arn), Some("two")),
        (ParameterAsk { version: Some(1), ..parameter(&arn) }, Some("one")),
        (parameter("/missing"), None),
    ] {
        let found = value(&origin, ask.clone()).await.unwrap();
        assert_eq!(found.as_deref(), expected, "{ask:?}");
    }
}

#[tokio::test]
async fn other_regions_are_asked_by_name_and_by_arn() {
    let (moto, origin) = moto();
    moto.put_parameter_in("eu-west-1", "/far", "String", "away");
    let far = ParameterAsk { region: Some("eu-west-1".into()), ..parameter("/far") };
    assert_eq!(value(&origin, far).await.unwrap().as_deref(), Some("away"));
    let arn = moto.parameter_arn("eu-west-1", "/far");
    assert_eq!(value(&origin, parameter(&arn)).await.unwrap().as_deref(), Some("away"));
    assert_eq!(value(&origin, parameter("/far")).await.unwrap(), None);
}

#[tokio::test]
async fn secrets_can_be_read_as_parameters() {
    let (moto, origin) = moto();
    let (arn, _) = moto.create_secret("referred/to", "deep");
    let ask = |name: &str| Ask::Parameter(ParameterAsk { with_decryption: true, ..parameter(name) });
    let found = origin.fetch(ask("/aws/reference/secretsmanager/referred/to")).await;
    let Ok(Fetched::Parameter(found)) = found else { panic!("not found") };
    assert_eq!(found.value, "deep");
    assert!(found.source_result.unwrap().contains(&arn));
    assert!(matches!(origin.fetch(ask("/aws/reference/secretsmanager/none")).await, Ok(Fetched::Nothing)));
}
