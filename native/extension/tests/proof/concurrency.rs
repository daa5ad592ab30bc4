//! 64 connections read 100 things while a writer changes them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use test_servers::{Value, json};

use crate::client::{Client, Reply};
use crate::extension::{Extension, PATIENCE, Setup};
use crate::oracle::{Answer, Oracle};
use crate::origin::Origin;
use crate::records::{item_change, parameter_store_change, put_secret_value, snowmelt};
use crate::secrecy::secret;
use crate::world::{Stream, stream};

const CONNECTIONS: u64 = 64;
const THINGS: u64 = 100;
/// The soft bound. Real shards allow five reads a second.
const EVERY: Duration = Duration::from_millis(250);
/// From a record's acknowledgement to its being applied, at most: a catch-up
/// begins `EVERY` after the last one if anybody reads, and everybody does.
const APPLIED: Duration = Duration::from_secs(2);

const TABLE: &str = "dynamodb:\n  - table: things\n    hashKey: id\n    hashKeyType: S\n";

/// How a thing is asked for, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Parameter,
    AwsParameter,
    Secret,
    Item,
    Any,
}

fn kind(number: u64) -> Kind {
    [Kind::Parameter, Kind::AwsParameter, Kind::Secret, Kind::Item, Kind::Any]
        [usize::try_from(number % 5).expect("a small number")]
}

fn name(number: u64) -> String {
    format!("thing-{number}")
}

/// Numbers that look random, and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A reader with its connections.
struct Reader<'a> {
    own: Client,
    aws: Client,
    origin: &'a Origin,
}

impl Reader<'_> {
    /// What is answered; of contract 4 the reader may be the loader.
    fn read(&mut self, number: u64) -> String {
        let name = name(number);
        let text = |reply: &Reply, pointer: &str| {
            let body: Value = serde_json::from_str(reply.ok()).expect("JSON");
            body.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned()
        };
        match kind(number) {
            Kind::Parameter => self.own.get(&format!("/parameters?name={name}")).ok().to_owned(),
            Kind::AwsParameter => text(
                &self.aws.get(&format!("/systemsmanager/parameters/get?name={name}")),
                "/Parameter/Value",
            ),
            Kind::Secret => {
                text(&self.aws.get(&format!("/secretsmanager/get?secretId={name}")), "/SecretString")
            }
            Kind::Item => text(&self.own.get(&format!("/dynamodb?name=things@@{name}")), "/value"),
            Kind::Any => self.any(&name),
        }
    }

    fn any(&mut self, name: &str) -> String {
        let reply = self.own.get(&format!("/cache/{name}?wait"));
        if reply.status == 200 {
            return reply.ok().to_owned();
        }
        let lease = reply.headers.get("snowmelt-lease").unwrap_or_else(|| panic!("a lease in {reply:?}"));
        let value = self.origin.load(name);
        let put =
            self.own.ask("PUT", &format!("/cache/{name}"), &[("Snowmelt-Lease", lease)], value.as_bytes());
        assert!(matches!(put.status, 204 | 409 | 410), "{put:?}");
        value
    }
}

/// Changes things, one after the other, until told to stop.
fn write(origin: &Origin, oracle: &Oracle, stream: &Stream<'_>, done: &AtomicBool) {
    let mut dice = Dice(7);
    let mut version = 1;
    while !done.load(Ordering::Relaxed) {
        let numbers: Vec<u64> = (0..4).map(|_| dice.roll(THINGS)).collect();
        version += 1;
        let value = |number| secret(format!("{number}-{version}"));
        for number in &numbers {
            origin.set(&name(*number), &value(*number));
        }
        let put = Instant::now();
        stream.put_all(&numbers.iter().map(|number| change(*number)).collect::<Vec<_>>());
        let mut told = numbers;
        told.sort_unstable();
        told.dedup();
        for number in told {
            oracle.told(&name(number), &value(number), put);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn change(number: u64) -> Value {
    let name = name(number);
    match kind(number) {
        Kind::Parameter | Kind::AwsParameter => parameter_store_change(&name, "Update"),
        Kind::Secret => put_secret_value(&name, &format!("arn:aws:x:us-east-1:123456789012:{name}")),
        Kind::Item => item_change("things", "MODIFY", &json!({"id": {"S": name}})),
        Kind::Any => snowmelt(&[&name]),
    }
}

/// Reads and writes until that is enough, or [`PATIENCE`] is at its end;
/// `followed` is the stream that the extension follows.
fn run(
    written: &Stream<'_>,
    followed: &str,
    enough: impl Fn(&Oracle, &Origin) -> bool,
) -> (Oracle, Origin, Extension) {
    let (oracle, origin) = (Oracle::default(), Origin::start());
    for number in 0..THINGS {
        origin.set(&name(number), &secret(format!("{number}-1")));
        oracle.told(&name(number), &secret(format!("{number}-1")), Instant::now());
    }
    origin.slow(Duration::from_millis(5));
    // Long enough for changes to be told and applied meanwhile.
    origin.slow_seldom(16, EVERY * 2);
    let extension = Setup::new(followed)
        .set("AWS_ENDPOINT_URL", origin.endpoint())
        .set("SNOWMELT_CATCH_UP_EVERY", "250ms")
        .set("PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS", "16")
        .set("PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL", "warn")
        .file("cache.yaml", TABLE)
        .start();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| write(&origin, &oracle, written, &done));
        // Each has two connections, one to each port.
        for seed in 0..CONNECTIONS / 2 {
            let (origin, oracle, done, extension) = (&origin, &oracle, &done, &extension);
            scope.spawn(move || {
                let mut reader = Reader { own: extension.client(), aws: extension.aws(), origin };
                let mut dice = Dice(seed);
                while !done.load(Ordering::Relaxed) {
                    let (number, asked) = (dice.roll(THINGS), Instant::now());
                    let value = reader.read(number);
                    oracle.answered(Answer { name: name(number), value, asked });
                    std::thread::sleep(Duration::from_millis(dice.roll(10)));
                }
            });
        }
        let began = Instant::now();
        while began.elapsed() < PATIENCE && !enough(&oracle, &origin) {
            std::thread::sleep(Duration::from_millis(200));
        }
        done.store(true, Ordering::Relaxed);
    });
    (oracle, origin, extension)
}

#[test]
fn nothing_stale_is_answered_and_nothing_is_loaded_twice_at_a_time() {
    let (stream, began) = (stream("concurrency"), Instant::now());
    let (oracle, origin, extension) = run(&stream, stream.name, |oracle, _| {
        began.elapsed() > Duration::from_secs(6) && oracle.answers() > 3_000
    });
    let served = origin.served();
    assert_eq!((extension.stat("catch_ups_failed"), extension.stat("gaps")), (0, 0));
    assert_eq!(extension.stat("undecodable"), 0);
    let stale = oracle.stale(EVERY, &served);
    assert!(stale.is_empty(), "{} of {} are stale: {:?}", stale.len(), oracle.answers(), stale.first());
    let twice = oracle.side_by_side(APPLIED, &served);
    assert!(twice.is_empty(), "{} loads too many: {:?}", twice.len(), twice.first());
    // That it was a cache.
    let calls: usize = served.values().map(Vec::len).sum();
    let (answers, hits) = (oracle.answers(), extension.stat("hits"));
    assert!(answers > 3_000 && calls * 2 < answers, "{answers} answers, {calls} calls, {hits} hits");
}

/// The same with a cache that is broken: it follows another stream. The judge
/// must see it.
#[test]
fn a_cache_that_hears_of_nothing_is_found_out() {
    let (written, other) = (stream("not-heard"), stream("listened-to"));
    let found = |oracle: &Oracle, origin: &Origin| oracle.stale(EVERY, &origin.served()).len();
    let (oracle, origin, _extension) =
        run(&written, other.name, |oracle, origin| found(oracle, origin) > 100);
    assert!(found(&oracle, &origin) > 100, "{} of {}", found(&oracle, &origin), oracle.answers());
}

/// All come at once for one thing that is missing.
#[test]
fn all_who_come_at_once_share_one_call() {
    let origin = Origin::start();
    origin.slow(Duration::from_millis(300));
    let extension = Setup::new("memory:at-once").set("AWS_ENDPOINT_URL", origin.endpoint()).start();
    for (name, port) in [("one", extension.port), ("other", extension.aws_port)] {
        origin.set(name, &secret(name));
        let target = if port == extension.port { "/parameters" } else { "/systemsmanager/parameters/get" };
        let mut clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| if port == extension.port { extension.client() } else { extension.aws() })
            .collect();
        std::thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| {
                    assert!(client.get(&format!("{target}?name={name}")).ok().contains(&secret(name)));
                });
            }
        });
        assert_eq!(origin.calls(name), 1);
    }
}
