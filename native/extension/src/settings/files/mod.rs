//! `config.yaml` and `cache.yaml`: read within bounds, and told to the line
//! what is wrong with them.

mod cache;
mod config;
mod object;
mod table;
mod yaml;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::error::{At, Problems};
use super::{ListedItem, ListedParameter, ListedTable};
use object::Context;
use table::Keys;

/// The most bytes of a file.
const MOST: u64 = 1 << 20;

/// What the files list.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) parameters: Vec<ListedParameter>,
    pub(super) items: Vec<ListedItem>,
    pub(super) tables: Vec<ListedTable>,
    pub(super) notes: Vec<String>,
}

/// Reads both files of this folder; one that is not there lists nothing.
/// `region` is the function's, which need not be named.
pub(super) fn read(folder: &Path, region: Option<&str>, problems: &mut Problems) -> Listed {
    let mut listed = Listed::default();
    let mut keys = Keys::default();
    for (name, take) in [("config.yaml", config::take as Take), ("cache.yaml", cache::take)] {
        let path = folder.join(name);
        let mut context = Context::new(path.to_string_lossy().into_owned(), region, problems);
        match text(&path) {
            Ok(Some(text)) => {
                if let Some(document) = context.document(&text) {
                    take(&document, &mut context, &mut keys, &mut listed);
                }
            }
            Ok(None) => {}
            Err(Unreadable { at, what, remedy }) => {
                context.refuse(at, what, remedy);
            }
        }
    }
    let tables = listed.items.iter_mut().map(|item| &mut item.table).chain(&mut listed.tables);
    tables.for_each(|table| keys.complete(table));
    listed
}

type Take = fn(&yaml::Value, &mut Context<'_>, &mut Keys, &mut Listed);

struct Unreadable {
    at: Option<At>,
    what: String,
    remedy: &'static str,
}

impl Unreadable {
    fn new(what: impl Into<String>, remedy: &'static str) -> Self {
        Self { at: None, what: what.into(), remedy }
    }
}

/// The text of a file, if there is one.
fn text(path: &Path) -> Result<Option<String>, Unreadable> {
    let failed = |error: io::Error| {
        Unreadable::new(format!("cannot be read: {error}"), "let every user read it, or remove it")
    };
    match fs::metadata(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
        // A pipe would be waited for.
        Ok(data) if !data.is_file() => {
            return Err(Unreadable::new("is no regular file", "put a file in its place, or remove it"));
        }
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > MOST {
        return Err(Unreadable::new("is larger than 1 MiB", "list what is read often, and no more"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let valid = String::from_utf8_lossy(valid);
            let line = valid.bytes().filter(|byte| *byte == b'\n').count() as u64 + 1;
            let column = valid.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
            let remedy = "save it as UTF-8";
            Err(Unreadable { at: Some(At { line, column }), ..Unreadable::new("is no UTF-8 text", remedy) })
        }
    }
}

#[cfg(test)]
mod tests;
