//! EventBridge events, as a rule with a Kinesis target puts them on a stream:
//! changes of parameters and of secrets.
//!
//! ```json
//! {"version":"0","id":"6a7e4feb-b491-4cf7-a9f1-bf3703497718","detail-type":"Parameter Store Change","source":"aws.ssm",
//!  "account":"123456789012","time":"2017-05-22T16:43:48Z","region":"us-east-1",
//!  "resources":["arn:aws:ssm:us-east-1:123456789012:parameter/foo"],
//!  "detail":{"operation":"Create","name":"foo","type":"String","description":"Sample Parameter"}}
//! ```
//!
//! The event is read as the rule matched it: a target with an input transformer
//! must not leave out what is read here (`source`, `detail-type`, `detail`,
//! `region`, `account`, `resources`).
//!
//! Sources, in the AWS documentation: "Events" in the Amazon EventBridge User
//! Guide; "Amazon EventBridge event examples for Systems Manager" and "Setting
//! up notifications or trigger actions based on Parameter Store events" in the
//! AWS Systems Manager User Guide; "AWS CloudTrail entries for Secrets
//! Manager", "Match AWS Secrets Manager events with Amazon EventBridge" and
//! "Secret Label Updated event" in the AWS Secrets Manager User Guide. Before
//! February 2024 some events had the ARN as `aRN`, not `arn`. `RotationSucceeded`
//! has been seen with the secret in `additionalEventData` and in
//! `serviceEventDetails`.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::json::{self, Pick, Texts};
use super::shape::Shape;
use super::sources::{Sources, Templates, Told};

/// The names that templates of parameters may have.
pub(super) const PARAMETER: &[&str] = &["name", "region", "account"];
/// The names that templates of secrets may have.
pub(super) const SECRET: &[&str] = &["id", "region", "account"];

/// What the sources learn of an event; `None` if none asks about it.
pub(super) fn tell(sources: &Sources, data: &[u8], shape: &Shape<'_>) -> Option<Told> {
    let (asked, what) = match (shape.source.as_deref()?, shape.detail_type.as_deref()?) {
        ("aws.ssm", "Parameter Store Change" | "Parameter Store Policy Action") => {
            (&sources.parameters, "parameter")
        }
        (
            "aws.secretsmanager",
            "Secret Label Updated" | "AWS API Call via CloudTrail" | "AWS Service Event via CloudTrail",
        ) => (&sources.secrets, "secret"),
        _ => return None,
    };
    if asked.is_empty() {
        return None;
    }
    let (mut told, mut event) = (Told::default(), Event::default());
    // Its shape was seen, so that it is JSON; but not that all of it is text.
    if json::read(data, &mut event).is_err() {
        told.lacks(|| format!("an event of a {what} cannot be read"));
        return Some(told);
    }
    if event.changes_nothing() {
        return None;
    }
    let names = if what == "secret" { event.secret() } else { event.parameter() };
    if names.is_empty() {
        told.lacks(|| format!("an event of a {what} does not say of which"));
    }
    for templates in asked {
        event.tell(templates, &names, what, &mut told);
    }
    Some(told)
}

#[derive(Default)]
struct Event<'a> {
    account: Option<Cow<'a, str>>,
    region: Option<Cow<'a, str>>,
    resources: Texts<'a>,
    detail: Detail<'a>,
}

#[derive(Default)]
struct Detail<'a> {
    /// A parameter's name, or a secret's.
    name: Option<Cow<'a, str>>,
    parameter_name: Option<Cow<'a, str>>,
    policy_type: Option<Cow<'a, str>>,
    event_name: Option<Cow<'a, str>>,
    read_only: bool,
    /// It tells of a call that failed.
    error_code: Option<Cow<'a, str>>,
    /// Names of a secret as the caller of an operation gave them.
    given: Ids<'a>,
    /// Names of a secret as the service gave them.
    known: Ids<'a>,
}

/// The names of a secret in one part of an event.
#[derive(Default)]
struct Ids<'a>(Texts<'a>);

impl<'de> Pick<'de> for Event<'de> {
    fn field(&mut self, name: &str) -> Option<&mut dyn Pick<'de>> {
        Some(match name {
            "account" => &mut self.account,
            "region" => &mut self.region,
            "resources" => &mut self.resources,
            "detail" => &mut self.detail,
            _ => return None,
        })
    }
}

impl<'de> Pick<'de> for Detail<'de> {
    fn field(&mut self, name: &str) -> Option<&mut dyn Pick<'de>> {
        Some(match name {
            "name" => &mut self.name,
            "parameter-name" => &mut self.parameter_name,
            "policy-type" => &mut self.policy_type,
            "eventName" => &mut self.event_name,
            "readOnly" => &mut self.read_only,
            "errorCode" => &mut self.error_code,
            "requestParameters" => &mut self.given,
            "responseElements" | "additionalEventData" | "serviceEventDetails" => &mut self.known,
            _ => return None,
        })
    }
}

impl<'de> Pick<'de> for Ids<'de> {
    fn field(&mut self, name: &str) -> Option<&mut dyn Pick<'de>> {
        let is_one = ["secretid", "arn", "name"].iter().any(|known| name.eq_ignore_ascii_case(known));
        if is_one { self.0.item() } else { None }
    }
}

impl Event<'_> {
    /// It tells of something that changes no value: a call that only reads, one
    /// that failed without naming anything, a notice that a parameter is about
    /// to expire or was not changed. A call that failed and names a secret
    /// counts as a change: that costs a load, and cannot be wrong.
    fn changes_nothing(&self) -> bool {
        let Detail { event_name, read_only, error_code, policy_type, given, known, .. } = &self.detail;
        let reads = ["Get", "BatchGet", "List", "Describe", "Validate"];
        let reads = event_name.as_ref().is_some_and(|name| reads.iter().any(|verb| name.starts_with(verb)));
        let notice = policy_type.as_ref().is_some_and(|policy| policy != "Expiration");
        let failed = error_code.is_some() && given.0.iter().chain(known.0.iter()).next().is_none();
        *read_only || reads || notice || failed
    }

    /// The names of a parameter: its name and its ARN. Of a name without a
    /// hierarchy the ARN is not told apart from that of a name with a leading
    /// slash, so that the name is not taken from the ARN.
    fn parameter(&self) -> Vec<String> {
        let Some(name) = self.detail.name.as_deref().or(self.detail.parameter_name.as_deref()) else {
            return Vec::new();
        };
        let arns = self.resources.iter().filter(|arn| resource(arn, "ssm").is_some());
        each_once(arns.chain([name]).map(ToString::to_string).collect())
    }

    /// The names of a secret.
    fn secret(&self) -> Vec<String> {
        let mut names = Vec::new();
        let arns = self.resources.iter().filter(|arn| resource(arn, "secretsmanager").is_some());
        for id in self.detail.known.0.iter().chain(self.detail.name.as_deref()).chain(arns) {
            add_secret(id, false, &mut names);
        }
        for id in self.detail.given.0.iter() {
            add_secret(id, true, &mut names);
        }
        each_once(names)
    }

    /// What it says to one source.
    fn tell(&self, templates: &Templates, names: &[String], what: &str, told: &mut Told) {
        for (kind, template) in templates.iter() {
            // One without the subject's name says the same of all, and of none.
            let subjects: Vec<&str> = if template.names_any(&["name", "id"]) {
                names.iter().map(String::as_str).collect()
            } else {
                Vec::from([""])
            };
            for subject in subjects {
                let value = |name: &str| match name {
                    "region" => self.region.as_deref().ok_or("region"),
                    "account" => self.account.as_deref().ok_or("account"),
                    _ => Ok(subject),
                };
                match template.render(value) {
                    Ok(Some(name)) => told.name(kind, name),
                    Ok(None) => {}
                    Err(lacks) => {
                        told.lacks(|| {
                            format!("an event of a {what} lacks `{lacks}`, which a template names")
                        });
                    }
                }
            }
        }
    }
}

fn each_once(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}

/// The last part of `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
fn resource<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let ("arn", _, of) = (parts.next()?, parts.next()?, parts.next()?) else { return None };
    parts.nth(2).filter(|_| of == service)
}

/// What a secret is called, given one of its names: by a name just that; by an
/// ARN also by the name in it, and by either without the suffix. An ARN that a
/// caller gave may be a partial one, which has no suffix, however its name ends.
fn add_secret(id: &str, may_be_partial: bool, names: &mut Vec<String>) {
    names.push(id.to_string());
    let Some(name) = resource(id, "secretsmanager").and_then(|part| part.strip_prefix("secret:")) else {
        return;
    };
    let whole = without_suffix(name);
    if whole.is_none() || may_be_partial {
        names.push(name.to_string());
    }
    if let Some(whole) = whole {
        names.push(whole.to_string());
        names.extend(without_suffix(id).map(ToString::to_string));
    }
}

/// `mySecret-a1b2c3` as `mySecret`.
fn without_suffix(name: &str) -> Option<&str> {
    let (before, suffix) = name.rsplit_once('-')?;
    let random = suffix.len() == 6 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (random && !before.is_empty()).then_some(before)
}
