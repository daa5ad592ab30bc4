//! Prints what the Lambda extension costs, as rows of one Markdown table:
//! `make bench-extension`. A first argument names one part.
//!
//! The extension and a bare hyper server take turns within each round; what is
//! printed are the medians of the rounds, and of the ratios within each round.

mod bare;
mod lambda;
mod latency;
mod process;
mod sdk;

use std::path::PathBuf;

use latency::{Latency, measure};
use process::{Server, TOKEN, fetch};

const ROUNDS: usize = 21;
/// In each turn, over all connections.
const REQUESTS: usize = 6_000;
const STARTS: usize = 41;
const PARAMETERS: usize = 1_000;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    if only == "bare" {
        return bare::serve();
    }
    println!("| what | snowmelt | beside it | ratio |\n|---|---|---|---|");
    let parts: [(&str, fn()); 4] = [("hits", hits), ("start", starts), ("memory", memory), ("sdk", sdk_call)];
    for (name, part) in parts {
        if name.starts_with(&only) {
            part();
        }
    }
}

/// The extension as it is shipped.
fn program() -> PathBuf {
    let given = std::env::var_os("SNOWMELT_EXTENSION").expect("SNOWMELT_EXTENSION names the binary");
    PathBuf::from(given)
}

fn parameter_request(number: usize) -> String {
    format!(
        "GET /systemsmanager/parameters/get?name=%2Fapp%2Fdatabase%2F{number}&withDecryption=true HTTP/1.1\r\n\
         Host: localhost\r\nX-Aws-Parameters-Secrets-Token: {TOKEN}\r\n\r\n"
    )
}

fn hits() {
    let around = lambda::start();
    let extension = Server::extension(&program(), &around);
    compare("a parameter (port 2773)", extension.aws_port, &parameter_request(7));
    let body = "x".repeat(1024);
    let put =
        format!("PUT /cache/users/12345 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1024\r\n\r\n{body}");
    fetch(extension.port, &put);
    let get = "GET /cache/users/12345 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    compare("1 KiB of `/cache` (port 4000)", extension.port, get);
}

fn compare(what: &str, port: u16, request: &str) {
    let (kind, body) = fetch(port, request);
    let bare = Server::bare(&kind, &body);
    for connections in [1, 16] {
        let turn = |port| measure(port, request, connections, REQUESTS / connections);
        let rounds: Vec<(Latency, Latency)> = (0..=ROUNDS)
            .map(|round| {
                // Who comes first takes turns too.
                if round % 2 == 0 {
                    (turn(port), turn(bare.port))
                } else {
                    let peer = turn(bare.port);
                    (turn(port), peer)
                }
            })
            // The first round warms up.
            .skip(1)
            .collect();
        row(&format!("{what}, {connections} connections, p50"), &rounds, |latency| latency.p50);
        row(&format!("{what}, {connections} connections, p99"), &rounds, |latency| latency.p99);
    }
}

fn row(what: &str, rounds: &[(Latency, Latency)], figure: impl Fn(&Latency) -> f64) {
    let of = |pick: &dyn Fn(&(Latency, Latency)) -> f64| median(rounds.iter().map(pick).collect());
    let own = of(&|(own, _)| figure(own));
    let peer = of(&|(_, peer)| figure(peer));
    let ratio = of(&|(own, peer)| figure(own) / figure(peer));
    println!("| {what} | {own:.1} µs | bare hyper {peer:.1} µs | {ratio:.2} |");
}

fn starts() {
    let around = lambda::start();
    let took =
        (0..STARTS).map(|_| Server::extension(&program(), &around).start.as_secs_f64() * 1e3).collect();
    println!("| start to ready, without prefetch | {:.1} ms | – | – |", median(took));
}

fn memory() {
    let around = lambda::start();
    let extension = Server::extension(&program(), &around);
    let before = extension.resident();
    for number in 0..PARAMETERS {
        fetch(extension.aws_port, &parameter_request(number));
    }
    let after = extension.resident();
    println!("| resident memory at the start | {before:.1} MB | – | – |");
    println!("| resident memory after {PARAMETERS} parameters | {after:.1} MB | – | – |");
}

fn sdk_call() {
    let around = lambda::start();
    let extension = Server::extension(&program(), &around);
    let request = parameter_request(7);
    fetch(extension.aws_port, &request);
    let hit = measure(extension.aws_port, &request, 1, REQUESTS).p50;
    let call = sdk::get_parameter();
    println!(
        "| a parameter | {hit:.1} µs | `GetParameter` of moto by the AWS SDK {call:.0} µs | {:.3} |",
        hit / call
    );
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
