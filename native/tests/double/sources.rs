//! Change logs of other services, on the stream as those services write it.

use std::time::Duration;

use snowmelt::{Begin, FillOutcome, Loaded, OnUndecodable, Source};

use crate::support::{Service, patient};

/// As the Kinesis streaming destination of a table writes it.
fn change(table: &str, keys: &str, new: &str, old: &str) -> String {
    format!(
        r#"{{"awsRegion":"eu-west-1","eventID":"1e84f1ca-438d-4837-a6bd-aa4592be6f8a","eventName":"MODIFY","userIdentity":null,"recordFormat":"application/json","tableName":"{table}","dynamodb":{{"ApproximateCreationDateTime":1651495525900,"Keys":{keys},"NewImage":{new},"OldImage":{old},"SizeBytes":104}},"eventSource":"aws:dynamodb"}}"#
    )
}

const PARAMETER: &str = r#"{"version":"0","id":"6a7e4feb-b491-4cf7-a9f1-bf3703497718","detail-type":"Parameter Store Change","source":"aws.ssm","account":"123456789012","time":"2017-05-22T16:43:48Z","region":"us-east-1","resources":["arn:aws:ssm:us-east-1:123456789012:parameter/shop/rate"],"detail":{"operation":"Update","name":"/shop/rate","type":"String"}}"#;

const SECRET: &str = r#"{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.secretsmanager","account":"012345678901","region":"us-west-2","resources":[],"detail":{"eventSource":"secretsmanager.amazonaws.com","eventName":"PutSecretValue","requestParameters":{"secretId":"db"},"responseElements":{"arn":"arn:aws:secretsmanager:us-west-2:012345678901:secret:db-a1b2c3"}}}"#;

#[tokio::test]
async fn what_the_change_logs_say_is_dropped() {
    let service = Service::start(1).await;
    let builder = service
        .builder()
        .source(Source::dynamodb("users").key("users/{id}").tag("tenant:{tenant}"))
        .source(Source::parameter_store().key("config/{name}"))
        .source(Source::secrets_manager().key("secrets/{id}"))
        .on_undecodable(OnUndecodable::Flush);
    let cache = patient(builder);
    for key in ["users/1", "users/2", "config/%2Fshop%2Frate", "secrets/db", "bystander"] {
        cache.insert(key, 1).unwrap();
    }
    let Begin::Lead(lease) = cache.begin("list").unwrap() else { panic!("nobody else loads") };
    let image = |tenant: u32| format!(r#"{{"id":{{"S":"1"}},"tenant":{{"N":"{tenant}"}}}}"#);
    service.put(change("orders", r#"{"pk":{"S":"users/2"}}"#, "{}", "{}"));
    service.put(change("users", r#"{"id":{"S":"1"}}"#, &image(8), &image(7)));
    service.put(PARAMETER);
    service.put(SECRET);
    let caught_up = tokio::time::timeout(Duration::from_secs(10), cache.catch_up()).await;
    assert_eq!(caught_up.expect("in time"), Ok(()));
    let mut keys = cache.keys();
    keys.sort();
    assert_eq!(keys, ["bystander", "users/2"]);
    assert_eq!(cache.fill(lease, Loaded::new(1).tags(["tenant:7"])), FillOutcome::Fenced);
    assert_eq!(cache.stats().undecodable, 0);
}

#[tokio::test]
async fn a_key_takes_along_what_bears_it_as_a_tag() {
    let service = Service::start(1).await;
    let source = Source::parameter_store().key("config/{name}");
    let cache = patient(service.builder().source(source).keys_as_tags(true));
    cache.insert("config/%2Fshop%2Frate?label=beta", Loaded::new(1).tags(["config/%2Fshop%2Frate"])).unwrap();
    cache.insert("bystander", 1).unwrap();
    service.put(PARAMETER);
    assert_eq!(cache.catch_up().await, Ok(()));
    assert_eq!(cache.keys(), ["bystander"]);
    cache.insert("bystander?v=2", Loaded::new(1).tags(["bystander"])).unwrap();
    cache.invalidate("bystander").await.unwrap();
    assert!(cache.keys().is_empty());
}

#[tokio::test]
async fn a_wrong_template_is_refused_with_its_place() {
    let service = Service::start(1).await;
    let wrong = service.builder().source(Source::dynamodb("users").key("users/{id")).build();
    let Err(error) = wrong else { panic!("it was taken") };
    assert_eq!(
        error.to_string(),
        r#"option `source.dynamodb.key` is "users/{id": at character 7, `{` is not closed: write `}` after the name, or `{{` for a brace itself"#
    );
}
