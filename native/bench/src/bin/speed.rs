//! Prints how long Snowmelt and its peers take for the same, as the head and
//! rows of one Markdown table. `cargo run --profile bench --bin speed`
//!
//! Peers take turns within each round; what is printed are the medians of
//! the rounds and of the ratios within each round.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use snowmelt_bench::applying::Applying;
use snowmelt_bench::keys::{Draw, KeyBuffer, key, sequence};
use snowmelt_bench::peers::{Moka, Peer, Quick, Snowmelt, Value};
use snowmelt_bench::report::{Measured, median, nanos_each, print_head, print_row};

const ENTRIES: usize = 100_000;
const ROUNDS: usize = 15;
const READS: usize = 1 << 18;
const INSERTS: usize = 1 << 16;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    let parts: [(&str, fn()); 4] =
        [("hit", hits), ("insert", inserts), ("growth", growth), ("apply", applying)];
    print_head();
    for (name, part) in parts {
        if name.starts_with(&only) {
            part();
        }
    }
}

/// One measurement of one peer: how long each operation took.
type Run<'a> = Box<dyn FnMut() -> f64 + 'a>;

/// Runs all in turn, several times.
fn in_turn(mut runs: Vec<Run<'_>>) -> Measured {
    let mut measured = Measured::default();
    for round in 0..=ROUNDS {
        let took: Vec<f64> = runs.iter_mut().map(|run| run()).collect();
        // The first round warms up.
        if round > 0 {
            measured.add(&took);
        }
    }
    measured
}

/// Runs `operation` for each number on each of `threads` threads, which start
/// at different places in the sequence.
fn on_threads(threads: usize, numbers: &[u32], operation: impl Fn(&mut KeyBuffer, u32) + Sync) -> f64 {
    let start = Barrier::new(threads);
    let run = |thread: usize| {
        let (before, after) = numbers.split_at(numbers.len() * thread / threads);
        let mut buffer = KeyBuffer::new();
        start.wait();
        let begun = Instant::now();
        for &number in after.iter().chain(before) {
            operation(&mut buffer, number);
        }
        begun.elapsed()
    };
    let took: Duration = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        let own = run(0);
        own + others.into_iter().map(|other| other.join().expect("a measurement panicked")).sum::<Duration>()
    });
    nanos_each(took, numbers.len() * threads)
}

fn hits() {
    let table: Vec<String> = sequence_of_all(ENTRIES).map(key).collect();
    let numbers = sequence(Draw::Zipf, ENTRIES, READS, 1);
    let one = Hits { table: &table, numbers: &numbers };
    one.rows("`u64`", u64::from);
    one.rows("`Arc<str>`", |number| Arc::<str>::from(key(number)));
}

fn sequence_of_all(n: usize) -> impl Iterator<Item = u32> {
    0..u32::try_from(n).expect("less than 2^32 keys")
}

/// Reads of entries that are all there.
struct Hits<'a> {
    table: &'a [String],
    numbers: &'a [u32],
}

impl Hits<'_> {
    fn rows<V: Value>(&self, what: &str, value: impl Fn(u32) -> V) {
        let ours: Snowmelt<V> = filled(ENTRIES, &value);
        let quick: Quick<V> = filled(ENTRIES, &value);
        let moka: Moka<V> = filled(ENTRIES, &value);
        for threads in [1, 2] {
            let row = |how: &str, measured: &Measured| {
                let what = format!("hit, {what}, {how}, {}", counted(threads));
                print_row(&what, "ns", measured);
            };
            row(
                "key at hand",
                &in_turn(vec![
                    self.at_hand(&ours, threads),
                    self.at_hand(&quick, threads),
                    self.at_hand(&moka, threads),
                ]),
            );
            row(
                "key built",
                &in_turn(vec![
                    self.built(&ours, threads),
                    self.built(&quick, threads),
                    self.built(&moka, threads),
                ]),
            );
            row(
                "`get_or_load`",
                &in_turn(vec![
                    self.loading(&ours, threads),
                    self.loading(&quick, threads),
                    self.loading(&moka, threads),
                ]),
            );
        }
    }

    fn at_hand<'a, V: Value>(&'a self, peer: &'a impl Peer<V>, threads: usize) -> Run<'a> {
        let read = |_: &mut KeyBuffer, number: u32| {
            black_box(peer.get(black_box(&self.table[number as usize])));
        };
        Box::new(move || on_threads(threads, self.numbers, read))
    }

    fn built<'a, V: Value>(&'a self, peer: &'a impl Peer<V>, threads: usize) -> Run<'a> {
        let read = |buffer: &mut KeyBuffer, number: u32| {
            black_box(peer.get(black_box(buffer.key(number))));
        };
        Box::new(move || on_threads(threads, self.numbers, read))
    }

    fn loading<'a, V: Value>(&'a self, peer: &'a impl Peer<V>, threads: usize) -> Run<'a> {
        let read = |_: &mut KeyBuffer, number: u32| {
            black_box(peer.get_or_load(black_box(&self.table[number as usize])));
        };
        Box::new(move || on_threads(threads, self.numbers, read))
    }
}

/// A cache with room for more than the entries it is given, so that none
/// leaves however they fall on its shards.
fn filled<V: Value, P: Peer<V>>(entries: usize, value: impl Fn(u32) -> V) -> P {
    let peer = P::with_capacity(entries * 3 / 2 + 1_000);
    for number in sequence_of_all(entries) {
        peer.insert(&key(number), value(number));
    }
    peer.settle();
    let looks = sequence(Draw::Uniform, entries, 1_000, 3);
    assert!(looks.into_iter().all(|number| peer.get(&key(number)).is_some()), "an entry left");
    peer
}

fn inserts() {
    for times in [2, 10] {
        let numbers = sequence(Draw::Uniform, ENTRIES * times, INSERTS, 2);
        let (ours, quick, moka) = (full::<Snowmelt<u64>>(), full::<Quick<u64>>(), full::<Moka<u64>>());
        for threads in [1, 2] {
            let took = in_turn(vec![
                inserting(&ours, threads, &numbers),
                inserting(&quick, threads, &numbers),
                inserting(&moka, threads, &numbers),
            ]);
            let what = format!("insert, {times} × as many keys as entries, {}", counted(threads));
            print_row(&what, "ns", &took);
        }
    }
}

fn full<P: Peer<u64>>() -> P {
    let peer = P::with_capacity(ENTRIES);
    for number in sequence_of_all(ENTRIES * 2) {
        peer.insert(&key(number), u64::from(number));
    }
    peer.settle();
    peer
}

fn inserting<'a>(peer: &'a impl Peer<u64>, threads: usize, numbers: &'a [u32]) -> Run<'a> {
    let insert = |buffer: &mut KeyBuffer, number: u32| {
        peer.insert(black_box(buffer.key(number)), black_box(u64::from(number)));
    };
    Box::new(move || on_threads(threads, numbers, insert))
}

/// The same read on ever more entries. The keys are built, so that only the
/// caches' own memory is waited for.
fn growth() {
    for (name, draw) in [("Zipf 0.99", Draw::Zipf), ("uniform", Draw::Uniform)] {
        for exponent in 3..=7 {
            let entries = 10_usize.pow(exponent);
            let numbers = sequence(draw, entries, READS, 4);
            let value = |number: u32| u64::from(number);
            let (ours, quick): (Snowmelt<u64>, Quick<u64>) = (filled(entries, value), filled(entries, value));
            let hits = Hits { table: &[], numbers: &numbers };
            let took = in_turn(vec![hits.built(&ours, 1), hits.built(&quick, 1)]);
            print_row(&format!("hit, {name}, 10^{exponent} entries"), "ns", &took);
        }
    }
}

fn applying() {
    let entries = u32::try_from(ENTRIES).expect("it fits");
    for (what, first) in [("cached here", 0), ("not cached here", entries)] {
        let mut cache = Applying::new(entries);
        let mut run = || nanos_each(cache.apply(first, entries), ENTRIES);
        let nanos = median((0..ROUNDS).map(|_| run()).collect());
        let named = if first == 0 { (ROUNDS * ENTRIES) as u64 } else { 0 };
        assert_eq!(cache.invalidated(), named, "records that were applied");
        let rate = Measured::once(&[1_000.0 / nanos]);
        print_row(&format!("records of 1,000 keys {what}, decoded and applied"), "M keys/s", &rate);
    }
}

fn counted(threads: usize) -> &'static str {
    if threads == 1 { "1 thread" } else { "2 threads" }
}
