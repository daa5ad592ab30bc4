use super::*;
use crate::origin::{Attribute, Item};

fn parameter() -> Parameter {
    Parameter {
        arn: "arn:aws:ssm:us-east-1:123456789012:parameter/shop/limit".into(),
        name: "/shop/limit".into(),
        kind: "String".into(),
        value: "a<b>&\"c\u{2028}ü".into(),
        version: 3,
        selector: None,
        source_result: None,
        last_modified: Some(1_668_586_960.36),
        data_type: Some("text".into()),
    }
}

fn secret() -> Secret {
    Secret {
        arn: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-1QmcxB".into(),
        name: "db".into(),
        version_id: Some("c593fbd2-274e-421c-8ddc-083371280687".into()),
        string: Some("{\"password\":\"9#2~>s\"}".into()),
        binary: None,
        stages: vec!["AWSCURRENT".into()],
        created: Some(1_703_775_451.359),
    }
}

fn text(fetched: &Fetched, form: Form) -> (String, HeaderValue) {
    let stored = of(fetched, form).expect("a form of it");
    (String::from_utf8(stored.body().to_vec()).expect("a text"), stored.content_type().clone())
}

#[test]
fn a_parameter_is_answered_as_by_aws() {
    let (body, content_type) = text(&Fetched::Parameter(parameter()), Form::Aws);
    assert_eq!(content_type, "application/json");
    assert_eq!(
        body,
        concat!(
            r#"{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/shop/limit","DataType":"text","#,
            r#""LastModifiedDate":"2022-11-16T08:22:40.36Z","Name":"/shop/limit","Selector":null,"SourceResult":null,"#,
            r#""Type":"String","Value":"a\u003cb\u003e\u0026\"c\u2028ü","Version":3},"ResultMetadata":{}}"#
        )
    );
    let mut labelled = parameter();
    (labelled.selector, labelled.last_modified, labelled.data_type) = (Some(":live".into()), None, None);
    let (body, _) = text(&Fetched::Parameter(labelled), Form::Aws);
    assert!(
        body.contains(r#""DataType":null,"LastModifiedDate":null,"Name":"/shop/limit","Selector":":live","#)
    );
}

#[test]
fn a_secret_is_answered_as_by_aws() {
    let (body, content_type) = text(&Fetched::Secret(secret()), Form::Aws);
    assert_eq!(content_type, "application/json");
    assert_eq!(
        body,
        concat!(
            r#"{"ARN":"arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-1QmcxB","#,
            r#""CreatedDate":"2023-12-28T14:57:31.359Z","Name":"db","SecretBinary":null,"#,
            r#""SecretString":"{\"password\":\"9#2~\u003es\"}","VersionId":"c593fbd2-274e-421c-8ddc-083371280687","#,
            r#""VersionStages":["AWSCURRENT"],"ResultMetadata":{}}"#
        )
    );
    let mut binary = secret();
    (binary.string, binary.binary, binary.stages) = (None, Some(vec![0, 255, 62]), Vec::new());
    let (body, _) = text(&Fetched::Secret(binary), Form::Aws);
    assert!(body.contains(r#""SecretBinary":"AP8+","SecretString":null"#), "{body}");
    assert!(body.contains(r#""VersionStages":null"#), "{body}");
}

#[test]
fn a_plain_value_is_the_value() {
    let (body, content_type) = text(&Fetched::Parameter(parameter()), Form::Plain);
    assert_eq!((body, content_type), (parameter().value, TEXT));
    let (body, _) = text(&Fetched::Secret(secret()), Form::Plain);
    assert_eq!(Some(body), secret().string);
    let (body, content_type) = text(&Fetched::Item(Item::new()), Form::TypedItem);
    assert_eq!((body.as_str(), content_type), ("{}", JSON));
}

#[test]
fn what_is_no_form_of_a_thing_is_told() {
    assert!(of(&Fetched::Parameter(parameter()), Form::Item).is_err());
    assert!(of(&Fetched::Item(Item::new()), Form::Aws).is_err());
    let odd = Item::from([("n".into(), Attribute::Number("s3cr3t".into()))]);
    let error = of(&Fetched::Item(odd), Form::Item).unwrap_err();
    assert!(!error.is_empty() && !error.contains("s3cr3t"), "{error}");
    assert!(of(&Fetched::Nothing, Form::Plain).is_err());
}

#[test]
fn times_are_as_go_prints_them() {
    let date = |seconds| date(Some(seconds)).expect("a date");
    assert_eq!(date(0.0), "1970-01-01T00:00:00Z");
    assert_eq!(date(1.5), "1970-01-01T00:00:01.5Z");
    assert_eq!(date(1_703_775_451.0), "2023-12-28T14:57:31Z");
    assert_eq!(super::date(Some(f64::MAX)), None);
    assert_eq!(super::date(Some(f64::NAN)), Some("1970-01-01T00:00:00Z".into()));
}
