//! What keeps the extension from its work, as Lambda is told.

use serde_json::{Map, Value, json};
use thiserror::Error;

/// So many problems are named; whoever mends these finds the others next.
const NAMED: usize = 20;

/// Why the extension cannot start, or ends.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Failure {
    kind: Kind,
    message: String,
    problems: Vec<Problem>,
}

/// One thing that is wrong with the configuration. Holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The file, if it is in one.
    pub file: Option<String>,
    /// The line in the file, from 1.
    pub line: Option<u64>,
    /// The column in the line, from 1.
    pub column: Option<u64>,
    /// The environment variable, if it is one.
    pub variable: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Config,
    Listen,
    Api,
}

impl Failure {
    /// The environment or a file says what cannot be.
    pub fn config(problems: Vec<Problem>) -> Self {
        let message = problems.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Self { kind: Kind::Config, message, problems }
    }

    /// A port could not be listened on; `variable` chooses another.
    pub fn listen(variable: &str, port: u16, error: &std::io::Error) -> Self {
        let message = format!(
            "port {port} cannot be listened on: {error}; end what has it, or choose another one by {variable}"
        );
        Self { kind: Kind::Listen, message, problems: Vec::new() }
    }

    /// The Extensions API failed.
    pub fn api(error: &super::ApiError) -> Self {
        Self { kind: Kind::Api, message: error.to_string(), problems: Vec::new() }
    }

    /// `category.reason`, as the Extensions API wants it.
    pub fn error_type(&self) -> &'static str {
        match self.kind {
            Kind::Config => "Extension.ConfigInvalid",
            Kind::Listen => "Extension.PortUnavailable",
            Kind::Api => "Extension.ApiFailed",
        }
    }

    /// The body of `/init/error` and `/exit/error`: the documented
    /// `errorMessage`, `errorType` and `stackTrace`, and the problems.
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "errorMessage": self.message,
            "errorType": self.error_type(),
            "stackTrace": [],
        });
        if !self.problems.is_empty() {
            body["problems"] = self.problems.iter().take(NAMED).map(Problem::to_json).collect();
        }
        body
    }
}

impl Problem {
    fn to_json(&self) -> Value {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let fields = [
            ("file", text(&self.file)),
            ("line", self.line.map(Value::from)),
            ("column", self.column.map(Value::from)),
            ("variable", text(&self.variable)),
            ("message", Some(Value::from(self.message.as_str()))),
            ("remedy", text(&self.remedy)),
        ];
        let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(present.collect::<Map<_, _>>())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.file, self.line, &self.variable) {
            (Some(file), Some(line), _) => {
                write!(out, "{file}:{line}:")?;
                if let Some(column) = self.column {
                    write!(out, "{column}:")?;
                }
                out.write_str(" ")?;
            }
            (Some(file), None, _) => write!(out, "{file}: ")?,
            (None, _, Some(variable)) => write!(out, "{variable}: ")?,
            (None, _, None) => {}
        }
        out.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(out, "; {remedy}"),
            None => Ok(()),
        }
    }
}
