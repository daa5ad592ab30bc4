//! Telling formats apart.

use alloc::borrow::Cow;

use super::json::{self, Pick};

/// What a record shows of its format, whatever its length.
#[derive(Debug, Default)]
pub(super) struct Shape<'a> {
    /// It claims to be Snowmelt's, however malformed: it has a field of that
    /// name.
    pub(super) snowmelt: bool,
    /// `eventSource`, `tableName` and `awsRegion` of a DynamoDB change record.
    pub(super) event_source: Option<Cow<'a, str>>,
    pub(super) table: Option<Cow<'a, str>>,
    pub(super) region: Option<Cow<'a, str>>,
    dynamodb: bool,
    /// `source` and `detail-type` of an EventBridge event.
    pub(super) source: Option<Cow<'a, str>>,
    pub(super) detail_type: Option<Cow<'a, str>>,
    detail: bool,
}

impl<'a> Shape<'a> {
    /// `None` if it is no JSON.
    pub(super) fn of(data: &'a [u8]) -> Option<Self> {
        let mut shape = Self::default();
        json::read(data, &mut shape).ok()?;
        Some(shape)
    }

    pub(super) fn is_dynamodb_change(&self) -> bool {
        self.dynamodb && self.event_source.as_deref() == Some("aws:dynamodb")
    }

    pub(super) fn is_event(&self) -> bool {
        self.detail && self.detail_type.is_some() && self.source.is_some()
    }
}

impl<'de> Pick<'de> for Shape<'de> {
    fn field(&mut self, name: &str) -> Option<&mut dyn Pick<'de>> {
        Some(match name {
            "eventSource" => &mut self.event_source,
            "tableName" => &mut self.table,
            "awsRegion" => &mut self.region,
            "source" => &mut self.source,
            "detail-type" => &mut self.detail_type,
            _ => {
                self.snowmelt |= name == "snowmelt";
                self.dynamodb |= name == "dynamodb";
                self.detail |= name == "detail";
                return None;
            }
        })
    }
}

/// Whether a record begins as Snowmelt writes them, so that it is worth while
/// to read it as one before its shape is looked at.
pub(super) fn begins_as_snowmelt(data: &[u8]) -> bool {
    let text = data.trim_ascii_start();
    let name =
        text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start).and_then(|rest| rest.strip_prefix(b"\""));
    let own: [&[u8]; 7] = [b"snowmelt\"", b"keys\"", b"tags\"", b"prefixes\"", b"all\"", b"ns\"", b"ts\""];
    name.is_some_and(|name| own.iter().any(|own| name.starts_with(own)))
}
