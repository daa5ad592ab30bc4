//! A case as its file has it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Set {
    #[serde(rename = "$schema")]
    _schema: Option<String>,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) why: String,
    #[serde(default)]
    pub(crate) options: Map<String, Value>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Step {
    Refused(Refused),
    Ask(Ask),
    SameKey(Vec<Request>),
    DifferentKeys(Vec<Request>),
    Judge(Judge),
    Seal(Seal),
    Matches(Matches),
    Answer(Answer),
    Pass(Pass),
    Unsatisfied(Unsatisfied),
    Invalidates(Invalidates),
}

/// A text, or one so long that it is told.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Plain(String),
    Repeated { repeat: String, times: usize },
}

impl Text {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Repeated { repeat, times } => repeat.repeat(*times),
        }
    }
}

pub(crate) type Fields = Vec<(Text, Text)>;

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: Option<String>,
    pub(crate) scheme: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) path: Option<Text>,
    pub(crate) query: Option<Text>,
    #[serde(default)]
    pub(crate) headers: Fields,
    pub(crate) custom: Option<Text>,
    pub(crate) body: Option<Text>,
    #[serde(default)]
    pub(crate) body_follows: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Response {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: Fields,
    /// What the host's function of the status says, in milliseconds.
    pub(crate) ttl: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refused {
    pub(crate) message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    pub(crate) request: Request,
    #[serde(default)]
    pub(crate) wants_body: Option<Value>,
    pub(crate) expect: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Judge {
    #[serde(default)]
    pub(crate) request: Request,
    pub(crate) response: Response,
    #[serde(default)]
    pub(crate) at: i64,
    #[serde(default)]
    pub(crate) failure: bool,
    pub(crate) expect: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seal {
    pub(crate) body: Text,
    pub(crate) expect: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Matches {
    pub(crate) request: Request,
    #[serde(default)]
    pub(crate) at: i64,
    pub(crate) expect: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    #[serde(default)]
    pub(crate) request: Request,
    pub(crate) how: String,
    #[serde(default)]
    pub(crate) at: i64,
    pub(crate) expect: Answered,
}

/// Only the headers that are named are compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answered {
    pub(crate) status: Option<u16>,
    pub(crate) with_body: Option<bool>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pass {
    pub(crate) request: Request,
    /// As though `ask` had not been called.
    #[serde(default)]
    pub(crate) unasked: bool,
    pub(crate) reason: String,
    pub(crate) response: Response,
    pub(crate) expect: Answered,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unsatisfied {
    pub(crate) expect: Answered,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invalidates {
    pub(crate) request: Request,
    pub(crate) status: u16,
    pub(crate) expect: Value,
}
