//! DynamoDB change records, as the Kinesis streaming destination of a table
//! writes them.
//!
//! ```json
//! {"awsRegion":"us-east-1","eventID":"26b1b865-1ee7-47f9-816e-d51cdeef9dc5","eventName":"MODIFY","userIdentity":null,
//!  "recordFormat":"application/json","tableName":"orders","dynamodb":{"ApproximateCreationDateTime":1720046486486729,
//!  "Keys":{"pk":{"S":"Bob Lee"},"sk":{"N":"3"}},"NewImage":{"pk":{"S":"Bob Lee"},"sk":{"N":"3"},"status":{"N":"3"}},
//!  "OldImage":{"pk":{"S":"Bob Lee"},"sk":{"N":"3"},"status":{"N":"2"}},"SizeBytes":185,
//!  "ApproximateCreationDateTimePrecision":"MICROSECOND"},"eventSource":"aws:dynamodb"}
//! ```
//!
//! Sources: "Using Kinesis Data Streams to capture changes to DynamoDB" in the
//! Amazon DynamoDB Developer Guide, "Record" and "`StreamRecord`" in the
//! DynamoDB Streams API reference, and the type `KinesisDynamoDBStreamEvent` of
//! Powertools for AWS Lambda. An INSERT has no old image and a REMOVE no new
//! one. A record has the table's name and region, but not its account.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::json::{self, Pick};
use super::shape::Shape;
use super::sources::{Templates, Told, cut, shown};
use super::template::Template;
use crate::error::ConfigError;

/// Names that the format itself has values for.
const BUILT_IN: [&str; 3] = ["table", "region", "account"];

/// A source that is a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    name: String,
    /// The region and the account, if it was given by its ARN.
    place: Option<(String, String)>,
    templates: Templates,
    /// The attributes that the templates name.
    attributes: Vec<String>,
}

impl Table {
    pub(super) fn new(table: &str, option: &str, templates: Templates) -> Result<Self, ConfigError> {
        let (name, place) = match arn(table) {
            Some((name, region, account)) => (name, Some((region.to_owned(), account.to_owned()))),
            None => (table, None),
        };
        let sound = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if !sound || !(3..=255).contains(&name.len()) {
            let remedy = "give a table's name (3 to 255 letters, digits, `_`, `.` and `-`) or its ARN \
                (arn:aws:dynamodb:REGION:ACCOUNT:table/NAME)";
            return Err(ConfigError::new(format!("{option}.table"), shown(table), remedy));
        }
        let mut attributes: Vec<String> =
            templates.iter().flat_map(|(_, template)| template.names()).map(str::to_owned).collect();
        attributes.sort_unstable();
        attributes.dedup();
        Ok(Self { name: name.to_owned(), place, templates, attributes })
    }

    /// Whether this table's changes are asked for. A record that does not say
    /// where it comes from may come from anywhere.
    fn is_of(&self, shape: &Shape<'_>) -> bool {
        let here = |region: &str| self.place.as_ref().is_none_or(|(own, _)| own == region);
        shape.table.as_deref() == Some(&self.name) && shape.region.as_deref().is_none_or(here)
    }

    /// What a change of this table says.
    fn tell(&self, data: &[u8], shape: &Shape<'_>, told: &mut Told) {
        let mut record = Record(Change::new(&self.attributes));
        // Its shape was seen, so that it is JSON; but not that all of it is text.
        if json::read(data, &mut record).is_err() {
            return told.lacks(|| format!("a change record of the table `{}` cannot be read", self.name));
        }
        let change = Reading { table: self, region: shape.region.as_deref(), change: record.0 };
        for (kind, template) in self.templates.iter() {
            let own_names: &[bool] = if template.names_any(&BUILT_IN) { &[false, true] } else { &[false] };
            for (image, attributes_first) in
                change.images().flat_map(|image| own_names.iter().map(move |first| (image, *first)))
            {
                match template.render(|name| change.value(name, image, attributes_first)) {
                    Ok(Some(name)) => told.name(kind, name),
                    Ok(None) => {}
                    Err(missing) => told.lacks(|| self.missing(template, &missing)),
                }
            }
        }
    }

    fn missing(&self, template: &Template, missing: &Missing) -> String {
        let table = &self.name;
        let named =
            |name: &str| format!("`{}`, which the template {} names", cut(name), shown(template.text()));
        match missing {
            Missing::Attribute(name) => format!(
                "a change record of the table `{table}` lacks the attribute {}: it is no key attribute, \
                 and neither of the images that the table's streaming destination wrote has it",
                named(name)
            ),
            Missing::Scalar(name) => format!(
                "in a change record of the table `{table}` the attribute {}, is of a type that no name \
                 can be made of: S, N and B can",
                named(name)
            ),
            Missing::Region => {
                format!(
                    "a change record of the table `{table}` lacks `awsRegion`, which {{region}} stands for"
                )
            }
        }
    }
}

/// What `tables` learn of a change record.
pub(super) fn tell(tables: &[Table], data: &[u8], shape: &Shape<'_>) -> Option<Told> {
    if tables.is_empty() {
        return None;
    }
    let mut told = Told::default();
    if shape.table.is_none() {
        told.lacks(|| "a DynamoDB change record lacks `tableName`".into());
        return Some(told);
    }
    let mut asked = tables.iter().filter(|table| table.is_of(shape)).peekable();
    asked.peek()?;
    asked.for_each(|table| table.tell(data, shape, &mut told));
    Some(told)
}

/// The name, region and account of `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME`.
fn arn(text: &str) -> Option<(&str, &str, &str)> {
    let mut parts = text.splitn(6, ':');
    let ("arn", _, "dynamodb") = (parts.next()?, parts.next()?, parts.next()?) else { return None };
    let (region, account) = (parts.next()?, parts.next()?);
    let name = parts.next()?.strip_prefix("table/")?;
    (!region.is_empty() && !account.is_empty()).then_some((name, region, account))
}

/// The record around a [`Change`].
struct Record<'a, 'w>(Change<'a, 'w>);

/// What of `dynamodb` is asked for.
struct Change<'a, 'w> {
    keys: Item<'a, 'w>,
    new: Item<'a, 'w>,
    old: Item<'a, 'w>,
}

/// Some attributes of an item.
struct Item<'a, 'w> {
    wanted: &'w [String],
    values: Vec<Option<Attribute<'a>>>,
    /// Whether there is such an item at all.
    given: bool,
}

/// An attribute's value.
#[derive(Default)]
struct Attribute<'a> {
    text: Option<Cow<'a, str>>,
    null: bool,
}

impl<'w> Change<'_, 'w> {
    fn new(wanted: &'w [String]) -> Self {
        let item = || Item { wanted, values: wanted.iter().map(|_| None).collect(), given: false };
        Self { keys: item(), new: item(), old: item() }
    }
}

impl<'de> Pick<'de> for Record<'de, '_> {
    fn field(&mut self, name: &str) -> Option<&mut dyn Pick<'de>> {
        if name == "dynamodb" { Some(&mut self.0) } else { None }
    }
}

impl<'de> Pick<'de> for Change<'de, '_> {
    fn field(&mut self, name: &str) -> Option<&mut dyn Pick<'de>> {
        Some(match name {
            "Keys" => &mut self.keys,
            "NewImage" => &mut self.new,
            "OldImage" => &mut self.old,
            _ => return None,
        })
    }
}

impl<'de> Pick<'de> for Item<'de, '_> {
    fn field(&mut self, name: &str) -> Option<&mut dyn Pick<'de>> {
        self.given = true;
        let wanted = self.wanted.iter().position(|wanted| wanted == name)?;
        Some(self.values.get_mut(wanted)?.insert(Attribute::default()))
    }
}

impl<'de> Pick<'de> for Attribute<'de> {
    fn field(&mut self, kind: &str) -> Option<&mut dyn Pick<'de>> {
        if matches!(kind, "S" | "N" | "B") {
            return Some(&mut self.text);
        }
        self.null |= kind == "NULL";
        None
    }
}

/// Which image of the item is looked at first.
#[derive(Clone, Copy)]
enum Image {
    New,
    Old,
}

/// Why a name has no value.
enum Missing {
    Attribute(String),
    /// It has a value, but none that fits into a name.
    Scalar(String),
    Region,
}

/// A change, and what it is looked at for.
struct Reading<'a, 'w> {
    table: &'w Table,
    region: Option<&'w str>,
    change: Change<'a, 'w>,
}

impl Reading<'_, '_> {
    /// The images that there are; if there is none, the keys are all there is.
    fn images(&self) -> impl Iterator<Item = Image> + use<> {
        let (new, old) = (self.change.new.given, self.change.old.given);
        [(Image::New, new || !old), (Image::Old, old)]
            .into_iter()
            .filter_map(|(image, is)| is.then_some(image))
    }

    /// The value of a name. What one image lacks is taken from the other: that
    /// invalidates too much rather than too little.
    fn value(&self, name: &str, image: Image, attributes_first: bool) -> Result<&str, Missing> {
        let attribute = || self.attribute(name, image);
        match self.built_in(name)? {
            Some(built_in) if attributes_first => Ok(attribute().unwrap_or(built_in)),
            Some(built_in) => Ok(built_in),
            None => attribute(),
        }
    }

    fn built_in(&self, name: &str) -> Result<Option<&str>, Missing> {
        Ok(match name {
            "table" => Some(&self.table.name),
            "region" => Some(self.region.ok_or(Missing::Region)?),
            "account" => self.table.place.as_ref().map(|(_, account)| account.as_str()),
            _ => None,
        })
    }

    fn attribute(&self, name: &str, image: Image) -> Result<&str, Missing> {
        let Change { keys, new, old } = &self.change;
        let items = match image {
            Image::New => [keys, new, old],
            Image::Old => [keys, old, new],
        };
        let wanted = self.table.attributes.iter().position(|attribute| attribute == name);
        let values = || items.into_iter().filter_map(|item| item.values.get(wanted?)?.as_ref());
        if let Some(text) = values().find_map(|value| value.text.as_deref()) {
            return Ok(text);
        }
        let other = values().any(|value| !value.null);
        Err(if other { Missing::Scalar(name.to_owned()) } else { Missing::Attribute(name.to_owned()) })
    }
}
