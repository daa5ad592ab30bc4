//! The environment, as an argument: nothing else here reads the process's own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use super::error::{Place, Problems, shown};

/// Environment variables: of this process, or what a test gives.
///
/// ```
/// use snowmelt_extension::settings::Environment;
///
/// let environment: Environment =
///     [("SNOWMELT_STREAM", "orders"), ("AWS_SESSION_TOKEN", "IQoJ")].into_iter().collect();
/// assert_eq!(format!("{environment:?}"), r#"Environment(["AWS_SESSION_TOKEN", "SNOWMELT_STREAM"])"#);
/// ```
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Option<String>>);

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os();
        Self(variables.map(|(name, value)| (in_text(&name), value.into_string().ok())).collect())
    }

    /// The value of a variable. One that is empty counts as not set, and so
    /// does, here, one that is no Unicode.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref().filter(|value| !value.trim().is_empty())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn in_text(name: &OsString) -> String {
    name.to_string_lossy().into_owned()
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let pairs = variables.into_iter();
        Self(pairs.map(|(name, value)| (name.into(), value.into().into_string().ok())).collect())
    }
}

/// Names only: there are tokens among the values.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Environment").field(&self.0.keys().collect::<Vec<_>>()).finish()
    }
}

/// Reads variables, and notes what is wrong with them.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    pub(super) problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment, problems: &'a mut Problems) -> Self {
        Self { environment, problems }
    }

    /// The variable's text without spaces around it, if it is set to one.
    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        if self.environment.0.get(name) == Some(&None) {
            self.refuse(name, "is no Unicode text", "leave out what is no character");
        }
        self.environment.text(name).map(str::trim)
    }

    /// The variable as `parse` understands it; the default where it is not
    /// set, and where it is wrong, which is noted.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        default: T,
        remedy: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let Some(text) = self.text(name) else { return default };
        if let Some(value) = parse(text) {
            return value;
        }
        self.refuse(name, format!("is {}", shown(text)), remedy);
        default
    }

    pub(super) fn refuse(&mut self, name: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.add(Place::Variable(name.to_owned()), what, remedy);
    }
}
