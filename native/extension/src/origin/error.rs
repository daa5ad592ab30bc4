//! What goes wrong with an origin, in words that hold no secret.

use std::time::Duration;

use thiserror::Error;

/// The kinds of failure that callers treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Not allowed: IAM, KMS, or credentials that expired.
    Denied,
    /// Too many calls.
    Throttled,
    /// No answer in time.
    TimedOut,
    /// Could not be reached, or answered with a 5xx.
    Unavailable,
    /// The service refused the request as it was put.
    Refused,
}

/// An origin did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct OriginError {
    /// Which kind.
    pub trouble: Trouble,
    /// The service's own error code, `AccessDeniedException` for one.
    pub code: Option<String>,
    /// The status that the service answered with, if it answered.
    pub status: Option<u16>,
    /// What the service itself said, for those to whom it is passed through.
    /// AWS puts names, ARNs and actions there, and no value.
    pub service_message: Option<String>,
    /// What failed, and the remedy. Holds no value and no token.
    pub message: String,
}

/// The calls that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    GetParameter,
    GetSecretValue,
    GetItem,
    DescribeTable,
}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Self::GetParameter => "GetParameter",
            Self::GetSecretValue => "GetSecretValue",
            Self::GetItem => "GetItem",
            Self::DescribeTable => "DescribeTable",
        }
    }

    /// As IAM, ARNs and host names have it.
    const fn service(self) -> &'static str {
        match self {
            Self::GetParameter => "ssm",
            Self::GetSecretValue => "secretsmanager",
            Self::GetItem | Self::DescribeTable => "dynamodb",
        }
    }

    const fn thing(self) -> &'static str {
        match self {
            Self::GetParameter => "parameter",
            Self::GetSecretValue => "secret",
            Self::GetItem | Self::DescribeTable => "table",
        }
    }

    /// Whether this code says that there is no such thing. (That there is no
    /// such table is a mistake in the configuration.)
    pub(super) fn is_nothing(self, code: &str) -> bool {
        match self {
            Self::GetParameter => matches!(code, "ParameterNotFound" | "ParameterVersionNotFound"),
            Self::GetSecretValue => code == "ResourceNotFoundException",
            Self::GetItem | Self::DescribeTable => false,
        }
    }
}

/// What messages say of a call: what was asked for, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) operation: Operation,
    /// The name of the parameter, secret or table.
    pub(super) subject: &'a str,
    pub(super) region: &'a str,
    /// The endpoint's URL, if it is not the region's own.
    pub(super) endpoint: Option<&'a str>,
}

/// What a service said when it refused.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refusal<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) status: u16,
}

impl Call<'_> {
    fn what(&self) -> String {
        let Self { operation, subject, region, .. } = self;
        format!("{} of {} {subject} in {region}", operation.name(), operation.thing())
    }

    fn place(&self) -> String {
        let regional = || format!("{} in {}", self.operation.service(), self.region);
        self.endpoint.map_or_else(regional, ToOwned::to_owned)
    }

    /// How a call could not get through, most of the time.
    fn way(&self) -> String {
        let (service, region) = (self.operation.service(), self.region);
        match (self.endpoint, service) {
            (Some(url), _) => format!("check that something listens at {url} and can be reached from here"),
            (None, "dynamodb") => format!(
                "in a VPC, add a gateway endpoint for com.amazonaws.{region}.dynamodb to the subnet's route table, or \
                 a NAT gateway; check the region"
            ),
            (None, _) => format!(
                "in a VPC, add an interface endpoint for com.amazonaws.{region}.{service} whose security group \
                 admits port 443, or a NAT gateway; check the region"
            ),
        }
    }

    /// The service refused.
    pub(super) fn refused(&self, refusal: Refusal<'_>) -> OriginError {
        let trouble = sort(refusal.code, refusal.status);
        let said = said(refusal);
        let remedy = match trouble {
            Trouble::Denied => self.grant(refusal),
            Trouble::Throttled => {
                "longer TTLs make fewer calls; otherwise raise the service's quota or the table's capacity"
                    .into()
            }
            Trouble::Refused if refusal.code == "ResourceNotFoundException" => {
                format!(
                    "there is no table {} in {}: check the name and the region",
                    self.subject, self.region
                )
            }
            _ => String::new(),
        };
        let separator = if remedy.is_empty() { "" } else { "; " };
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        OriginError {
            trouble,
            code: text(refusal.code),
            status: Some(refusal.status),
            service_message: text(refusal.message),
            message: format!("{} failed: {said}{separator}{remedy}", self.what()),
        }
    }

    /// An answer that could not be read. The reader's complaint is left out: it
    /// may quote the body.
    pub(super) fn unreadable(&self, status: u16) -> OriginError {
        let trouble = if status < 400 { Trouble::Unavailable } else { sort("", status) };
        let what = format!("{} was answered HTTP {status} with what cannot be read", self.what());
        OriginError { status: Some(status), ..error(trouble, format!("{what}; {}", self.way())) }
    }

    /// No answer came in time. `reached`: whether the service ever answered.
    pub(super) fn timed_out(&self, limit: Duration, reached: bool) -> OriginError {
        let what = format!("{} had no answer from {} within {limit:?}", self.what(), self.place());
        let remedy = if reached { String::new() } else { format!("; {}", self.way()) };
        error(Trouble::TimedOut, what + &remedy)
    }

    /// Its turn never came.
    pub(super) fn crowded(&self, limit: Duration, at_once: usize) -> OriginError {
        let message = format!(
            "{} waited {limit:?} for one of {at_once} connections to {}; raise \
             PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS or the timeout",
            self.what(),
            self.place()
        );
        error(Trouble::TimedOut, message)
    }

    /// No connection could be made in time.
    pub(super) fn no_connection(&self) -> OriginError {
        let message =
            format!("{} could not connect to {} in time; {}", self.what(), self.place(), self.way());
        error(Trouble::TimedOut, message)
    }

    /// The endpoint could not be reached, or the connection broke.
    pub(super) fn out_of_reach(&self, cause: &str) -> OriginError {
        let message = format!("{} could not reach {} ({cause}); {}", self.what(), self.place(), self.way());
        error(Trouble::Unavailable, message)
    }

    /// There was nothing to sign the call with.
    pub(super) fn no_credentials(&self, cause: &str) -> OriginError {
        let message = format!(
            "{} has no AWS credentials: {cause}; give the function a role, or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
            self.what()
        );
        error(Trouble::Denied, message)
    }

    /// The request is one that cannot be made, or the answer one that cannot be
    /// used.
    pub(super) fn nonsense(&self, why: &str) -> OriginError {
        error(Trouble::Refused, format!("{}: {why}", self.what()))
    }

    /// How to be let in.
    fn grant(&self, refusal: Refusal<'_>) -> String {
        let Self { operation, region, .. } = self;
        match refusal.code {
            "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
                "the credentials have expired; renew them, and check this machine's clock".into()
            }
            code if is_credentials(code) => format!(
                "the credentials are not valid in region {region}: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
                 AWS_SESSION_TOKEN, the region, and this machine's clock"
            ),
            code if is_kms(code) || names_kms(refusal.message) => format!(
                "the {} is encrypted: allow kms:Decrypt on its KMS key in the role's policy (and in the key's, if it \
                 is of another account), and check that the key is enabled",
                operation.thing()
            ),
            _ => format!("allow {}:{} on it in the role's policy", operation.service(), operation.name()),
        }
    }
}

/// No region is known.
pub(super) fn no_region(operation: Operation, subject: &str) -> OriginError {
    let name = operation.name();
    error(
        Trouble::Refused,
        format!("{name} of {} {subject} has no region: set AWS_REGION", operation.thing()),
    )
}

/// What is given as a region is none.
pub(super) fn bad_region(operation: Operation, subject: &str, region: &str) -> OriginError {
    let (name, thing) = (operation.name(), operation.thing());
    let region: String = region.chars().take(40).collect();
    let why = "give one like eu-west-1";
    error(Trouble::Refused, format!("{name} of {thing} {subject}: {region:?} is no region; {why}"))
}

fn error(trouble: Trouble, message: String) -> OriginError {
    OriginError { trouble, code: None, status: None, service_message: None, message }
}

/// "Code: message", or the HTTP status where there is neither.
fn said(refusal: Refusal<'_>) -> String {
    match (refusal.code, refusal.message, refusal.status) {
        ("", "", status) => format!("HTTP {status}"),
        ("", message, status) => format!("HTTP {status}: {message}"),
        (code, "", status) => format!("{code} (HTTP {status})"),
        (code, message, _) => format!("{code}: {message}"),
    }
}

/// Codes as the API references of the three services have them under each
/// operation and under "Common Errors"; what has none of these is sorted by
/// its status.
fn sort(code: &str, status: u16) -> Trouble {
    match code {
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "LimitExceededException"
        | "KMSThrottlingException" => Trouble::Throttled,
        "AccessDeniedException"
        | "AccessDenied"
        | "NotAuthorized"
        | "OptInRequired"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "UnrecognizedClientException" => Trouble::Denied,
        code if is_credentials(code) || is_kms(code) => Trouble::Denied,
        _ => match status {
            429 => Trouble::Throttled,
            401 | 403 => Trouble::Denied,
            408 => Trouble::TimedOut,
            500.. => Trouble::Unavailable,
            _ => Trouble::Refused,
        },
    }
}

fn is_credentials(code: &str) -> bool {
    matches!(
        code,
        "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
    )
}

/// `InvalidKeyId` is Parameter Store's, `DecryptionFailure` Secrets Manager's.
fn is_kms(code: &str) -> bool {
    code.starts_with("KMS") || matches!(code, "InvalidKeyId" | "DecryptionFailure")
}

fn names_kms(message: &str) -> bool {
    message.contains("kms:") || message.contains("KMS")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: Operation) -> Call<'static> {
        Call { operation, subject: "/shop/a", region: "eu-west-1", endpoint: None }
    }

    fn trouble(code: &str, status: u16) -> Trouble {
        call(Operation::GetParameter).refused(Refusal { code, message: "because", status }).trouble
    }

    #[test]
    fn what_has_no_known_code_is_sorted_by_its_status() {
        for (status, sorted) in [
            (429, Trouble::Throttled),
            (401, Trouble::Denied),
            (403, Trouble::Denied),
            (408, Trouble::TimedOut),
            (500, Trouble::Unavailable),
            (503, Trouble::Unavailable),
            (400, Trouble::Refused),
            (404, Trouble::Refused),
        ] {
            assert_eq!(trouble("SomethingNew", status), sorted, "{status}");
            assert_eq!(trouble("", status), sorted, "{status}");
        }
    }

    #[test]
    fn codes_are_sorted_whatever_their_status() {
        for (code, sorted) in [
            ("ProvisionedThroughputExceededException", Trouble::Throttled),
            ("KMSThrottlingException", Trouble::Throttled),
            ("LimitExceededException", Trouble::Throttled),
            ("KMSAccessDeniedException", Trouble::Denied),
            ("DecryptionFailure", Trouble::Denied),
            ("ExpiredTokenException", Trouble::Denied),
            ("UnrecognizedClientException", Trouble::Denied),
            ("ValidationException", Trouble::Refused),
            ("InvalidRequestException", Trouble::Refused),
        ] {
            assert_eq!(trouble(code, 400), sorted, "{code}");
        }
    }

    #[test]
    fn a_way_that_is_missing_names_the_endpoint_of_the_service() {
        for (operation, part) in [
            (Operation::GetParameter, "interface endpoint for com.amazonaws.eu-west-1.ssm "),
            (Operation::GetSecretValue, "interface endpoint for com.amazonaws.eu-west-1.secretsmanager "),
            (Operation::GetItem, "gateway endpoint for com.amazonaws.eu-west-1.dynamodb "),
            (Operation::DescribeTable, "gateway endpoint for com.amazonaws.eu-west-1.dynamodb "),
        ] {
            let call = call(operation);
            let limit = Duration::from_secs(3);
            for error in [call.no_connection(), call.out_of_reach("refused"), call.timed_out(limit, false)] {
                assert!(error.message.contains(part), "{}", error.message);
            }
            // There is a way, and no need to speak of it.
            assert!(!call.timed_out(limit, true).message.contains("VPC"));
        }
    }

    #[test]
    fn a_missing_permission_names_the_action() {
        let refusal = Refusal { code: "AccessDeniedException", message: "no", status: 400 };
        for (operation, action) in [
            (Operation::GetParameter, "ssm:GetParameter"),
            (Operation::GetSecretValue, "secretsmanager:GetSecretValue"),
            (Operation::GetItem, "dynamodb:GetItem"),
            (Operation::DescribeTable, "dynamodb:DescribeTable"),
        ] {
            let error = call(operation).refused(refusal);
            assert!(error.message.contains(&format!("allow {action} on it")), "{}", error.message);
            assert!(error.message.contains("/shop/a in eu-west-1"), "{}", error.message);
        }
    }

    #[test]
    fn a_turn_that_never_came_names_the_variable() {
        let error = call(Operation::GetParameter).crowded(Duration::from_secs(3), 3);
        assert_eq!(error.trouble, Trouble::TimedOut);
        assert!(error.message.contains("PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS"), "{}", error.message);
    }

    #[test]
    fn absence_is_no_error_except_of_a_table() {
        assert!(Operation::GetParameter.is_nothing("ParameterNotFound"));
        assert!(Operation::GetParameter.is_nothing("ParameterVersionNotFound"));
        assert!(Operation::GetSecretValue.is_nothing("ResourceNotFoundException"));
        assert!(!Operation::GetItem.is_nothing("ResourceNotFoundException"));
        assert!(!Operation::DescribeTable.is_nothing("ResourceNotFoundException"));
    }
}
