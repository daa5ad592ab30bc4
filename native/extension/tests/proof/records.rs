//! Records as their writers write them. Sources: those that the core's codecs
//! name (`core/src/invalidation`).

use test_servers::{ACCOUNT, REGION, Value, json};

/// Of Snowmelt, for any key.
pub(crate) fn snowmelt(keys: &[&str]) -> Value {
    json!({"snowmelt": 1, "keys": keys})
}

/// "Parameter Store Change", as an EventBridge rule hands it on.
pub(crate) fn parameter_store_change(name: &str, operation: &str) -> Value {
    let path = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
    json!({
        "version": "0",
        "id": "6a7e4feb-b491-4cf7-a9f1-bf3703497718",
        "detail-type": "Parameter Store Change",
        "source": "aws.ssm",
        "account": ACCOUNT,
        "time": "2017-05-22T16:43:48Z",
        "region": REGION,
        "resources": [format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{path}")],
        "detail": {"operation": operation, "name": name, "type": "SecureString", "description": ""},
    })
}

/// `PutSecretValue` as CloudTrail tells of it, as an EventBridge rule hands it
/// on.
pub(crate) fn put_secret_value(id: &str, arn: &str) -> Value {
    json!({
        "version": "0",
        "id": "36eb8523-97d0-4518-b33d-ee3579ff19f0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.secretsmanager",
        "account": ACCOUNT,
        "time": "2021-08-13T19:17:16Z",
        "region": REGION,
        "resources": [],
        "detail": {
            "eventVersion": "1.08",
            "userIdentity": {"type": "AssumedRole"},
            "eventTime": "2021-08-13T19:17:16Z",
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": "PutSecretValue",
            "awsRegion": REGION,
            "requestParameters": {"secretId": id, "clientRequestToken": "c593fbd2"},
            "responseElements": {"arn": arn},
            "readOnly": false,
            "eventType": "AwsApiCall",
        },
    })
}

/// A change of an item, as its table's Kinesis streaming destination writes it.
pub(crate) fn item_change(table: &str, event: &str, keys: &Value) -> Value {
    json!({
        "awsRegion": REGION,
        "eventID": "26b1b865-1ee7-47f9-816e-d51cdeef9dc5",
        "eventName": event,
        "userIdentity": null,
        "recordFormat": "application/json",
        "tableName": table,
        "dynamodb": {
            "ApproximateCreationDateTime": 1_720_046_486_486_729_u64,
            "Keys": keys,
            "SizeBytes": 185,
            "ApproximateCreationDateTimePrecision": "MICROSECOND",
        },
        "eventSource": "aws:dynamodb",
    })
}
