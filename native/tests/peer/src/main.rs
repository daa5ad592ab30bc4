//! `snowmelt-test-peer`: a cache of the Rust crate as a process, for the tests
//! of Snowmelt's other packages. Never published, never shipped.
//!
//!     cargo build --locked -p test-peer
//!     target/debug/snowmelt-test-peer STREAM [MAX_LAG_SECONDS]
//!
//! Where the stream is, and with which credentials, is read from the
//! environment, as by every AWS SDK: `AWS_ENDPOINT_URL_KINESIS`, `AWS_REGION`,
//! `AWS_ACCESS_KEY_ID` …. The cache has a generous `catch_up_budget` (10 s),
//! since test machines are slow.
//!
//! Each line of the standard input is a command, a JSON object; commands are
//! carried out one after the other, and each answers with one line on the
//! standard output: `{"ok": …}` or `{"error": "the message"}`. The first line
//! that is printed, before any command, is `{"ok":"ready"}`. The process ends
//! on `quit` and when its input ends.
//!
//! | `do` | other members | `ok` |
//! |---|---|---|
//! | `get_or_load` | `key`, `value` (a text: what the load brings), `tags` | the value served |
//! | `get` | `key` | the value, or null |
//! | `peek` | `key` (no catch-up is begun) | the value, or null |
//! | `invalidate` | `keys`, `tags`, `prefixes`, `all` | the position token |
//! | `catch_up` | | null |
//! | `catch_up_to` | `token`, `within_ms` (5000) | null |
//! | `stats` | | `gaps`, `records`, `undecodable`, `entries`, `loads` |
//! | `quit` | | null |

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use snowmelt::{Cache, Invalidation, Loaded, PositionToken};

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    GetOrLoad {
        key: String,
        value: String,
        #[serde(default)]
        tags: Vec<String>,
    },
    Get {
        key: String,
    },
    Peek {
        key: String,
    },
    Invalidate {
        #[serde(default)]
        keys: Vec<String>,
        #[serde(default)]
        tags: Vec<String>,
        #[serde(default)]
        prefixes: Vec<String>,
        #[serde(default)]
        all: bool,
    },
    CatchUp,
    CatchUpTo {
        token: String,
        #[serde(default = "within")]
        within_ms: u64,
    },
    Stats,
    Quit,
}

fn within() -> u64 {
    5000
}

async fn carry_out(cache: &Cache<String>, command: Command) -> Result<Value, String> {
    Ok(match command {
        Command::GetOrLoad { key, value, tags } => {
            let load = || async { Ok::<_, String>(Loaded::new(value).tags(tags)) };
            cache.get_or_load(key, load).await.map_err(text)?.into()
        }
        Command::Get { key } => cache.get(key).await.into(),
        Command::Peek { key } => cache.peek(key).into(),
        Command::Invalidate { keys, tags, prefixes, all } => {
            let what = Invalidation { keys, tags, prefixes, all };
            cache.invalidate(what).await.map_err(text)?.to_string().into()
        }
        Command::CatchUp => cache.catch_up().await.map_err(text)?.into(),
        Command::CatchUpTo { token, within_ms } => {
            let token: PositionToken = token.parse().map_err(text)?;
            cache.catch_up_to(&token, Duration::from_millis(within_ms)).await.map_err(text)?.into()
        }
        Command::Stats => {
            let stats = cache.stats();
            json!({
                "gaps": stats.gaps,
                "records": stats.records,
                "undecodable": stats.undecodable,
                "entries": stats.entries,
                "loads": stats.loads,
            })
        }
        Command::Quit => Value::Null,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn text(error: impl ToString) -> String {
    error.to_string()
}

fn answer(outcome: Result<Value, String>) -> io::Result<()> {
    let line = match outcome {
        Ok(value) => json!({ "ok": value }),
        Err(message) => json!({ "error": message }),
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn open(mut arguments: impl Iterator<Item = String>) -> Result<Cache<String>, String> {
    let stream = arguments.next().ok_or("which stream?")?;
    let max_lag = arguments.next().map_or(Ok(60), |seconds| seconds.parse()).map_err(text)?;
    let builder = Cache::builder().stream(stream).catch_up_budget(Duration::from_secs(10));
    builder.max_lag(Duration::from_secs(max_lag)).build().map_err(text)
}

fn run() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(text)?;
    let cache = open(std::env::args().skip(1))?;
    answer(Ok("ready".into())).map_err(text)?;
    // Nothing happens between two commands, as in a frozen sandbox.
    for line in io::stdin().lock().lines() {
        let command = serde_json::from_str(&line.map_err(text)?);
        let quits = matches!(command, Ok(Command::Quit));
        let outcome = match command {
            Ok(command) => runtime.block_on(carry_out(&cache, command)),
            Err(error) => Err(error.to_string()),
        };
        answer(outcome).map_err(text)?;
        if quits {
            break;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("snowmelt-test-peer: {message}");
            ExitCode::FAILURE
        }
    }
}
