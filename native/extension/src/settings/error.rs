//! What is wrong with a configuration: everything at once, each with its place
//! and its remedy.

use std::fmt;

use thiserror::Error;

/// The most problems that are kept: a file that is wrong throughout is not
/// told line by line.
const MOST: usize = 50;
/// The longest value that a message shows whole, in bytes.
const LONGEST: usize = 128;

/// The configuration cannot be used. Holds at least one problem.
///
/// Its text has a line for each of them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", Lines(.problems, *.more))]
pub struct SettingsError {
    problems: Vec<Problem>,
    more: usize,
}

impl SettingsError {
    /// What is wrong, in the order in which it was found; the first 50.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

struct Lines<'a>(&'a [Problem], usize);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let line = if index == 0 { "" } else { "\n" };
            write!(f, "{line}{problem}")?;
        }
        if self.1 > 0 { write!(f, "\nand {} more", self.1) } else { Ok(()) }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, with the value: `is "abc"`. Never a token.
    pub what: String,
    /// What it may be, and what to do.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.place, self.what, self.remedy)
    }
}

/// Where something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this environment variable.
    Variable(String),
    /// In this file.
    File {
        /// Its path.
        path: String,
        /// The line and the column, both from 1, where they are known.
        at: Option<At>,
    },
    /// With this DynamoDB table.
    Table(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File { path, at: Some(at) } => write!(f, "{path}:{}:{}:", at.line, at.column),
            Self::File { path, at: None } => write!(f, "{path}:"),
            Self::Table(name) => write!(f, "table {name}"),
        }
    }
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1, in characters.
    pub column: u64,
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    kept: Vec<Problem>,
    more: usize,
}

impl Problems {
    pub(super) fn add(&mut self, place: Place, what: impl Into<String>, remedy: impl Into<String>) {
        if self.kept.len() == MOST {
            self.more += 1;
        } else {
            self.kept.push(Problem { place, what: what.into(), remedy: remedy.into() });
        }
    }

    /// Whether there are none.
    pub(super) fn check(self) -> Result<(), SettingsError> {
        if self.kept.is_empty() {
            return Ok(());
        }
        Err(SettingsError { problems: self.kept, more: self.more })
    }
}

/// A value as a message shows it: quoted, and cut where it is long.
pub(super) fn shown(value: &str) -> String {
    let cut = &value[..value.floor_char_boundary(LONGEST)];
    if cut.len() < value.len() { format!("{cut:?}…") } else { format!("{value:?}") }
}
