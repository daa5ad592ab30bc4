//! YAML as it is written: scalars by their text, everything with its place.
//!
//! The demo reads every value into a text, as it is spelt: a sort key `007` is
//! not 7. So a scalar that the parser takes for a number or a flag is looked up
//! in the text by its span.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, NonFiniteFloatPolicy, Options, Spanned};

use crate::settings::error::At;

/// A value with its place.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) at: Option<At>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Nothing,
    Text(String),
    List(Vec<Value>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) at: Option<At>,
    pub(super) value: Value,
}

/// Why a text is no YAML, and where.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) at: Option<At>,
    pub(super) why: String,
}

/// Reads one document.
pub(super) fn parse(text: &str) -> Result<Value, Refused> {
    match serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options()) {
        Ok(node) => Ok(value(node, text)),
        Err(error) => {
            let error = error.without_snippet();
            let (at, mut why) = (error.location().as_ref().and_then(at), error.to_string());
            // The place is told apart from the reason.
            why.truncate(why.find(" at line ").unwrap_or(why.len()));
            Err(Refused { at, why: cut(why) })
        }
    }
}

/// Far more than a configuration needs, far less than hurts: what is listed
/// has a few levels, and 1 MiB of YAML may hold repeats of repeats.
fn options() -> Options {
    let mut options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 16,
            flow_nesting_limit: 16,
            max_nodes: 100_000,
            max_events: 300_000,
            max_anchors: 1_000,
            max_aliases: 1_000,
            max_recorded_anchor_events: 100_000,
            max_documents: 1,
            max_merge_keys: 1_000,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    options.alias_limits.max_total_replayed_events = 100_000;
    options.alias_limits.max_replay_stack_depth = 16;
    options
}

/// The longest reason that is told, in bytes.
const LONGEST: usize = 256;

fn cut(mut why: String) -> String {
    if why.len() > LONGEST {
        why.truncate(why.floor_char_boundary(LONGEST));
        why.push('…');
    }
    why
}

fn at(location: &Location) -> Option<At> {
    let (line, column) = (location.line(), location.column());
    (line > 0).then_some(At { line, column })
}

/// With the texts of plain scalars in their place. The depth is the parser's
/// to bound.
fn value(node: Spanned<Node>, text: &str) -> Value {
    let kind = match node.value {
        Node::Nothing => Kind::Nothing,
        Node::Text(text) => Kind::Text(text),
        Node::Plain(read) => Kind::Text(spelt(&node.defined, text).map_or(read, str::to_owned)),
        Node::List(nodes) => Kind::List(nodes.into_iter().map(|node| value(node, text)).collect()),
        Node::Map(entries) => Kind::Map(
            entries
                .into_iter()
                .map(|(name, node)| Entry {
                    at: at(&name.referenced),
                    name: name.value,
                    value: value(node, text),
                })
                .collect(),
        ),
    };
    Value { at: at(&node.referenced), kind }
}

fn spelt<'t>(location: &Location, text: &'t str) -> Option<&'t str> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
    text.get(start..end).filter(|spelt| !spelt.is_empty())
}

/// What the parser makes of a value.
enum Node {
    Nothing,
    Text(String),
    /// What it read a plain scalar as.
    Plain(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

/// Scalars that are read as something else than a text.
macro_rules! plain {
    ($($visit:ident: $of:ty,)*) => {
        $(fn $visit<E>(self, read: $of) -> Result<Node, E> {
            Ok(Node::Plain(read.to_string()))
        })*
    };
}

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list or fields")
    }

    plain! {
        visit_bool: bool,
        visit_i64: i64,
        visit_i128: i128,
        visit_u64: u64,
        visit_u128: u128,
        visit_f64: f64,
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}

impl Value {
    /// Whether it is a list or a mapping, which cannot stand for a text and is
    /// refused as such.
    pub(super) fn is_collection(&self) -> bool {
        matches!(self.kind, Kind::List(_) | Kind::Map(_))
    }
}
