//! `kinesis-double`: the simulated Kinesis as a process, for tests in other
//! languages. `--help` lists the options; `POST /_double` switches faults.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use kinesis_double::{Double, Kinesis, Settings};

const HELP: &str = "\
kinesis-double: a simulated Kinesis on 127.0.0.1

  --port N              listen on this port; 0 (the default) takes a free one
  --stream NAME=SHARDS  create a stream at the start; may be given again
  --realistic           quotas, delays, disorder, duplicates, empty pages
  --seed N              fixes what --realistic leaves to chance
  --exit-with-stdin     exit when the standard input ends
";

struct Options {
    port: u16,
    streams: Vec<(String, u32)>,
    settings: Settings,
    seed: u64,
    exit_with_stdin: bool,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let settings = Settings::default();
    let mut options = Options { port: 0, streams: Vec::new(), settings, seed: 0, exit_with_stdin: false };
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
        let wrong = |value: &str| format!("{name} cannot be {value}");
        match name.as_str() {
            "--port" => options.port = value().and_then(|v| v.parse().map_err(|_| wrong(&v)))?,
            "--seed" => options.seed = value().and_then(|v| v.parse().map_err(|_| wrong(&v)))?,
            "--stream" => {
                let value = value()?;
                let parts = value.split_once('=');
                let stream = parts.and_then(|(n, s)| Some((n.to_owned(), s.parse().ok()?)));
                options.streams.push(stream.ok_or_else(|| wrong(&value))?);
            }
            "--realistic" => options.settings = Settings::realistic(),
            "--exit-with-stdin" => options.exit_with_stdin = true,
            _ => return Err(format!("{name} is no option\n\n{HELP}")),
        }
    }
    Ok(options)
}

async fn run(options: Options) -> Result<(), String> {
    let kinesis = Kinesis::new(options.settings, options.seed);
    let double = Double::start_on(options.port, kinesis).await.map_err(|e| e.to_string())?;
    for (name, shards) in options.streams {
        double
            .kinesis(|kinesis, now| kinesis.create_stream(now, &name, shards))
            .map_err(|fault| fault.to_string())?;
    }
    let mut out = io::stdout();
    writeln!(out, "listening on {}", double.endpoint()).map_err(|e| e.to_string())?;
    out.flush().map_err(|e| e.to_string())?;
    if options.exit_with_stdin {
        // A thread, not tokio's stdin, whose reader would hold up the exit.
        let drained = tokio::task::spawn_blocking(|| {
            let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        });
        drained.await.map_err(|e| e.to_string())?;
    } else {
        std::future::pending::<()>().await;
    }
    Ok(())
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let outcome = options(std::env::args().skip(1)).and_then(|options| {
        let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
        runtime.block_on(run(options))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("kinesis-double: {message}");
            ExitCode::FAILURE
        }
    }
}
