//! What a read asks for.

use std::time::Duration;

use crate::origin::Ask;

use super::key;

/// What an answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A parameter's or a secret's value, as it is.
    Plain,
    /// What the AWS Parameters and Secrets extension answers.
    Aws,
    /// An item as plain JSON.
    Item,
    /// An item as JSON with DynamoDB's types.
    TypedItem,
}

impl Form {
    /// Tells entries of one thing apart, in their keys.
    pub(super) const fn mark(self) -> char {
        match self {
            Self::Plain => 'p',
            Self::Aws => 'a',
            Self::Item => 'i',
            Self::TypedItem => 't',
        }
    }
}

/// How a read is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// What is answered was loaded after the read came, and replaces what was
    /// there.
    pub refresh_now: bool,
    /// The lifetime of what is stored; zero stores nothing.
    pub ttl: Duration,
}

/// One thing, in one form.
#[derive(Clone)]
pub struct Wanted {
    pub(super) ask: Ask,
    pub(super) form: Form,
    pub(super) how: How,
    /// The entry's.
    pub(super) key: String,
}

impl Wanted {
    /// One thing, in one form.
    pub fn new(ask: Ask, form: Form, how: How) -> Self {
        let key = key::entry(&ask, form);
        Self { ask, form, how, key }
    }

    /// The key of its entry: the one that invalidates it, a NUL, and what tells
    /// it from its variants.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key that invalidates it.
    pub fn thing(&self) -> String {
        key::asked(&self.ask).to_string()
    }

    /// Whether `PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE` bounds it.
    pub(super) fn is_counted(&self) -> bool {
        !matches!(self.ask, Ask::Item(_))
    }
}
