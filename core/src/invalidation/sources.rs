//! Sources made ready to read records.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::dynamodb::Table;
use super::event_bridge::{PARAMETER, SECRET};
use super::template::Template;
use super::{Invalidation, Origin, Source};
use crate::error::ConfigError;

/// The most sources of one cache.
const MOST: usize = 1_000;

/// All sources of a cache, checked and ready to read records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    pub(super) tables: Vec<Table>,
    pub(super) parameters: Vec<Templates>,
    pub(super) secrets: Vec<Templates>,
}

impl Sources {
    /// Checks sources and their templates.
    ///
    /// # Errors
    ///
    /// For a table that cannot be one, a source without a template, and a
    /// template that cannot be used; the error names the option as it is
    /// written in options (`source[1].dynamodb.key`), the place and the remedy.
    pub fn new(sources: &[Source]) -> Result<Self, ConfigError> {
        if sources.len() > MOST {
            let remedy = format!("use at most {MOST}");
            return Err(ConfigError::new("source", format!("{} sources", sources.len()), remedy));
        }
        let mut ready = Self::default();
        for (index, source) in sources.iter().enumerate() {
            let number = if sources.len() > 1 { format!("[{index}]") } else { String::new() };
            ready.add(source, &format!("source{number}"))?;
        }
        Ok(ready)
    }

    fn add(&mut self, source: &Source, option: &str) -> Result<(), ConfigError> {
        match &source.origin {
            Origin::DynamoDb { table } => {
                let option = format!("{option}.dynamodb");
                self.tables.push(Table::new(table, &option, Templates::new(source, &option, None)?)?);
            }
            Origin::ParameterStore => {
                let option = format!("{option}.parameter_store");
                self.parameters.push(Templates::new(source, &option, Some(PARAMETER))?);
            }
            Origin::SecretsManager => {
                let option = format!("{option}.secrets_manager");
                self.secrets.push(Templates::new(source, &option, Some(SECRET))?);
            }
        }
        Ok(())
    }
}

/// What kind of name a template makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    Tag,
    Prefix,
}

/// The templates of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Templates(Vec<(Kind, Template)>);

impl Templates {
    /// `known` are the names that there can be, if they are known.
    fn new(source: &Source, option: &str, known: Option<&[&str]>) -> Result<Self, ConfigError> {
        let kinds = [
            (Kind::Key, "key", &source.keys),
            (Kind::Tag, "tag", &source.tags),
            (Kind::Prefix, "prefix", &source.prefixes),
        ];
        let mut templates = Vec::new();
        for (kind, word, texts) in kinds {
            for (index, text) in texts.iter().enumerate() {
                let number = if texts.len() > 1 { format!("[{index}]") } else { String::new() };
                let refuse =
                    |remedy| ConfigError::new(format!("{option}.{word}{number}"), shown(text), remedy);
                let template = Template::parse(text).map_err(|error| refuse(error.0))?;
                if let Some(remedy) = known.and_then(|known| unknown_name(&template, known)) {
                    return Err(refuse(remedy));
                }
                templates.push((kind, template));
            }
        }
        if templates.is_empty() {
            let remedy = "give a `key`, a `tag` or a `prefix`, such as \"users/{pk}\"";
            return Err(ConfigError::new(String::from(option), "without a template", remedy));
        }
        Ok(Self(templates))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Kind, &Template)> {
        self.0.iter().map(|(kind, template)| (*kind, template))
    }
}

fn unknown_name(template: &Template, known: &[&str]) -> Option<String> {
    let name = template.names().find(|name| !known.contains(name))?;
    let known: Vec<_> = known.iter().map(|name| format!("{{{name}}}")).collect();
    Some(format!("{{{}}} is nothing that these events have: there are {}", cut(name), known.join(", ")))
}

/// A text as a message shows it.
pub(super) fn shown(text: &str) -> String {
    format!("{:?}", cut(text))
}

/// The longest text that a message shows whole, in bytes.
const LONGEST: usize = 128;

pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// What a change says to the sources that ask about it.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) invalidation: Invalidation,
    /// What the record lacks, if anything.
    pub(super) lacks: Option<String>,
}

impl Told {
    pub(super) fn name(&mut self, kind: Kind, name: String) {
        let names = match kind {
            Kind::Key => &mut self.invalidation.keys,
            Kind::Tag => &mut self.invalidation.tags,
            Kind::Prefix => &mut self.invalidation.prefixes,
        };
        // What is said twice in a row is mostly the item as it is and as it
        // was; more than that need not be found, since repeats are harmless.
        if !names.iter().rev().take(4).any(|known| *known == name) {
            names.push(name);
        }
    }

    /// The first thing that is missing is told.
    pub(super) fn lacks(&mut self, why: impl FnOnce() -> String) {
        self.lacks.get_or_insert_with(why);
    }
}
