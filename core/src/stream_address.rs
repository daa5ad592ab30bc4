//! Streams by name and by ARN.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use crate::error::ConfigError;

/// A Kinesis data stream's name, and its ARN if that is how it was given.
///
/// ```
/// use snowmelt_core::StreamAddress;
///
/// let address: StreamAddress = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders".parse()?;
/// assert_eq!((address.name.as_str(), address.region()), ("orders", Some("eu-west-1")));
/// assert!("orders/2".parse::<StreamAddress>().is_err());
/// # Ok::<(), snowmelt_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamAddress {
    /// The name.
    pub name: String,
    /// The ARN.
    pub arn: Option<Arn>,
}

/// A stream's ARN, taken apart as far as it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    /// The whole of it.
    pub text: String,
    /// Its region.
    pub region: String,
}

impl StreamAddress {
    /// Reads a name or an ARN; an error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.starts_with("arn:") { parse_arn(text) } else { parse_name(text) }
    }

    /// The region, if it is known by the ARN.
    pub fn region(&self) -> Option<&str> {
        self.arn.as_ref().map(|arn| arn.region.as_str())
    }
}

impl FromStr for StreamAddress {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text).map_err(|reason| {
            ConfigError::new(
                "stream",
                format!("{text:?}"),
                format!("give the name or the ARN of a stream: {reason}"),
            )
        })
    }
}

fn parse_name(text: &str) -> Result<StreamAddress, &'static str> {
    if text.len() > 128 {
        return Err("a name has at most 128 characters");
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) {
        return Err("a name consists of letters, digits, `_`, `.` and `-`; an ARN starts with `arn:`");
    }
    Ok(StreamAddress { name: text.into(), arn: None })
}

/// `arn:PARTITION:kinesis:REGION:ACCOUNT:stream/NAME`.
fn parse_arn(text: &str) -> Result<StreamAddress, &'static str> {
    const FORM: &str = "a stream's ARN has the form arn:aws:kinesis:REGION:ACCOUNT:stream/NAME";
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let [_, partition, service, region, account, resource] = fields[..] else {
        return Err(FORM);
    };
    if service != "kinesis" {
        return Err("this is the ARN of another service; a stream's says `kinesis` after the partition");
    }
    let account_ok = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    if !partition.starts_with("aws") || !is_region(region) || !account_ok {
        return Err(FORM);
    }
    let name = resource.strip_prefix("stream/").ok_or(FORM)?;
    if name.contains("/consumer/") {
        return Err("this is the ARN of an enhanced fan-out consumer; give the stream's own");
    }
    if name.is_empty() {
        return Err(FORM);
    }
    let StreamAddress { name, .. } = parse_name(name)?;
    let arn = Arn { text: text.into(), region: region.into() };
    Ok(StreamAddress { name, arn: Some(arn) })
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
