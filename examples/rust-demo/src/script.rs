//! What happens, and when: drawn once from a seed and played to both caches.

use std::time::Duration;

/// How large the demonstration is.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) sandboxes: usize,
    pub(crate) rows: usize,
    pub(crate) invocations: usize,
    /// How long both caches keep an entry.
    pub(crate) ttl: Duration,
    /// How long the fleet is frozen between two invocations, in milliseconds:
    /// of 100 times, how often, and from where to where.
    freezes: &'static [(u64, u64, u64)],
}

/// One invocation and what comes before it.
#[derive(Debug)]
pub(crate) struct Step {
    /// Rows that the back office overwrites first.
    pub(crate) overwritten: Vec<usize>,
    /// Then nothing happens for this long: every sandbox is frozen.
    pub(crate) freeze: Duration,
    /// Whose invocation it is.
    pub(crate) sandbox: usize,
    pub(crate) reads: Vec<Read>,
    /// A row that the invocation itself overwrites at its end.
    pub(crate) write: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) row: usize,
    /// If the row has to be loaded, the back office overwrites it just after
    /// the database was read and before the value is cached.
    pub(crate) raced: bool,
}

impl Setting {
    /// Hours in a moment.
    pub(crate) fn virtual_time() -> Self {
        Self {
            sandboxes: 4,
            rows: 60,
            invocations: 600,
            ttl: Duration::from_secs(300),
            // Busy for the most part, idle at times, asleep now and then.
            freezes: &[(82, 200, 3_000), (17, 5_000, 60_000), (1, 900_000, 3_600_000)],
        }
    }

    /// Short, and slow enough for a shard's five reads a second.
    pub(crate) fn real_time() -> Self {
        Self {
            sandboxes: 3,
            rows: 30,
            invocations: 48,
            ttl: Duration::from_secs(20),
            freezes: &[(95, 210, 300), (5, 1_000, 1_500)],
        }
    }

    pub(crate) fn script(&self, seed: u64) -> Vec<Step> {
        let mut random = Random(seed);
        (0..self.invocations).map(|_| self.step(&mut random)).collect()
    }

    fn step(&self, random: &mut Random) -> Step {
        let overwrites = if random.below(100) < 20 { 1 + random.below(2) } else { 0 };
        let freeze = self.freeze(random);
        let reads = 6 + random.below(11);
        Step {
            overwritten: (0..overwrites).map(|_| self.row(random)).collect(),
            freeze,
            sandbox: random.index(self.sandboxes),
            reads: (0..reads).map(|_| Read { row: self.row(random), raced: random.below(100) < 5 }).collect(),
            write: (random.below(100) < 10).then(|| self.row(random)),
        }
    }

    /// Some rows are wanted, and changed, far more often than others.
    fn row(&self, random: &mut Random) -> usize {
        let first = random.index(self.rows);
        random.index(first + 1)
    }

    fn freeze(&self, random: &mut Random) -> Duration {
        let mut left = random.below(100);
        for &(share, least, most) in self.freezes {
            if left < share {
                return Duration::from_millis(least + random.below(most - least));
            }
            left -= share;
        }
        Duration::ZERO
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }
}
