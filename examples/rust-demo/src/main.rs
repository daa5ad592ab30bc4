//! A fleet of sandboxes that freeze and thaw, a database, readers and
//! writers: first with a plain TTL cache, then with Snowmelt.
//!
//!     cargo run --release -p snowmelt-demo
//!
//! By itself it runs on the embedded stream and in virtual time. With
//! `SNOWMELT_STREAM` (and `AWS_ENDPOINT_URL_KINESIS`, where the stream is not
//! on AWS) Snowmelt's part runs on that Kinesis stream and in real time.
//!
//! Stale reads are counted from the database's own history, never from what a
//! cache says of itself. The last line is for programs; the exit status is 0
//! only if the plain cache was stale at times and Snowmelt never.

use std::error::Error;
use std::process::ExitCode;

use snowmelt::StreamSpec;

mod clocks;
mod database;
mod fleet;
mod melting;
mod plain;
mod report;
mod script;

use clocks::Clocks;
use fleet::Tally;
use script::Setting;

/// The same for both caches and every run.
const SEED: u64 = 2026;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match demonstrate().await {
        Ok((plain, snowmelt)) => judge(&plain, &snowmelt),
        Err(error) => {
            eprintln!("the demo could not run: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn demonstrate() -> Result<(Tally, Tally), Box<dyn Error>> {
    let stream = kinesis_stream()?;
    let setting = if stream.is_some() { Setting::real_time() } else { Setting::virtual_time() };
    let script = setting.script(SEED);
    report::introduce(&setting, &script, stream.as_deref());

    // The plain cache has no stream to wait for: always in virtual time.
    tokio::time::pause();
    let plain = plain::run(&setting, &script, &Clocks::by_hand(setting.sandboxes)).await?;
    let snowmelt = match &stream {
        None => melting::run_embedded(&setting, &script, &Clocks::by_hand(setting.sandboxes)).await?,
        Some(stream) => {
            tokio::time::resume();
            melting::run_on_kinesis(&setting, &script, stream).await?
        }
    };
    report::compare(&plain, &snowmelt);
    Ok((plain, snowmelt))
}

/// The Kinesis stream to run on; `None`: the embedded one.
fn kinesis_stream() -> Result<Option<String>, Box<dyn Error>> {
    let Ok(stream) = std::env::var("SNOWMELT_STREAM") else { return Ok(None) };
    match stream.parse::<StreamSpec>() {
        Ok(StreamSpec::Kinesis(name)) => Ok(Some(name)),
        // An empty variable is as good as none: there is a default.
        Ok(StreamSpec::Memory(_)) | Err(_) => Ok(None),
        Ok(StreamSpec::None) => {
            Err(format!("SNOWMELT_STREAM is {stream:?}: name a Kinesis stream, or unset it").into())
        }
    }
}

fn judge(plain: &Tally, snowmelt: &Tally) -> ExitCode {
    let verdict = match (plain.stale, snowmelt.stale) {
        (1.., 0) => return ExitCode::SUCCESS,
        (_, 1..) => "Snowmelt served stale values",
        (0, 0) => "the plain cache served nothing stale, so that nothing was shown",
    };
    eprintln!("this must not be: {verdict}");
    ExitCode::FAILURE
}
