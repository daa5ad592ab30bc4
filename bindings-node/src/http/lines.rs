//! How lists of texts cross the border: as one text, a line for each.
//!
//! Neither a header field, a URL nor a tag can hold a line break, so that nothing has to be escaped; that none does all
//! the same is seen by the count. Smaller and faster than JSON: a request comes with a dozen header fields.

use std::str::Split;

use http::HeaderMap;
use snowmelt_core::codes::INVALID_ARGUMENT;
use snowmelt_http::plain::{self, Fields};

use crate::failure::{Failure, Outcome};

/// A text, read line by line.
pub(super) struct Lines<'a>(Split<'a, char>);

impl<'a> Lines<'a> {
    /// Reads a text that has so many lines.
    pub(super) fn of(text: &'a str, count: u32) -> Outcome<Self> {
        let found = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
        if found != count as usize {
            return Err(Failure::new(INVALID_ARGUMENT, "a header field or a URL has a line break"));
        }
        Ok(Self::own(text))
    }

    /// Reads a text that was made here.
    pub(super) fn own(text: &'a str) -> Self {
        Self(text.split('\n'))
    }

    pub(super) fn text(&mut self) -> &'a str {
        self.0.next().unwrap_or_default()
    }

    /// 0 if it is none.
    pub(super) fn number(&mut self) -> u64 {
        self.text().parse().unwrap_or(0)
    }

    /// The header fields that the rest is.
    pub(super) fn header_map(self) -> Outcome<HeaderMap> {
        plain::header_map(self.pairs()).map_err(|error| bad_field(&error))
    }

    /// The same as texts.
    pub(super) fn fields(self) -> Fields {
        self.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn pairs(mut self) -> impl Iterator<Item = (&'a str, &'a str)> {
        std::iter::from_fn(move || Some((self.0.next()?, self.0.next()?)))
    }
}

pub(super) fn bad_field(error: &plain::BadField) -> Failure {
    Failure::new(INVALID_ARGUMENT, error.to_string())
}

/// A text in the making.
pub(super) struct Text(String);

impl Text {
    pub(super) fn of(first: &str) -> Self {
        let mut text = String::with_capacity(512);
        text.push_str(first);
        Self(text)
    }

    pub(super) fn line(mut self, line: &str) -> Self {
        self.0.push('\n');
        self.0.push_str(line);
        self
    }

    pub(super) fn number(self, number: u64) -> Self {
        self.line(&number.to_string())
    }

    pub(super) fn lines<'a>(self, lines: impl Iterator<Item = &'a str>) -> Self {
        lines.fold(self, Self::line)
    }

    pub(super) fn fields(self, map: &HeaderMap) -> Self {
        map.iter().fold(self, |text, (name, value)| {
            let mut text = text.line(name.as_str()).line("");
            // Latin-1, as `plain` has it.
            text.0.extend(value.as_bytes().iter().copied().map(char::from));
            text
        })
    }

    pub(super) fn end(self) -> String {
        self.0
    }
}
