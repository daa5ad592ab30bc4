//! What was dropped is gone from the process's memory too.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::extension::{Extension, Setup};
use crate::origin::Origin;

/// The most that is read at a time; pieces overlap by `AROUND`.
const PIECE: usize = 1 << 20;
/// What is shown before and behind a find; longer than a marker.
const AROUND: usize = 160;

/// A text in memory.
#[derive(Debug)]
struct Find {
    /// What stands right before it, and its beginning.
    beginning: String,
    /// What stands around it, for whoever reads that a test failed. It may show
    /// the next find too.
    around: String,
}

/// Where a text is in the memory of a process, with what stands around it:
/// proc(5), `maps` and `mem`.
fn found(extension: &Extension, text: &str) -> Vec<Find> {
    let folder = PathBuf::from("/proc").join(extension.id().to_string());
    let maps = std::fs::read_to_string(folder.join("maps")).expect("it runs");
    let memory = File::open(folder.join("mem")).expect("its parent may read it");
    let mut found = Vec::new();
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').expect("a range");
        let (from, to) = range.split_once('-').expect("two ends");
        let [from, to] = [from, to].map(|end| u64::from_str_radix(end, 16).expect("a number"));
        if rest.starts_with("rw") {
            found.extend(
                found_between(&memory, from, to, text)
                    .map(|find| Find { around: format!("{rest}: {}", find.around), ..find }),
            );
        }
    }
    found
}

fn found_between(memory: &File, from: u64, to: u64, text: &str) -> impl Iterator<Item = Find> {
    let overlap = AROUND as u64;
    let mut around = Vec::new();
    let mut at = from;
    while at + overlap < to {
        let mut piece = vec![0; PIECE.min(usize::try_from(to - at).expect("a length"))];
        // The kernel's own pages cannot be read.
        if memory.read_exact_at(&mut piece, at).is_err() {
            break;
        }
        let whole = piece.len();
        // What is in the overlap was found in the piece before.
        let new = if at == from { 0 } else { AROUND };
        around.extend(positions(&piece, text.as_bytes()).filter(|at| at + text.len() > new).map(|at| {
            let shown = |from, to| String::from_utf8_lossy(&piece[from..to]).replace('\0', "·");
            let from = at.saturating_sub(AROUND);
            Find { beginning: shown(from, at + text.len()), around: shown(from, (at + AROUND).min(whole)) }
        }));
        at += whole as u64 - overlap;
    }
    around.into_iter()
}

/// By the last byte first: most of a process's memory is zero.
fn positions<'a>(piece: &'a [u8], text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let last = text.len() - 1;
    let ends = (last..piece.len()).filter(move |end| piece[*end] == text[last]);
    ends.map(move |end| end - last).filter(move |at| piece[*at..].starts_with(text))
}

const TABLE: &str = "dynamodb:\n  - table: things\n    hashKey: id\n    hashKeyType: S\n";

/// How a `PUT` comes.
#[derive(Clone, Copy, Debug)]
enum Sent {
    AtOnce,
    InPieces,
    InChunks,
}

/// A value that is `long` bytes longer than its marker, which is its end.
fn value(name: &str, long: usize) -> String {
    "-".repeat(long) + &marker(name)
}

fn marker(name: &str) -> String {
    format!("{name}{}", tail())
}

/// Of every marker; nowhere else.
fn tail() -> String {
    format!("-{:x}-{}", std::process::id(), "x9q4m7z2".repeat(3))
}

fn put(client: &mut Client, key: &str, lease: Option<&str>, value: &str, sent: Sent) {
    let lease = lease.map_or(String::new(), |lease| format!("Snowmelt-Lease: {lease}\r\n"));
    let head =
        |length: String| format!("PUT /cache/{key} HTTP/1.1\r\nHost: localhost\r\n{lease}{length}\r\n\r\n");
    let whole = head(format!("Content-Length: {}", value.len()));
    let (first, second) = value.split_at(value.len() - 10);
    let reply = match sent {
        Sent::AtOnce => client.raw((whole + value).as_bytes()),
        Sent::InPieces => client.pieces(&[whole.as_bytes(), &value.as_bytes()[..5], &value.as_bytes()[5..]]),
        Sent::InChunks => {
            let chunk = |piece: &str| format!("{:x}\r\n{piece}\r\n", piece.len());
            let head = head("Transfer-Encoding: chunked".into());
            client.pieces(&[(head + &chunk(first)).as_bytes(), (chunk(second) + "0\r\n\r\n").as_bytes()])
        }
    };
    assert_eq!(reply.expect("an answer").status, 204);
}

/// Each is in memory once: where it is stored. An answer is there a moment before
/// the server has dropped what it was made of, so that more than one is looked for again.
fn once_each(extension: &Extension, names: &[&str], what: &str) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let there = found(extension, &tail());
        let counts =
            |name: &&str| there.iter().filter(|find| find.beginning.ends_with(&marker(name))).count();
        let counts: Vec<_> = names.iter().map(counts).collect();
        if counts.iter().all(|count| *count == 1) {
            return;
        }
        let later = counts.iter().all(|count| *count >= 1) && Instant::now() < end;
        assert!(later, "{names:?} are there {counts:?} times, {what}: {there:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Everything is read, put and dropped again; then nothing of it is found. The
/// connections stay open meanwhile, as a function's do, so that what is left in
/// their buffers counts.
fn comes_and_goes(long: usize, sent: Sent) {
    let origin = Origin::start();
    let things = ["parameter", "aws", "secret", "item"];
    for name in things {
        origin.set(name, &value(name, long));
    }
    let extension = Setup::new("memory:zeroed")
        .set("AWS_ENDPOINT_URL", origin.endpoint())
        .file("cache.yaml", TABLE)
        .start();
    let (mut own, mut aws, mut cache) = (extension.client(), extension.aws(), extension.client());
    let replies = [
        own.get("/parameters?name=parameter"),
        aws.get("/systemsmanager/parameters/get?name=aws&withDecryption=true"),
        aws.get("/secretsmanager/get?secretId=secret"),
        own.get("/dynamodb?name=things@@item"),
    ];
    for (reply, name) in replies.iter().zip(things) {
        assert!(reply.ok().contains(&marker(name)));
    }
    put(&mut cache, "bare", None, &value("bare", long), sent);
    let lease = cache.get("/cache/led?wait").headers["snowmelt-lease"].clone();
    put(&mut cache, "led", Some(&lease), &value("led", long), sent);
    once_each(
        &extension,
        &["parameter", "aws", "secret", "item", "bare", "led"],
        &format!("{long}, {sent:?}"),
    );
    let mut other = extension.client();
    let body =
        br#"{"keys":["ssm/parameter","ssm/aws","secretsmanager/secret","dynamodb/things/item","led"]}"#;
    assert_eq!(other.ask("POST", "/invalidate", &[], body).status, 200);
    assert_eq!(other.ask("DELETE", "/cache/bare", &[], b"").status, 204);
    assert_eq!(extension.stat("entries"), 0);
    let left = found(&extension, &tail());
    assert!(left.is_empty(), "{long}, {sent:?}: still in memory: {left:#?}");
}

#[test]
fn what_was_dropped_is_nowhere_in_memory() {
    for (long, sent) in
        [(0, Sent::AtOnce), (3_000, Sent::AtOnce), (3_000, Sent::InPieces), (40_000, Sent::InChunks)]
    {
        comes_and_goes(long, sent);
    }
}
