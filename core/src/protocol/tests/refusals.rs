//! What a failed call means and how it is told.

use std::string::String;
use std::time::Duration;

use serde_json::json;

use super::super::*;
use crate::follower::{CallError, CallErrorKind};

fn place() -> Place {
    Place { stream: "orders".into(), region: "eu-west-1".into(), endpoint: None }
}

fn told(operation: Operation, code: &str, message: &str, status: Option<u16>) -> (CallErrorKind, String) {
    let CallError { kind, message, date } =
        refused(operation, &place(), &Refusal { code, message, status }, Some(7));
    assert_eq!(date, Some(7));
    (kind, message)
}

#[test]
fn exceptions_are_sorted_by_name_and_then_by_status() {
    use CallErrorKind::{Denied, Expired, Failed, NotFound, Refused, Throttled};
    for (code, status, kind) in [
        ("ProvisionedThroughputExceededException", Some(400), Throttled),
        ("LimitExceededException", None, Throttled),
        ("KMSThrottlingException", None, Throttled),
        ("ThrottlingException", None, Throttled),
        ("ExpiredIteratorException", Some(400), Expired),
        ("ExpiredNextTokenException", None, Expired),
        ("InvalidArgumentException", Some(400), Refused),
        ("ValidationException", None, Refused),
        ("ResourceNotFoundException", Some(400), NotFound),
        ("AccessDeniedException", Some(400), Denied),
        ("KMSAccessDeniedException", None, Denied),
        ("ExpiredTokenException", None, Denied),
        ("UnrecognizedClientException", None, Denied),
        ("InternalFailureException", Some(500), Failed),
        ("SomethingNewException", Some(400), Failed),
        ("SomethingNewException", Some(403), Denied),
        ("", Some(429), Throttled),
        ("", Some(401), Denied),
        ("", Some(503), Failed),
        ("", None, Failed),
    ] {
        assert_eq!(told(Operation::GetRecords, code, "because", status).0, kind, "{code} {status:?}");
    }
}

#[test]
fn a_code_is_known_with_its_namespace_and_its_address() {
    for code in [
        "ExpiredIteratorException",
        "com.amazonaws.kinesis.v20131202#ExpiredIteratorException",
        "ExpiredIteratorException:http://internal.amazon.com/coral/com.amazonaws.kinesis/",
        "aws.kinesis#ExpiredIteratorException:http://internal.amazon.com/coral/#x",
        " ExpiredIteratorException ",
    ] {
        let (kind, message) = told(Operation::GetRecords, code, "Iterator expired.", Some(400));
        assert_eq!(kind, CallErrorKind::Expired, "{code}");
        assert_eq!(
            message,
            "GetRecords on stream orders in eu-west-1 failed: ExpiredIteratorException: Iterator expired."
        );
    }
    // Remedies go by the bare name, too.
    let (_, message) = told(Operation::GetRecords, "x#ExpiredTokenException:http://y", "", Some(400));
    assert!(
        message.contains("have expired") && message.contains("ExpiredTokenException (HTTP 400)"),
        "{message}"
    );
}

#[test]
fn what_was_said_is_told_as_far_as_there_is_anything() {
    for (code, message, status, said) in [
        ("Code", "text", Some(400), "Code: text"),
        ("Code", "", Some(400), "Code (HTTP 400)"),
        ("Code", "", None, "Code"),
        ("", "text", Some(400), "HTTP 400: text"),
        ("", "text", None, "text"),
        ("", "", Some(500), "HTTP 500"),
        ("", "", None, "no reason was given"),
    ] {
        let told = told(Operation::ListShards, code, message, status).1;
        assert_eq!(told, std::format!("ListShards on stream orders in eu-west-1 failed: {said}"));
    }
}

#[test]
fn a_refusal_is_read_from_an_http_answer() {
    let body = json!({ "__type": "com.amazonaws.kinesis#AccessDeniedException", "Message": "no" });
    let refusal = Refusal::read(400, None, &body);
    assert_eq!((refusal.code, refusal.message), ("com.amazonaws.kinesis#AccessDeniedException", "no"));
    assert_eq!(Refusal::read(400, Some("OptInRequired:http://x"), &body).code, "OptInRequired:http://x");
    assert_eq!(Refusal::read(400, Some(""), &body).code, refusal.code);
    let other = json!({ "code": "Throttling", "message": "slow down" });
    let refusal = Refusal::read(400, None, &other);
    assert_eq!((refusal.code, refusal.message, refusal.status), ("Throttling", "slow down", Some(400)));
    for nothing in [json!(null), json!("x"), json!([]), json!({ "__type": 7, "message": {} })] {
        let nothing = Refusal::read(503, None, &nothing);
        assert_eq!(nothing, Refusal { code: "", message: "", status: Some(503) });
    }
}

#[test]
fn permissions_that_are_missing_are_named() {
    let (_, message) = told(Operation::GetShardIterator, "AccessDeniedException", "no", Some(400));
    let reading = "allow kinesis:ListShards, kinesis:GetShardIterator and kinesis:GetRecords on \
                   arn:aws:kinesis:eu-west-1:ACCOUNT:stream/orders in the role's policy";
    assert_eq!(
        message,
        std::format!("GetShardIterator on stream orders was denied: AccessDeniedException: no; {reading}")
    );
    let (_, message) = told(Operation::PutRecords, "AccessDeniedException", "no", Some(400));
    assert!(message.contains("allow kinesis:PutRecords on arn:aws:kinesis"), "{message}");
    let (_, message) = told(Operation::PutRecords, "KMSAccessDeniedException", "no", Some(400));
    assert!(message.contains("allow kms:GenerateDataKey on its KMS key"), "{message}");
    let (_, message) =
        told(Operation::GetRecords, "AccessDeniedException", "not authorized: kms:Decrypt", None);
    assert!(message.contains("allow kms:Decrypt on its KMS key"), "{message}");
    let (_, message) = told(Operation::GetRecords, "KMSDisabledException", "", None);
    assert!(message.contains("must exist and be enabled"), "{message}");
    let (_, message) = told(Operation::GetRecords, "InvalidSignatureException", "", None);
    assert!(message.contains("not valid in region eu-west-1"), "{message}");
}

#[test]
fn a_stream_that_is_not_there_is_named_with_its_region() {
    let (kind, message) = told(Operation::ListShards, "ResourceNotFoundException", "gone", Some(400));
    assert_eq!(kind, CallErrorKind::NotFound);
    let said = "ListShards found no stream orders in eu-west-1: ResourceNotFoundException: gone; check the name and \
                the region";
    assert_eq!(message, said);
}

#[test]
fn calls_that_had_no_answer_name_where_they_went() {
    let own = Place { endpoint: Some("http://127.0.0.1:4567".into()), ..place() };
    let second = Duration::from_secs(1);
    let vpc = "interface endpoint for com.amazonaws.eu-west-1.kinesis-streams";
    let regional = "https://kinesis.eu-west-1.amazonaws.com";
    let listens = "check that something listens at http://127.0.0.1:4567";
    for (error, kind, words) in [
        (
            timed_out(Operation::GetRecords, &place(), second),
            CallErrorKind::TimedOut,
            ["within 1s", regional],
        ),
        (
            no_connection(Operation::GetRecords, &place(), second, "x"),
            CallErrorKind::TimedOut,
            [vpc, regional],
        ),
        (no_connection(Operation::GetRecords, &own, second, "x"), CallErrorKind::TimedOut, [listens, "(x)"]),
        (out_of_reach(Operation::GetRecords, &place(), "refused"), CallErrorKind::Failed, [vpc, "(refused)"]),
        (
            out_of_reach(Operation::GetRecords, &own, "refused"),
            CallErrorKind::Failed,
            [listens, "could not reach"],
        ),
        (
            broken_off(Operation::GetRecords, &own, "reset"),
            CallErrorKind::Failed,
            ["broke off: reset", ":4567"],
        ),
        (not_sent(Operation::GetRecords, "x"), CallErrorKind::Failed, ["could not be sent: x", "GetRecords"]),
        (
            no_credentials(Operation::GetRecords, "none found"),
            CallErrorKind::Denied,
            ["no AWS credentials: none found", "AWS_SECRET_ACCESS_KEY"],
        ),
    ] {
        assert_eq!((error.kind, error.date), (kind, None));
        assert!(error.message.starts_with("GetRecords "), "{}", error.message);
        for word in words {
            assert!(error.message.contains(word), "{} has no {word}", error.message);
        }
    }
    let unread = unreadable(Operation::GetRecords, 429, "not JSON", Some(7));
    assert_eq!((unread.kind, unread.date), (CallErrorKind::Throttled, Some(7)));
    assert_eq!(unread.message, "GetRecords was answered with HTTP 429: not JSON");
}

#[test]
fn the_url_follows_the_partition() {
    let china = Place { region: "cn-north-1".into(), ..place() };
    assert_eq!(china.url(), "https://kinesis.cn-north-1.amazonaws.com.cn");
}
