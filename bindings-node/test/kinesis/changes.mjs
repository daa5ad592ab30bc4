/**
 * What AWS puts on a stream: the changes of a table, as its Kinesis streaming
 * destination writes them ("Using Kinesis Data Streams to capture changes to
 * DynamoDB" in the DynamoDB Developer Guide), and events of EventBridge
 * ("Amazon EventBridge event examples for Systems Manager" in the Systems Manager
 * User Guide; "AWS CloudTrail entries for Secrets Manager" in its User Guide).
 */
const ACCOUNT = "123456789012";

/** A change of an item; an INSERT has no old image, a REMOVE no new one. */
export function change(tableName, Keys, { NewImage, OldImage } = {}) {
  const eventName = NewImage === undefined && OldImage !== undefined ? "REMOVE" : OldImage === undefined ? "INSERT" : "MODIFY";
  return {
    awsRegion: "us-east-1",
    eventID: "26b1b865-1ee7-47f9-816e-d51cdeef9dc5",
    eventName,
    userIdentity: null,
    recordFormat: "application/json",
    tableName,
    dynamodb: { ApproximateCreationDateTime: 1_720_046_486_486_729, Keys, NewImage, OldImage, SizeBytes: 185, ApproximateCreationDateTimePrecision: "MICROSECOND" },
    eventSource: "aws:dynamodb",
  };
}

const event = (source, type, resources, detail) => ({
  version: "0",
  id: "6a7e4feb-b491-4cf7-a9f1-bf3703497718",
  "detail-type": type,
  source,
  account: ACCOUNT,
  time: "2017-05-22T16:43:48Z",
  region: "us-east-1",
  resources,
  detail,
});

/** A parameter without a hierarchy in its name, or with one: `/shop/rate`. */
export function parameterChange(name, operation = "Update") {
  const arn = `arn:aws:ssm:us-east-1:${ACCOUNT}:parameter/${name.replace(/^\//, "")}`;
  return event("aws.ssm", "Parameter Store Change", [arn], { operation, name, type: "String", description: "Sample Parameter" });
}

const secret = (name) => `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:${name}-a1b2c3`;

/** A call of Secrets Manager that named the secret. */
export function secretCall(name, eventName = "PutSecretValue") {
  return event("aws.secretsmanager", "AWS API Call via CloudTrail", [], {
    eventVersion: "1.08",
    userIdentity: { type: "AssumedRole" },
    eventTime: "2021-08-13T19:17:16Z",
    eventSource: "secretsmanager.amazonaws.com",
    eventName,
    awsRegion: "us-east-1",
    requestParameters: { secretId: name, clientRequestToken: "EXAMPLE1-90ab-cdef-fedc-ba987SECRET1" },
    responseElements: { arn: secret(name) },
    readOnly: eventName.startsWith("Get"),
    eventType: "AwsApiCall",
  });
}

/** A rotation, which Secrets Manager tells by the ARN. */
export function secretRotated(name) {
  return event("aws.secretsmanager", "AWS Service Event via CloudTrail", [], {
    eventVersion: "1.05",
    eventSource: "secretsmanager.amazonaws.com",
    eventName: "RotationSucceeded",
    awsRegion: "us-east-1",
    requestParameters: null,
    responseElements: null,
    additionalEventData: { SecretId: secret(name) },
    eventType: "AwsServiceEvent",
  });
}

/** Puts records of whatever content on a stream, as their service does. */
export async function put(server, StreamName, ...records) {
  for (const record of records) {
    const Data = Buffer.from(JSON.stringify(record)).toString("base64");
    await server.call("PutRecord", { StreamName, PartitionKey: JSON.stringify(record).slice(-64), Data });
  }
}
