//! One Markdown table, and what has to be said with it.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The columns that are compared, ours first.
pub const NAMES: [&str; 3] = ["snowmelt", "quick_cache 0.7", "moka 0.12"];

/// Measurements of the same thing in several rounds: ours, and those of the
/// peers that have it.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    rounds: [Vec<f64>; NAMES.len()],
}

impl Measured {
    /// Of one round, in the order of [`NAMES`].
    pub fn once(values: &[f64]) -> Self {
        let mut measured = Self::default();
        measured.add(values);
        measured
    }

    /// Adds a round, in the order of [`NAMES`].
    pub fn add(&mut self, values: &[f64]) {
        for (rounds, value) in self.rounds.iter_mut().zip(values) {
            rounds.push(*value);
        }
    }

    fn value(&self, of: usize) -> Option<f64> {
        (!self.rounds[of].is_empty()).then(|| median(self.rounds[of].clone()))
    }

    /// The median of the ratios within each round: what disturbs a round
    /// disturbs both.
    fn ratio(&self, to: usize) -> Option<f64> {
        let ratios: Vec<f64> =
            self.rounds[0].iter().zip(&self.rounds[to]).map(|(ours, peer)| ours / peer).collect();
        (!ratios.is_empty()).then(|| median(ratios))
    }
}

/// Prints the date and the machine.
pub fn print_facts() {
    println!("Measured on {} on {}.\n", today(), machine());
}

/// Prints the date, the machine, and the head of the table.
pub fn print_head() {
    print_facts();
    println!("| what | unit | {} | to quick_cache | to moka |", NAMES.join(" | "));
    println!("|---|---|{}", "---:|".repeat(NAMES.len() + 2));
}

/// Prints a row.
pub fn print_row(what: &str, unit: &str, measured: &Measured) {
    let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.1}"));
    let ratio = |to: usize| measured.ratio(to).map_or("–".into(), |ratio| format!("{ratio:.2}"));
    let numbers = [0, 1, 2].map(|of| number(measured.value(of))).join(" | ");
    println!("| {what} | {unit} | {numbers} | {} | {} |", ratio(1), ratio(2));
}

/// The middle one.
///
/// # Panics
///
/// If there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Nanoseconds for each of `count`.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
pub fn nanos_each(took: Duration, count: usize) -> f64 {
    took.as_nanos() as f64 / count as f64
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".into());
    let kibibytes =
        field("/proc/meminfo", "MemTotal").and_then(|total| total.split(' ').next()?.parse().ok());
    let memory = kibibytes.map_or("unknown".into(), |total: u64| format!("{} GiB", (total >> 20) + 1));
    format!("{cores} cores of {model}, memory: {memory}")
}

/// The first value of a field in a file of `name : value` lines.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(field, _)| field.trim() == name).map(|(_, value)| value.trim().to_owned()).next()
}

/// As `2026-11-21`.
fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (mut days, mut year) = (now.as_secs() / 86_400, 1970);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!("{year}-{:02}-{:02}", month + 1, days + 1)
}
