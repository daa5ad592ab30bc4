use aws_sdk_kinesis::error::{ConnectorError, ErrorMetadata};
use aws_sdk_kinesis::operation::get_records::GetRecordsError;

use snowmelt_core::follower::CallErrorKind;

use super::*;

type Failure = SdkError<GetRecordsError, HttpResponse>;

fn place() -> Place {
    Place { stream: "orders".into(), region: "eu-west-1".into(), endpoint: None }
}

fn way(place: Place) -> Way {
    Way { place, connect_timeout: Duration::from_secs(1), call_timeout: Duration::from_secs(3) }
}

fn response(status: u16) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), "".into())
}

fn service(status: u16, code: &str, message: &str) -> Failure {
    let meta = ErrorMetadata::builder().code(code).message(message).build();
    SdkError::service_error(GetRecordsError::generic(meta), response(status))
}

fn sorted(operation: Operation, error: &Failure) -> (CallErrorKind, String) {
    let CallError { kind, message, date } = sort(operation, &way(place()), Some(7), error);
    assert_eq!(date, Some(7));
    (kind, message)
}

fn kind_of(status: u16, code: &str) -> CallErrorKind {
    sorted(Operation::GetRecords, &service(status, code, "because")).0
}

#[test]
fn exceptions_are_sorted_as_the_core_wants_them() {
    use CallErrorKind::{Denied, Expired, Failed, NotFound, Refused, Throttled};
    for (code, kind) in [
        ("ProvisionedThroughputExceededException", Throttled),
        ("LimitExceededException", Throttled),
        ("KMSThrottlingException", Throttled),
        ("ThrottlingException", Throttled),
        ("ExpiredIteratorException", Expired),
        ("ExpiredNextTokenException", Expired),
        ("InvalidArgumentException", Refused),
        ("ValidationException", Refused),
        ("ResourceNotFoundException", NotFound),
        ("AccessDeniedException", Denied),
        ("KMSAccessDeniedException", Denied),
        ("KMSDisabledException", Denied),
        ("ExpiredTokenException", Denied),
        ("UnrecognizedClientException", Denied),
        ("ResourceInUseException", Failed),
        ("InternalFailureException", Failed),
        ("SomethingNewException", Failed),
    ] {
        assert_eq!(kind_of(400, code), kind, "{code}");
    }
}

#[test]
fn what_has_no_known_name_is_sorted_by_its_status() {
    for (status, kind) in [
        (429, CallErrorKind::Throttled),
        (403, CallErrorKind::Denied),
        (500, CallErrorKind::Failed),
        (503, CallErrorKind::Failed),
    ] {
        assert_eq!(kind_of(status, ""), kind, "{status}");
        let unread = Failure::response_error("not JSON", response(status));
        let (sorted_kind, message) = sorted(Operation::GetRecords, &unread);
        assert_eq!(sorted_kind, kind);
        assert!(message.contains(&format!("HTTP {status}")) && message.contains("not JSON"), "{message}");
    }
}

#[test]
fn a_missing_permission_names_the_actions() {
    let said = "User: arn:aws:sts::1:role/x is not authorized to perform: kinesis:GetRecords";
    let error = service(400, "AccessDeniedException", said);
    let (_, message) = sorted(Operation::GetRecords, &error);
    for part in
        [said, "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords", ":stream/orders"]
    {
        assert!(message.contains(part), "{message}");
    }
    let (_, message) = sorted(Operation::PutRecords, &error);
    assert!(message.contains("allow kinesis:PutRecords on"), "{message}");
}

#[test]
fn an_encrypted_stream_names_the_kms_action() {
    let error = service(400, "KMSAccessDeniedException", "no");
    assert!(sorted(Operation::GetRecords, &error).1.contains("allow kms:Decrypt"));
    assert!(sorted(Operation::PutRecords, &error).1.contains("allow kms:GenerateDataKey"));
    let by_message = service(400, "AccessDeniedException", "not authorized to perform: kms:Decrypt");
    assert!(sorted(Operation::GetRecords, &by_message).1.contains("allow kms:Decrypt"));
    let disabled = service(400, "KMSDisabledException", "key is disabled");
    assert!(sorted(Operation::GetRecords, &disabled).1.contains("must exist and be enabled"));
}

#[test]
fn credentials_that_are_not_valid_are_said_to_be() {
    let (_, message) = sorted(Operation::ListShards, &service(400, "ExpiredTokenException", ""));
    assert!(message.contains("have expired"), "{message}");
    let (_, message) =
        sorted(Operation::ListShards, &service(400, "UnrecognizedClientException", "bad token"));
    assert!(message.contains("not valid in region eu-west-1") && message.contains("bad token"), "{message}");
}

#[test]
fn a_missing_stream_names_stream_and_region() {
    let said = "Stream orders under account 123456789012 not found.";
    let (kind, message) = sorted(Operation::ListShards, &service(400, "ResourceNotFoundException", said));
    assert_eq!(kind, CallErrorKind::NotFound);
    for part in [said, "no stream orders in eu-west-1", "check the name and the region"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_connection_that_times_out_names_the_vpc_endpoint() {
    let timeout = ConnectorError::timeout("HTTP connect timeout occurred after 1s".into());
    let (kind, message) = sorted(Operation::GetRecords, &Failure::dispatch_failure(timeout));
    assert_eq!(kind, CallErrorKind::TimedOut);
    for part in
        ["https://kinesis.eu-west-1.amazonaws.com", "com.amazonaws.eu-west-1.kinesis-streams", "NAT gateway"]
    {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_configured_endpoint_is_named_instead() {
    let place = Place { endpoint: Some("http://127.0.0.1:4567".into()), ..place() };
    let error = Failure::dispatch_failure(ConnectorError::io("connection refused".into()));
    let error = sort(Operation::GetRecords, &way(place), None, &error);
    assert_eq!(error.kind, CallErrorKind::Failed);
    assert!(error.message.contains("could not reach http://127.0.0.1:4567"), "{}", error.message);
    assert!(
        error.message.contains("connection refused") && !error.message.contains("VPC"),
        "{}",
        error.message
    );
}

#[test]
fn no_answer_in_time_is_timed_out() {
    let (kind, message) = sorted(Operation::GetRecords, &Failure::timeout_error("operation timeout"));
    assert_eq!(kind, CallErrorKind::TimedOut);
    assert!(message.contains("within 3s"), "{message}");
}

#[test]
fn missing_credentials_are_denied_wherever_they_surface() {
    let missing = || CredentialsError::not_loaded("no providers in chain provided credentials");
    for error in [
        Failure::dispatch_failure(ConnectorError::other(missing().into(), None)),
        Failure::construction_failure(missing()),
        Failure::dispatch_failure(ConnectorError::timeout(
            CredentialsError::provider_timed_out(Duration::from_secs(2)).into(),
        )),
    ] {
        let (kind, message) = sorted(Operation::ListShards, &error);
        assert_eq!(kind, CallErrorKind::Denied);
        assert!(message.contains("no AWS credentials") && message.contains("AWS_ACCESS_KEY_ID"), "{message}");
    }
}

#[test]
fn what_cannot_be_sent_says_why() {
    let (kind, message) = sorted(Operation::ListShards, &Failure::construction_failure("no such field"));
    assert_eq!(kind, CallErrorKind::Failed);
    assert!(
        message.contains("ListShards could not be sent") && message.contains("no such field"),
        "{message}"
    );
}

#[test]
fn the_url_follows_the_partition() {
    assert_eq!(
        Place { region: "cn-north-1".into(), ..place() }.url(),
        "https://kinesis.cn-north-1.amazonaws.com.cn"
    );
}
