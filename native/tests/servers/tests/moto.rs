//! How moto behaves where Snowmelt's tests rely on it, and where it is not
//! like AWS, so that a new version of it cannot surprise them.

use std::net::TcpStream;

use test_servers::{Moto, ServiceError, Value, json};

fn parameter(name: &str, decrypt: bool) -> Result<Value, ServiceError> {
    let answer = Moto::shared().ssm("GetParameter", &json!({"Name": name, "WithDecryption": decrypt}))?;
    Ok(answer["Parameter"].clone())
}

fn code(answer: Result<Value, ServiceError>) -> (u16, String) {
    let error = answer.unwrap_err();
    (error.status, error.code)
}

#[test]
fn a_server_ends_when_it_is_dropped_and_listens_on_loopback() {
    let server = Moto::start();
    let address = server.endpoint().strip_prefix("http://").unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:"));
    assert!(TcpStream::connect(&address).is_ok());
    drop(server);
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn parameters_have_versions_labels_and_arns() {
    let moto = Moto::shared();
    assert_eq!(moto.put_parameter("/moto/a", "String", "one"), 1);
    assert_eq!(moto.put_parameter("/moto/a", "String", "two"), 2);
    moto.label_parameter("/moto/a", 1, "old");
    let arn = moto.parameter_arn("us-east-1", "/moto/a");
    for (name, value) in [
        ("/moto/a".to_owned(), "two"),
        ("/moto/a:1".into(), "one"),
        ("/moto/a:old".into(), "one"),
        (arn.clone(), "two"),
        (format!("{arn}:1"), "one"),
    ] {
        let answer = parameter(&name, false).unwrap();
        assert_eq!((&answer["Value"], &answer["ARN"]), (&json!(value), &json!(arn)), "{name}");
        assert!(answer["Selector"].is_null(), "AWS answers the selector that was asked for");
    }
    assert_eq!(code(parameter("/moto/a:7", false)), (400, "ParameterVersionNotFound".into()));
    let (status, unlabelled) = code(parameter("/moto/a:new", false));
    assert_eq!((status, unlabelled.as_str()), (400, "ParameterNotFound"), "AWS: ParameterVersionNotFound");
    moto.delete_parameter("/moto/a");
    assert_eq!(code(parameter("/moto/a", false)), (400, "ParameterNotFound".into()));
}

#[test]
fn encrypted_parameters_look_encrypted() {
    Moto::shared().put_parameter("/moto/secure", "SecureString", "clear");
    assert_eq!(parameter("/moto/secure", true).unwrap()["Value"], "clear");
    assert_eq!(parameter("/moto/secure", false).unwrap()["Value"], "kms:alias/aws/ssm:clear");
}

#[test]
fn regions_are_apart() {
    let moto = Moto::shared();
    moto.put_parameter_in("eu-west-1", "/moto/far", "String", "far");
    assert_eq!(code(parameter("/moto/far", false)).1, "ParameterNotFound");
}

#[test]
fn secrets_have_versions_and_stages_and_can_be_read_as_parameters() {
    let moto = Moto::shared();
    let (arn, first) = moto.create_secret("moto/s", "one");
    let second = moto.put_secret_value(&arn, "two");
    let read = |rest: &[(&str, &str)]| {
        let mut input = json!({"SecretId": "moto/s"});
        for (name, value) in rest {
            input[*name] = json!(value);
        }
        moto.secrets_manager("GetSecretValue", &input).unwrap()
    };
    assert_eq!(read(&[])["VersionId"], json!(second));
    assert_eq!(read(&[("VersionId", &first)])["SecretString"], "one");
    assert_eq!(read(&[("VersionStage", "AWSPREVIOUS")])["VersionStages"], json!(["AWSPREVIOUS"]));

    let reference = parameter("/aws/reference/secretsmanager/moto/s", true).unwrap();
    assert_eq!((&reference["Value"], &reference["Version"]), (&json!("two"), &json!(0)));
    assert!(reference["SourceResult"].as_str().unwrap().contains(&arn));
    assert_eq!(reference["Name"], "moto/s", "AWS answers the name that was asked for");

    moto.delete_secret("moto/s");
    let gone = moto.secrets_manager("GetSecretValue", &json!({"SecretId": "moto/s"}));
    assert_eq!(code(gone), (400, "InvalidRequestException".into()));
    let none = moto.secrets_manager("GetSecretValue", &json!({"SecretId": "moto/none"}));
    assert_eq!(code(none), (404, "ResourceNotFoundException".into()), "AWS answers 400");
}

#[test]
fn items_come_back_as_they_were_put() {
    let moto = Moto::shared();
    moto.create_table("moto-items", &[("id", "S"), ("at", "N")]);
    let item = json!({"id": {"S": "7"}, "at": {"N": "1.50"}, "flag": {"BOOL": true}});
    moto.put_item("moto-items", &item);
    let key = json!({"id": {"S": "7"}, "at": {"N": "1.50"}});
    let get = || moto.dynamodb("GetItem", &json!({"TableName": "moto-items", "Key": key})).unwrap();
    assert_eq!(get()["Item"], item, "DynamoDB answers 1.5");
    moto.delete_item("moto-items", &key);
    assert!(get()["Item"].is_null());
    let none = moto.dynamodb("GetItem", &json!({"TableName": "moto-none", "Key": key}));
    assert_eq!(code(none), (400, "ResourceNotFoundException".into()));
}
