//! Prints hit ratios of eviction policies on workloads made from a seed, as
//! one Markdown table. `cargo run --release --bin hit_ratio`

use std::thread;

use snowmelt_bench::candidates::{S3Fifo, Sieve};
use snowmelt_bench::simulate::{Moka, Quick, Simulated, Store};
use snowmelt_bench::workload::{KEYS, Workload};
use snowmelt_core::eviction::Contest;

const SEED: u64 = 42;
/// Cache sizes, as a fraction of the keys.
const SIZES: [(&str, u64); 3] = [("0.1 %", KEYS / 1000), ("1 %", KEYS / 100), ("10 %", KEYS / 10)];

/// A column: its name and how its cache is made.
type Column = (&'static str, fn(usize) -> Box<dyn Simulated>);

const COLUMNS: [Column; 5] = [
    ("ours", |capacity| Box::new(Store::<Contest>::new(capacity))),
    ("S3-FIFO", |capacity| Box::new(Store::<S3Fifo>::new(capacity))),
    ("SIEVE", |capacity| Box::new(Store::<Sieve>::new(capacity))),
    ("moka", |capacity| Box::new(Moka::new(capacity))),
    ("quick_cache", |capacity| Box::new(Quick::new(capacity))),
];

struct Row {
    name: String,
    size: &'static str,
    percent: Vec<f64>,
}

fn main() {
    let reads = std::env::args().nth(1).and_then(|reads| reads.parse().ok()).unwrap_or(1_000_000);
    let cells: Vec<_> = Workload::ALL
        .iter()
        .flat_map(|&workload| SIZES.map(|(size, capacity)| (workload, size, capacity)))
        .collect();
    let (left, right) = cells.split_at(cells.len() / 2);
    let measure_all = |cells: &[_]| cells.iter().map(|&cell| measure(cell, reads)).collect::<Vec<_>>();
    let rows = thread::scope(|scope| {
        let other = scope.spawn(|| measure_all(right));
        let mut rows = measure_all(left);
        rows.extend(other.join().expect("a measurement panicked"));
        rows
    });
    print(&rows);
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn measure((workload, size, capacity): (Workload, &'static str, u64), reads: u64) -> Row {
    let keys = workload.keys(capacity, reads, SEED);
    let capacity = usize::try_from(capacity).expect("sizes are small");
    let ratio = |make: fn(usize) -> Box<dyn Simulated>| {
        let mut cache = make(capacity);
        let hits = keys.iter().filter(|&&key| cache.read(key)).count();
        100.0 * hits as f64 / keys.len() as f64
    };
    let percent = COLUMNS.iter().map(|&(_, make)| ratio(make)).collect();
    Row { name: workload.name(), size, percent }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn print(rows: &[Row]) {
    let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
    println!("| workload | cache | {} |", names.join(" | "));
    println!("|---|---:|{}", "---:|".repeat(names.len()));
    let line =
        |percent: &[f64]| percent.iter().map(|value| format!("{value:.2}")).collect::<Vec<_>>().join(" | ");
    for Row { name, size, percent } in rows {
        println!("| {name} | {size} | {} |", line(percent));
    }
    let mean: Vec<_> = (0..names.len())
        .map(|at| rows.iter().map(|row| row.percent[at]).sum::<f64>() / rows.len() as f64)
        .collect();
    println!("| **mean** | | {} |", line(&mean));
}
