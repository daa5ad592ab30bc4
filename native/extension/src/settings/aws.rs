//! What the AWS Parameters and Secrets extension reads, and what Lambda says.
//!
//! Source of names, defaults and ranges: "Environment variables" in "Use
//! Secrets Manager secrets in Lambda functions", AWS Lambda Developer Guide.

use std::ops::RangeInclusive;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::environment::Reader;
use super::go;
use super::variables::{
    CACHE_ENABLED, CACHE_SIZE, HTTP_PORT, LOG_LEVEL, MAX_CONNECTIONS, PARAMETER_TIMEOUT, PARAMETER_TTL,
    SECRET_TIMEOUT, SECRET_TTL,
};
use super::{AwsSettings, LambdaSettings};

/// The longest lifetime without a stream: what AWS's extension allows.
const TTL_ALONE: u64 = 300;
/// The longest lifetime that the core knows (49 days), in seconds.
pub(super) const LONGEST: u64 = u32::MAX as u64 / 1000;

pub(super) const FLAG: &str = "give true or false";

pub(super) fn aws(reader: &mut Reader<'_>, has_stream: bool) -> AwsSettings {
    let seconds = Duration::from_secs(TTL_ALONE);
    AwsSettings {
        port: port(reader, HTTP_PORT, 2773),
        enabled: reader.read(CACHE_ENABLED, true, FLAG, go::boolean),
        size: whole(reader, CACHE_SIZE, 1000, 0..=1000, "").try_into().unwrap_or(usize::MAX),
        max_connections: whole(reader, MAX_CONNECTIONS, 3, 1..=u64::from(u32::MAX), "")
            .try_into()
            .unwrap_or(usize::MAX),
        parameter_ttl: ttl(reader, PARAMETER_TTL, seconds, has_stream),
        secret_ttl: ttl(reader, SECRET_TTL, seconds, has_stream),
        parameter_timeout: timeout(reader, PARAMETER_TIMEOUT),
        secret_timeout: timeout(reader, SECRET_TIMEOUT),
        log_level: reader
            .read(LOG_LEVEL, LevelFilter::INFO, "give debug, info, warn, error or none", level)
            .into_level(),
    }
}

pub(super) fn lambda(reader: &mut Reader<'_>) -> LambdaSettings {
    let runtime_api = reader.text("AWS_LAMBDA_RUNTIME_API").unwrap_or_default().to_owned();
    if runtime_api.is_empty() {
        let remedy = "Lambda sets it for what it starts from /opt/extensions; elsewhere give the host and the port \
                      of an emulator's Extensions API";
        reader.refuse("AWS_LAMBDA_RUNTIME_API", "is not set", remedy);
    }
    let kind = reader.text("AWS_LAMBDA_INITIALIZATION_TYPE");
    LambdaSettings {
        runtime_api,
        managed_instances: kind == Some("lambda-managed-instances"),
        region: reader.text("AWS_REGION").map(str::to_owned),
    }
}

pub(super) fn port(reader: &mut Reader<'_>, name: &str, default: u16) -> u16 {
    reader
        .read(name, default, "give a port from 1 to 65535", |text| text.parse().ok().filter(|port| *port > 0))
}

fn whole(reader: &mut Reader<'_>, name: &str, default: u64, range: RangeInclusive<u64>, of: &str) -> u64 {
    let remedy = format!("give a whole number {of}from {} to {}", range.start(), range.end());
    reader.read(name, default, &remedy, |text| text.parse().ok().filter(|number| range.contains(number)))
}

/// Without a stream nothing tells of a change, so that AWS's own bound holds.
fn ttl(reader: &mut Reader<'_>, name: &str, default: Duration, has_stream: bool) -> Duration {
    let (most, why) = if has_stream {
        (LONGEST, "")
    } else {
        (TTL_ALONE, ", or name a stream, which makes longer ones safe, in SNOWMELT_STREAM")
    };
    let remedy = format!("give a whole number of seconds from 0 to {most}{why}");
    let parse = |text: &str| text.parse().ok().filter(|seconds| *seconds <= most).map(Duration::from_secs);
    reader.read(name, default, &remedy, parse)
}

/// 0 is no timeout of its own.
fn timeout(reader: &mut Reader<'_>, name: &str) -> Option<Duration> {
    let milliseconds = whole(reader, name, 0, 0..=u64::from(u32::MAX), "of milliseconds ");
    Some(Duration::from_millis(milliseconds)).filter(|timeout| !timeout.is_zero())
}

fn level(text: &str) -> Option<LevelFilter> {
    Some(match text.to_ascii_lowercase().as_str() {
        "debug" => LevelFilter::DEBUG,
        "info" => LevelFilter::INFO,
        "warn" => LevelFilter::WARN,
        "error" => LevelFilter::ERROR,
        "none" => LevelFilter::OFF,
        _ => return None,
    })
}
