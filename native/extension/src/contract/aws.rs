//! Contract 3: the AWS Parameters and Secrets extension's.
//!
//! ```text
//! GET /systemsmanager/parameters/get?name=&version=&label=&withDecryption=&refreshNow=
//! GET /secretsmanager/get?secretId=&versionId=&versionStage=&refreshNow=
//! GET /ping
//! ```
//!
//! Sources: "Using Parameter Store parameters in AWS Lambda functions" in the
//! AWS Systems Manager User Guide and "Use AWS Secrets Manager secrets in AWS
//! Lambda functions" in the AWS Secrets Manager User Guide; for what they leave
//! open (`refreshNow`, `/ping`, the body of errors) the AWS Secrets Manager
//! Agent, whose source is public (`aws/aws-secretsmanager-agent`).

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use crate::answers::{Answers, Failure, Form, How, JSON, Outcome, Read, TEXT, Wanted};
use crate::http::{Answer, Request, Response, Service, TOKEN};
use crate::origin::{Ask, OriginError, SecretAsk, Trouble};
use crate::settings::{Settings, Token};

use super::query::{Query, Undecodable, flag};
use super::selector::{NoVersion, Selected, version};

/// Contract 3, as the service of a port.
pub struct Aws {
    answers: Answers,
    token: Token,
    parameter_ttl: Duration,
    secret_ttl: Duration,
}

/// A request that cannot be answered; the message says how to ask.
struct Bad(Cow<'static, str>);

/// What is asked for, and what is said if there is no such thing.
struct Asked {
    wanted: Wanted,
    nothing: Nothing,
}

/// What there is not.
#[derive(Clone, Copy)]
enum Nothing {
    Parameter,
    Version,
    Secret,
}

impl Aws {
    /// Answers from `answers` those who show the token.
    pub fn new(settings: &Settings, answers: Answers, token: Token) -> Self {
        let aws = &settings.aws;
        Self { answers, token, parameter_ttl: aws.parameter_ttl, secret_ttl: aws.secret_ttl }
    }

    /// A page or a function that can be made to send a GET (SSRF) cannot make
    /// the header: so without it all paths are alike, `/ping` too.
    fn is_allowed(&self, headers: &HeaderMap) -> bool {
        let mut tokens = headers.get_all(&TOKEN).iter();
        let first = tokens.next().is_some_and(|token| self.token.matches(token.as_bytes()));
        first && tokens.next().is_none()
    }

    fn asked(&self, path: &str, query: Query<'_>) -> Option<Result<Asked, Bad>> {
        match path {
            "systemsmanager/parameters/get" => Some(self.parameter(query)),
            "secretsmanager/get" => Some(self.secret(query)),
            _ => None,
        }
    }

    fn parameter(&self, query: Query<'_>) -> Result<Asked, Bad> {
        let name = query.first("name")?.ok_or(Bad("missing parameter name".into()))?;
        let mut selected = Selected::of(&name)?;
        if let Some((kind, value)) = query.first_of(&["version", "label"])? {
            if selected.is_one() {
                return Err(Bad(
                    "the name has a selector, so that neither version nor label can be given".into()
                ));
            }
            match kind {
                "version" => selected.version = Some(version(&value)?),
                _ => selected.label = Some(value.into_owned()),
            }
        }
        let nothing = if selected.is_one() { Nothing::Version } else { Nothing::Parameter };
        let ask = selected.ask(switch(query, "withDecryption")?, None);
        Self::wanted(query, Ask::Parameter(ask), self.parameter_ttl, nothing)
    }

    fn secret(&self, query: Query<'_>) -> Result<Asked, Bad> {
        let text = |name| Ok::<_, Bad>(query.first(name)?.map(Cow::into_owned));
        let id = text("secretId")?.ok_or(Bad("missing parameter secretId".into()))?;
        let (version_id, version_stage) = (text("versionId")?, text("versionStage")?);
        let ask = SecretAsk { id, version_id, version_stage };
        Self::wanted(query, Ask::Secret(ask), self.secret_ttl, Nothing::Secret)
    }

    fn wanted(query: Query<'_>, ask: Ask, ttl: Duration, nothing: Nothing) -> Result<Asked, Bad> {
        let how = How { refresh_now: switch(query, "refreshNow")?, ttl };
        Ok(Asked { wanted: Wanted::new(ask, Form::Aws, how), nothing })
    }
}

impl Service for Aws {
    fn answer(&self, request: Request) -> Answer {
        if !self.is_allowed(request.headers()) {
            return plain(StatusCode::UNAUTHORIZED, "X-Aws-Parameters-Secrets-Token is missing or wrong")
                .into();
        }
        if request.method() != Method::GET {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "use GET");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response.into();
        }
        let path = request.uri().path().trim_matches('/');
        if path == "ping" {
            return plain(StatusCode::OK, "healthy").into();
        }
        let Asked { wanted, nothing } = match self.asked(path, Query::of(request.uri())) {
            None => return plain(StatusCode::NOT_FOUND, "not found").into(),
            Some(Err(Bad(message))) => {
                return error(StatusCode::BAD_REQUEST, "ValidationException", &message).into();
            }
            Some(Ok(asked)) => asked,
        };
        match self.answers.read(wanted) {
            Read::Now(stored) => stored.response().into(),
            Read::Later(outcome) => Answer::Later(Box::pin(async move { answered(&outcome.await, nothing) })),
        }
    }
}

/// A parameter that is true or false; false where it is left out.
fn switch(query: Query<'_>, name: &str) -> Result<bool, Bad> {
    let Some(value) = query.first(name)? else { return Ok(false) };
    flag(&value).ok_or_else(|| Bad(format!("invalid {name} value: it is true or false").into()))
}

impl From<NoVersion> for Bad {
    fn from(error: NoVersion) -> Self {
        Self(error.to_string().into())
    }
}

impl From<Undecodable> for Bad {
    fn from(error: Undecodable) -> Self {
        Self(error.to_string().into())
    }
}

fn answered(outcome: &Outcome, nothing: Nothing) -> Response {
    match outcome {
        Ok(Some(stored)) => stored.response(),
        Ok(None) => nothing.response(),
        Err(Failure::Origin(failed)) => passed_on(failed),
        Err(failure @ Failure::Name(_)) => {
            error(StatusCode::BAD_REQUEST, "ValidationException", &failure.to_string())
        }
        Err(failure @ Failure::Interrupted) => {
            error(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", &failure.to_string())
        }
    }
}

impl Nothing {
    /// With the service's own code and status.
    fn response(self) -> Response {
        let (code, message) = match self {
            Self::Parameter => ("ParameterNotFound", "Systems Manager can't find the specified parameter."),
            Self::Version => (
                "ParameterVersionNotFound",
                "Systems Manager can't find the specified version or label of the parameter.",
            ),
            Self::Secret => {
                ("ResourceNotFoundException", "Secrets Manager can't find the specified secret value.")
            }
        };
        error(StatusCode::BAD_REQUEST, code, message)
    }
}

/// The service's status and code, if it answered with an error; otherwise 500.
fn passed_on(failed: &OriginError) -> Response {
    let status = failed.status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.filter(|status| status.is_client_error() || status.is_server_error());
    let code = failed.code.as_deref().unwrap_or(match failed.trouble {
        Trouble::Denied => "AccessDeniedException",
        Trouble::Throttled => "ThrottlingException",
        Trouble::TimedOut => "RequestTimeout",
        Trouble::Unavailable => "ServiceUnavailable",
        Trouble::Refused => "ValidationException",
    });
    let message = failed.service_message.as_deref().unwrap_or(&failed.message);
    error(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), code, message)
}

/// An error as the services themselves write it ("AWS JSON 1.1 protocol").
fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "__type": code, "message": message }).to_string();
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn plain(status: StatusCode, body: &'static str) -> Response {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}
