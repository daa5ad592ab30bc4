//! The key form of scache: the identity of a row in a data source.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::KeyPart;

/// Names one row of a data source, as scache's `data.ID` does.
///
/// Prints and parses the key form of scache, a URL query with its parameters
/// in alphabetical order:
///
/// ```
/// use snowmelt_core::invalidation::DataId;
///
/// let id = DataId { source: "db.table.id".into(), id: "12345".into() };
/// assert_eq!(id.to_string(), "id=12345&s=db.table.id&t=data.ID");
/// assert_eq!("id=12345&s=db.table.id&t=data.ID".parse(), Ok(id));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DataId {
    /// Where the row is: database, table and column.
    pub source: String,
    /// Which row it is.
    pub id: String,
}

/// A key that is not in the form of [`DataId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataIdError {
    why: &'static str,
}

impl fmt::Display for DataIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a data ID ({}): the form is id=ID&s=SOURCE&t=data.ID, percent-encoded", self.why)
    }
}

impl core::error::Error for DataIdError {}

impl fmt::Display for DataId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "id={}&s={}&t=data.ID", Escaped(&self.id), Escaped(&self.source))
    }
}

impl FromStr for DataId {
    type Err = DataIdError;

    fn from_str(key: &str) -> Result<Self, DataIdError> {
        let (mut source, mut id, mut kind) = (None, None, None);
        for pair in key.split('&') {
            let (name, value) = pair.split_once('=').ok_or(DataIdError { why: "a parameter has no `=`" })?;
            let place = match name {
                "s" => &mut source,
                "id" => &mut id,
                "t" => &mut kind,
                _ => return Err(DataIdError { why: "an unknown parameter" }),
            };
            if place.replace(unescape(value)?).is_some() {
                return Err(DataIdError { why: "a parameter is given twice" });
            }
        }
        if kind.as_deref() != Some("data.ID") {
            return Err(DataIdError { why: "`t` is not data.ID" });
        }
        match (source, id) {
            (Some(source), Some(id)) => Ok(Self { source, id }),
            _ => Err(DataIdError { why: "`s` or `id` is missing" }),
        }
    }
}

/// Text as Go's `url.QueryEscape` writes it.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b' ' => f.write_str("+")?,
                _ if KeyPart::is_plain(byte) => fmt::Write::write_char(f, char::from(byte))?,
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

fn unescape(text: &str) -> Result<String, DataIdError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (code, tail) = tail.split_at_checked(2).ok_or(BAD_ESCAPE)?;
                bytes.push(hex(code[0])? << 4 | hex(code[1])?);
                rest = tail;
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| DataIdError { why: "not UTF-8" })
}

const BAD_ESCAPE: DataIdError = DataIdError { why: "a broken percent escape" };

fn hex(digit: u8) -> Result<u8, DataIdError> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(BAD_ESCAPE)
}
