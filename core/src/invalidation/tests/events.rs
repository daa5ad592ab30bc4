//! EventBridge events.

use serde_json::json;

use super::*;

fn event(source: &str, detail_type: &str, resources: &Value, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": "6a7e4feb-b491-4cf7-a9f1-bf3703497718",
        "detail-type": detail_type,
        "source": source,
        "account": "123456789012",
        "time": "2017-05-22T16:43:48Z",
        "region": "us-east-1",
        "resources": resources,
        "detail": detail,
    })
}

fn parameter(name: &str, operation: &str) -> Value {
    let resources = json!([std::format!(
        "arn:aws:ssm:us-east-1:123456789012:parameter/{}",
        name.trim_start_matches('/')
    )]);
    let detail =
        json!({"operation": operation, "name": name, "type": "String", "description": "Sample Parameter"});
    event("aws.ssm", "Parameter Store Change", &resources, &detail)
}

fn policy(kind: &str) -> Value {
    let detail = json!({"policy-type": kind, "parameter-name": "foo", "parameter-type": "String", "action-status": "Success"});
    let resources = json!(["arn:aws:ssm:us-east-1:123456789012:parameter/foo"]);
    event("aws.ssm", "Parameter Store Policy Action", &resources, &detail)
}

const ARN: &str = "arn:aws:secretsmanager:us-west-2:012345678901:secret:prod/db-a1b2c3";

fn call(name: &str, request: &Value, response: &Value) -> Value {
    let detail = json!({
        "eventVersion": "1.08",
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-west-2",
        "requestParameters": request,
        "responseElements": response,
        "readOnly": false,
        "eventType": "AwsApiCall",
    });
    event("aws.secretsmanager", "AWS API Call via CloudTrail", &json!([]), &detail)
}

/// The names of secrets that are invalidated, sorted.
fn ids(record: &Value) -> Vec<String> {
    keys(&Source::secrets_manager().key("{id}"), record)
}

fn encoded(names: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = names.iter().map(|name| KeyPart(name).to_string()).collect();
    names.sort();
    names
}

#[test]
fn every_operation_on_a_parameter_is_a_change() {
    let source = Source::parameter_store().key("config/{name}");
    for operation in ["Create", "Update", "Delete", "LabelParameterVersion", "SomethingNew"] {
        let keys = keys(&source, &parameter("/shop/rate", operation));
        let arn = "config/arn%3Aaws%3Assm%3Aus-east-1%3A123456789012%3Aparameter%2Fshop%2Frate";
        assert_eq!(keys, ["config/%2Fshop%2Frate", arn], "{operation}");
    }
}

#[test]
fn a_parameter_that_expires_changes_and_a_notice_changes_nothing() {
    let source = Source::parameter_store().tag("{region}:{account}:{name}");
    let told = applied(&source, &policy("Expiration"));
    assert!(told.tags.contains(&"us-east-1:123456789012:foo".into()), "{told:?}");
    for notice in ["ExpirationNotification", "NoChangeNotification"] {
        assert_eq!(super::told(&source, &policy(notice)), Decoded::ForOthers);
    }
}

#[test]
fn a_template_without_a_name_is_told_once() {
    let told =
        applied(&Source::parameter_store().tag("config").prefix("c/{region}/"), &parameter("a", "Update"));
    assert_eq!((told.tags, told.prefixes), (["config".into()].to_vec(), ["c/us-east-1/".into()].to_vec()));
}

#[test]
fn a_secret_has_several_names() {
    let names = ["prod/db", ARN, "arn:aws:secretsmanager:us-west-2:012345678901:secret:prod/db"];
    for record in [
        call("PutSecretValue", &json!({"secretId": ARN, "clientRequestToken": "t"}), &json!({"arn": ARN})),
        call("UpdateSecret", &json!({"secretId": ARN}), &json!(null)),
    ] {
        // What a caller gives may be a partial ARN whose name ends like that.
        assert_eq!(ids(&record), encoded(&[&names[..], &["prod/db-a1b2c3"]].concat()), "{record}");
    }
    for record in [
        call(
            "UpdateSecretVersionStage",
            &json!({"secretId": "prod/db"}),
            &json!({"arn": ARN, "name": "prod/db"}),
        ),
        call("DeleteSecret", &json!({"secretId": "prod/db"}), &json!({"aRN": ARN})),
        call("RestoreSecret", &json!({"secretId": "prod/db"}), &json!({"ARN": ARN, "versionId": "v"})),
        call("CreateSecret", &json!({"name": "prod/db"}), &json!({"arn": ARN})),
    ] {
        assert_eq!(ids(&record), encoded(&names), "{record}");
    }
    assert_eq!(
        ids(&call("RotateSecret", &json!({"secretId": "prod/db"}), &json!(null))),
        encoded(&["prod/db"])
    );
}

#[test]
fn a_partial_arn_ends_as_its_name_does() {
    let partial = "arn:aws:secretsmanager:us-west-2:012345678901:secret:my-secret";
    let told = ids(&call("PutSecretValue", &json!({"secretId": partial}), &json!(null)));
    assert!(told.contains(&"my-secret".into()), "six characters after a hyphen are no suffix here: {told:?}");
    assert!(told.contains(&KeyPart(partial).to_string()));
    assert_eq!(ids(&call("PutSecretValue", &json!({"secretId": "my-secret"}), &json!(null))), ["my-secret"]);
    let short = "arn:aws:secretsmanager:us-west-2:012345678901:secret:db";
    assert_eq!(
        ids(&call("PutSecretValue", &json!({"secretId": short}), &json!(null))),
        encoded(&["db", short])
    );
}

#[test]
fn rotations_and_labels_name_the_secret_in_their_own_way() {
    let names = encoded(&["prod/db", ARN, "arn:aws:secretsmanager:us-west-2:012345678901:secret:prod/db"]);
    let service = |field: &str, id: &str| {
        let detail = json!({
            "eventSource": "secretsmanager.amazonaws.com", "eventName": "RotationSucceeded", "requestParameters": null,
            "responseElements": null, field: {id: ARN}, "readOnly": false, "eventType": "AwsServiceEvent",
        });
        event("aws.secretsmanager", "AWS Service Event via CloudTrail", &json!([]), &detail)
    };
    assert_eq!(ids(&service("additionalEventData", "SecretId")), names);
    assert_eq!(ids(&service("serviceEventDetails", "secretId")), names);
    let detail = json!({"name": "prod/db", "labelUpdated": "AWSCURRENT", "versionId": "a1b2c3d4"});
    assert_eq!(ids(&event("aws.secretsmanager", "Secret Label Updated", &json!([ARN]), &detail)), names);
}

#[test]
fn calls_that_only_read_change_nothing() {
    let source = Source::secrets_manager().key("{id}");
    for name in [
        "GetSecretValue",
        "BatchGetSecretValue",
        "DescribeSecret",
        "ListSecretVersionIds",
        "GetRandomPassword",
        "ValidateResourcePolicy",
    ] {
        let record = call(name, &json!({"secretId": ARN}), &json!(null));
        assert_eq!(told(&source, &record), Decoded::ForOthers, "{name}");
    }
    let mut record = call("SomethingNew", &json!({"secretId": ARN}), &json!(null));
    assert!(!ids(&record).is_empty(), "what is not known to read is a change");
    record["detail"]["readOnly"] = json!(true);
    assert_eq!(told(&source, &record), Decoded::ForOthers);
    let mut failed = call("PutSecretValue", &json!(null), &json!(null));
    failed["detail"]["errorCode"] = json!("AccessDenied");
    assert_eq!(told(&source, &failed), Decoded::ForOthers);
}

#[test]
fn events_of_others_are_for_others() {
    let secrets = Source::secrets_manager().key("{id}");
    let parameters = Source::parameter_store().key("{name}");
    let put = call("PutSecretValue", &json!({"secretId": ARN}), &json!(null));
    assert_eq!(told(&parameters, &put), Decoded::ForOthers);
    assert_eq!(told(&secrets, &parameter("a", "Update")), Decoded::ForOthers);
    assert_eq!(told_to(&[], &put), Decoded::ForOthers);
    for (source, detail_type) in [
        ("aws.ec2", "EC2 Instance State-change Notification"),
        ("aws.ssm", "EC2 Command Status-change Notification"),
        ("aws.ssm", "AWS API Call via CloudTrail"),
        ("shop", "Parameter Store Change"),
        ("aws.secretsmanager", "Something New"),
    ] {
        let record = event(source, detail_type, &json!([ARN]), &json!({"name": "a", "secretId": "b"}));
        assert_eq!(
            told_to(&[secrets.clone(), parameters.clone()], &record),
            Decoded::ForOthers,
            "{source} {detail_type}"
        );
    }
}

#[test]
fn an_event_that_does_not_say_of_what_lacks_it() {
    let source = Source::parameter_store().key("{name}").tag("config");
    for detail in [json!({}), json!(null), json!([]), json!("foo"), json!({"name": 5}), json!({"name": null})]
    {
        let (told, why) = lacking(&source, &event("aws.ssm", "Parameter Store Change", &json!([]), &detail));
        assert_eq!(told, Invalidation::tags(["config"]));
        assert_eq!(why, "an event of a parameter does not say of which");
    }
    let (told, why) =
        lacking(&Source::secrets_manager().key("{id}"), &call("PutSecretValue", &json!({}), &json!([])));
    assert!(told.is_empty());
    assert_eq!(why, "an event of a secret does not say of which");
    let mut nowhere = parameter("a", "Update");
    nowhere.as_object_mut().unwrap().remove("region");
    let (_, why) = lacking(&Source::parameter_store().key("{region}/{name}"), &nowhere);
    assert_eq!(why, "an event of a parameter lacks `region`, which a template names");
    let sources = Sources::new(&[source]).unwrap();
    let broken =
        b"{\"source\":\"aws.ssm\",\"detail-type\":\"Parameter Store Change\",\"detail\":{\"name\":\"\xff\"}}";
    let Decoded::Lacking { why, .. } = decode(broken, "", &sources) else { panic!("read") };
    assert_eq!(why, "an event of a parameter cannot be read");
}

#[test]
fn what_is_no_event_is_as_foreign_as_ever() {
    for record in [
        json!({"source": "aws.ssm", "detail-type": "Parameter Store Change"}),
        json!({"source": "aws.ssm", "detail": {}}),
        json!({"source": ["aws.ssm"], "detail-type": "Parameter Store Change", "detail": {}}),
        json!({"detail-type": "Parameter Store Change", "detail": {}}),
    ] {
        let decoded = told(&Source::parameter_store().key("{name}"), &record);
        assert_eq!(decoded, Decoded::Undecodable("not a known record format"), "{record}");
    }
}
