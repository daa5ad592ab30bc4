//! What is printed.

use std::time::Duration;

use crate::database::QUERY;
use crate::fleet::Tally;
use crate::script::{Setting, Step};

pub(crate) fn introduce(setting: &Setting, script: &[Step], stream: Option<&str>) {
    let reads: usize = script.iter().map(|step| step.reads.len()).sum();
    let writes = |step: &Step| step.overwritten.len() + usize::from(step.write.is_some());
    let writes: usize = script.iter().map(writes).sum();
    let length: Duration = script.iter().map(|step| step.freeze).sum();
    let time = match stream {
        Some(stream) => format!("in real time on the Kinesis stream {stream:?}"),
        None => "in virtual time on the embedded stream".into(),
    };
    println!(
        "{} sandboxes, {} rows, {} invocations with {reads} reads and {writes} writes in {}, {time}.",
        setting.sandboxes,
        setting.rows,
        setting.invocations,
        span(length),
    );
    println!(
        "Between invocations the sandboxes are frozen. A query takes {}, an entry lives {}.",
        span(QUERY),
        span(setting.ttl),
    );
    println!("Stale: the row was overwritten, and that announced, before the invocation began.\n");
}

pub(crate) fn compare(plain: &Tally, snowmelt: &Tally) {
    let line = |name: &str, plain: String, snowmelt: String| println!("{name:<22}{plain:>16}{snowmelt:>16}");
    let count =
        |name: &str, of: fn(&Tally) -> u64| line(name, of(plain).to_string(), of(snowmelt).to_string());
    let time = |name: &str, of: fn(&Tally) -> Duration| line(name, span(of(plain)), span(of(snowmelt)));
    line("", "plain TTL cache".into(), "Snowmelt".into());
    count("hits", |tally| tally.hits);
    count("loads", |tally| tally.loads);
    count("stale reads", |tally| tally.stale);
    time("time saved", |tally| tally.saved);
    time("time spent catching up", |tally| tally.spent);
    count("calls to the stream", |tally| tally.calls);
    println!();
    println!("{}", last_line(plain, snowmelt));
}

/// For programs: one JSON object, its members always in this order.
fn last_line(plain: &Tally, snowmelt: &Tally) -> String {
    let counts =
        |tally: &Tally| format!(r#""hits":{},"loads":{},"stale":{}"#, tally.hits, tally.loads, tally.stale);
    format!(
        r#"{{"plain":{{{}}},"snowmelt":{{{},"saved_ms":{},"spent_ms":{}}}}}"#,
        counts(plain),
        counts(snowmelt),
        snowmelt.saved.as_millis(),
        snowmelt.spent.as_millis(),
    )
}

/// A duration as a person would say it.
fn span(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..120 => format!("{:.1} s", time.as_secs_f64()),
        120..7200 => format!("{} min", time.as_secs() / 60),
        _ => format!("{:.1} h", time.as_secs_f64() / 3600.0),
    }
}
