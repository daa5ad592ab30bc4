//! The extension's log: lines on standard output, which Lambda takes to
//! `CloudWatch`.

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

/// Starts it; a second start in one process changes nothing. `None` is silence;
/// `json` is what `AWS_LAMBDA_LOG_FORMAT=JSON` asks for.
///
/// Only Snowmelt's own lines get there, whatever the level: the AWS SDK and
/// hyper write headers and bodies, which hold secrets, into theirs.
pub fn start(level: Option<Level>, json: bool) {
    let own = filter_fn(|line| line.target().starts_with("snowmelt"));
    let level = level.map_or(LevelFilter::OFF, LevelFilter::from_level);
    let lines = fmt::layer().with_ansi(false).log_internal_errors(false);
    let started = if json {
        let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
        registry().with(lines.with_filter(own)).with(level).try_init()
    } else {
        registry().with(lines.with_filter(own)).with(level).try_init()
    };
    drop(started);
}
