use snowmelt_extension::origin::{Ask, AwsOrigin, Fetched, Origin, Secret, SecretAsk, Trouble};
use test_servers::json;

use super::support::{failure, moto, secret};

async fn read(origin: &AwsOrigin, ask: SecretAsk) -> Option<Secret> {
    match origin.fetch(Ask::Secret(ask)).await {
        Ok(Fetched::Secret(secret)) => Some(secret),
        Ok(Fetched::Nothing) => None,
        _ => panic!("neither a secret nor none"),
    }
}

#[tokio::test]
async fn texts_and_bytes_come_back_whole() {
    let (moto, origin) = moto();
    let (arn, version) = moto.create_secret("kept/text", "é\n");
    for id in ["kept/text", &arn] {
        let found = read(&origin, secret(id)).await.unwrap();
        assert_eq!((found.arn.as_str(), found.name.as_str()), (arn.as_str(), "kept/text"));
        assert_eq!(found.version_id.as_deref(), Some(version.as_str()));
        assert_eq!(found.stages, ["AWSCURRENT"]);
        assert!(found.created.unwrap() > 1.7e9);
        assert!(found.string.as_deref() == Some("é\n") && found.binary.is_none());
    }
    moto.create_secret_in("us-east-1", "kept/bytes", &json!({"SecretBinary": "AP8Q"}));
    let found = read(&origin, secret("kept/bytes")).await.unwrap();
    assert!(found.string.is_none() && found.binary.as_deref() == Some(&[0, 255, 16]));
}

#[tokio::test]
async fn versions_and_stages_select() {
    let (moto, origin) = moto();
    let (_, first) = moto.create_secret("turned", "one");
    let second = moto.put_secret_value("turned", "two");
    let version = |id: &str| SecretAsk { version_id: Some(id.into()), ..secret("turned") };
    let stage = |stage: &str| SecretAsk { version_stage: Some(stage.into()), ..secret("turned") };
    for (ask, expected) in [
        (secret("turned"), Some("two")),
        (version(&first), Some("one")),
        (version(&second), Some("two")),
        (stage("AWSCURRENT"), Some("two")),
        (stage("AWSPREVIOUS"), Some("one")),
        (stage("AWSPENDING"), None),
        (secret("never/was"), None),
    ] {
        let found = read(&origin, ask.clone()).await.and_then(|secret| secret.string);
        assert_eq!(found.as_deref(), expected, "{ask:?}");
    }
}

#[tokio::test]
async fn an_arn_leads_to_its_region() {
    let (moto, origin) = moto();
    let (arn, _) = moto.create_secret_in("eu-west-1", "far", &json!({"SecretString": "away"}));
    assert_eq!(read(&origin, secret(&arn)).await.unwrap().string.as_deref(), Some("away"));
    assert!(read(&origin, secret("far")).await.is_none());
}

#[tokio::test]
async fn what_is_marked_for_deletion_is_an_error_with_its_code() {
    let (moto, origin) = moto();
    moto.create_secret("doomed", "x");
    moto.delete_secret("doomed");
    let error = failure(&origin, Ask::Secret(secret("doomed"))).await;
    assert_eq!((error.trouble, error.status), (Trouble::Refused, Some(400)));
    assert_eq!(error.code.as_deref(), Some("InvalidRequestException"));
    assert!(error.service_message.unwrap().contains("marked"));
    assert!(error.message.contains("doomed") && error.message.contains("us-east-1"), "{}", error.message);
}
