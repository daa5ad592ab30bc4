//! Templates of names: `users/{pk}`.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::{KeyPart, MAX_NAME_BYTES};

/// A text with names in braces, which stand for values. `{{` and `}}` are
/// braces themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// As it was given.
    text: String,
    /// Text, and the name that follows it.
    pieces: Vec<(String, String)>,
    end: String,
}

/// What is wrong with a template, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TemplateError(pub(super) String);

impl TemplateError {
    fn at(characters: usize, what: &str) -> Self {
        Self(format!("at character {}, {what}", characters + 1))
    }
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError(
                "it is empty, which no name can be: give a text such as \"users/{pk}\"".into(),
            ));
        }
        let (mut pieces, mut literal) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            let place = || text[..text.len() - rest[brace..].len()].chars().count();
            literal.push_str(&rest[..brace]);
            let after = &rest[brace + 1..];
            rest = if after.starts_with(&rest[brace..=brace]) {
                literal.push_str(&rest[brace..=brace]);
                &after[1..]
            } else if rest[brace..].starts_with('}') {
                return Err(TemplateError::at(place(), "`}` ends nothing: write `}}` for a brace itself"));
            } else {
                let (name, after) = named(after).map_err(|what| TemplateError::at(place(), what))?;
                pieces.push((core::mem::take(&mut literal), name.to_owned()));
                after
            };
        }
        literal.push_str(rest);
        Ok(Self { text: text.to_owned(), pieces, end: literal })
    }

    /// The template as it was given.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().map(|(_, name)| name.as_str())
    }

    /// Whether one of the names is among these.
    pub(super) fn names_any(&self, of: &[&str]) -> bool {
        self.names().any(|name| of.contains(&name))
    }

    /// The text with values in the place of the names. `None` if nothing can
    /// be called so, because it would be empty or too long: then there is
    /// nothing of that name to invalidate, and no prefix stands for
    /// everything by accident.
    pub(super) fn render<'v, E>(
        &self,
        mut value: impl FnMut(&str) -> Result<&'v str, E>,
    ) -> Result<Option<String>, E> {
        let mut name = Name(String::new());
        for (before, of) in &self.pieces {
            let value = value(of)?;
            if write!(name, "{before}{}", KeyPart(value)).is_err() {
                return Ok(None);
            }
        }
        let whole = name.write_str(&self.end).is_ok() && !name.0.is_empty();
        Ok(whole.then_some(name.0))
    }
}

/// A name that is written, within the bound on names.
struct Name(String);

impl fmt::Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MAX_NAME_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// A name up to its closing brace, and what follows that.
fn named(text: &str) -> Result<(&str, &str), &'static str> {
    let unclosed = "`{` is not closed: write `}` after the name, or `{{` for a brace itself";
    let (name, after) = text.split_once('}').ok_or(unclosed)?;
    if name.contains('{') {
        return Err(unclosed);
    }
    if name.is_empty() {
        return Err(
            "`{}` names nothing: write a name between the braces, or `{{}}` for the braces themselves",
        );
    }
    if name.trim() != name {
        return Err("there is space beside the name: leave it out");
    }
    Ok((name, after))
}
