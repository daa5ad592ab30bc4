//! Fields of a file, looked up by name, with what is wrong noted to the line.

use std::collections::{BTreeMap, btree_map};

use snowmelt_core::options;

use super::yaml::{self, Entry, Kind, Value};
use crate::settings::error::{At, Place, Problems, shown};

/// A file that is being read, and what is wrong with it.
pub(super) struct Context<'a> {
    pub(super) path: String,
    /// The function's own region.
    region: Option<&'a str>,
    problems: &'a mut Problems,
}

/// A text of a file.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// The field, as messages name it: `dynamodb[0].table`.
    pub(super) field: String,
    pub(super) at: Option<At>,
    pub(super) value: String,
}

impl<'a> Context<'a> {
    pub(super) fn new(path: String, region: Option<&'a str>, problems: &'a mut Problems) -> Self {
        Self { path, region, problems }
    }

    pub(super) fn refuse(&mut self, at: Option<At>, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.add(Place::File { path: self.path.clone(), at }, what, remedy);
    }

    pub(super) fn refuse_text(&mut self, text: &Text, remedy: impl Into<String>) {
        self.refuse(text.at, format!("{} is {}", text.field, shown(&text.value)), remedy);
    }

    /// The file's only document.
    pub(super) fn document(&mut self, text: &str) -> Option<Value> {
        match yaml::parse(text.strip_prefix('\u{feff}').unwrap_or(text)) {
            Ok(value) => Some(value),
            Err(refused) => {
                let remedy = if refused.why.contains("tab") {
                    "indent with spaces"
                } else if refused.why.contains("budget") || refused.why.contains("limit") {
                    "list what is read often, without nesting and with few repeats by anchors"
                } else {
                    "correct it there, or in the line before"
                };
                self.refuse(refused.at, format!("is no YAML that can be read: {}", refused.why), remedy);
                None
            }
        }
    }

    /// A text that may be left out, be empty or be nothing: none then.
    pub(super) fn text(&mut self, value: Option<&Value>, field: String) -> Option<Text> {
        let value = value?;
        match &value.kind {
            Kind::Nothing => None,
            Kind::Text(text) if text.is_empty() => None,
            Kind::Text(text) => Some(Text { field, at: value.at, value: text.clone() }),
            Kind::List(_) | Kind::Map(_) => self.wrong_type(value, &field, "give a text"),
        }
    }

    /// A region, if it is not the function's own.
    pub(super) fn region(&mut self, value: Option<&Value>, field: String) -> Option<String> {
        let region = self.text(value, field)?;
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.value.len() > 64 || !region.value.chars().all(letters) {
            self.refuse_text(
                &region,
                "give a region's name, such as us-west-2, or leave it out for the function's",
            );
            return None;
        }
        Some(region.value).filter(|region| Some(region.as_str()) != self.region)
    }

    /// The elements of a list, with their fields' names. The demo once had a
    /// single one without a list.
    pub(super) fn list<'v>(&mut self, value: Option<&'v Value>, field: &str) -> Vec<(String, &'v Value)> {
        let Some(value) = value else { return Vec::new() };
        match &value.kind {
            Kind::Nothing => Vec::new(),
            Kind::Map(_) => vec![(field.to_owned(), value)],
            Kind::List(values) => {
                values.iter().enumerate().map(|(index, value)| (format!("{field}[{index}]"), value)).collect()
            }
            Kind::Text(_) => self
                .wrong_type(value, field, "give a list, each line of it beginning with `- `")
                .unwrap_or_default(),
        }
    }

    /// Notes a value of the wrong type.
    pub(super) fn wrong_type<T>(&mut self, value: &Value, field: &str, remedy: &str) -> Option<T> {
        let what = match &value.kind {
            Kind::Nothing => "empty".to_owned(),
            Kind::Text(text) => shown(text),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        };
        self.refuse(value.at, format!("{field} is {what}"), remedy);
        None
    }

    /// The fields of a value. Their names are told apart without their case:
    /// the demo writes `hashkey`, its fork `hashKey`.
    pub(super) fn object<'v>(&mut self, value: &'v Value, path: &str, known: &[&str]) -> Option<Object<'v>> {
        let entries = match &value.kind {
            Kind::Map(entries) => entries,
            Kind::Nothing if path.is_empty() => return Some(Object::default()),
            _ => {
                let names: Vec<String> = known.iter().map(|name| format!("`{name}:`")).collect();
                let whole = if path.is_empty() { "the file" } else { path };
                return self.wrong_type(value, whole, &format!("give a mapping with {}", names.join(", ")));
            }
        };
        let mut object = Object { path: path.to_owned(), at: value.at, fields: BTreeMap::new() };
        for entry in entries {
            self.add(entry, &mut object, known);
        }
        Some(object)
    }

    fn add<'v>(&mut self, entry: &'v Entry, object: &mut Object<'v>, known: &[&str]) {
        let name = entry.name.to_ascii_lowercase();
        let field = object.field(&entry.name);
        if !known.contains(&name.as_str()) {
            let error = options::unknown(&entry.name, known);
            let remedy = error.remedy.replace('`', "");
            self.refuse(entry.at, format!("{} is unknown", cut(&field)), remedy);
            return;
        }
        match object.fields.entry(name) {
            btree_map::Entry::Vacant(vacant) => drop(vacant.insert(&entry.value)),
            btree_map::Entry::Occupied(_) => {
                self.refuse(entry.at, format!("{field} is given twice"), "leave one of them out");
            }
        }
    }
}

fn cut(field: &str) -> &str {
    &field[..field.floor_char_boundary(128)]
}

/// The fields of a mapping.
#[derive(Debug, Default)]
pub(super) struct Object<'v> {
    path: String,
    pub(super) at: Option<At>,
    fields: BTreeMap<String, &'v Value>,
}

impl<'v> Object<'v> {
    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.fields.get(name).copied()
    }

    /// The field's name as messages have it.
    pub(super) fn field(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn text(&self, name: &str, context: &mut Context<'_>) -> Option<Text> {
        context.text(self.get(name), self.field(name))
    }

    /// Whether the field has a text, whatever it is.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| matches!(&value.kind, Kind::Text(text) if !text.is_empty()))
    }

    pub(super) fn region(&self, context: &mut Context<'_>) -> Option<String> {
        context.region(self.get("region"), self.field("region"))
    }
}
