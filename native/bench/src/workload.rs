//! Access sequences, each a function of its seed.

/// Distinct keys in every workload but the drifting ones and the scans, which
/// go on to new keys.
pub const KEYS: u64 = 100_000;

/// `SplitMix64` (Steele, Lea, Flood: *Fast splittable pseudorandom number
/// generators*, OOPSLA 2014).
pub struct Random(u64);

impl Random {
    /// A generator that gives the same numbers for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, uniform in all 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Uniform in `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(bound)) >> 64).unwrap_or(0)
    }

    /// Uniform in `[0, 1)`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A bijection that scatters its argument over all 64 bits.
pub const fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// Ranks from 0 on, rank `r` with a probability proportional to
/// `1 / (r + 1)^exponent`.
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    /// The distribution of [`KEYS`] ranks for `exponent`.
    pub fn new(exponent: f64) -> Self {
        Self::over(KEYS, exponent)
    }

    /// The distribution of some number of ranks for `exponent`.
    #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
    pub fn over(ranks: u64, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (1..=ranks)
            .map(|rank| {
                sum += (rank as f64).powf(-exponent);
                sum
            })
            .collect();
        for value in &mut cumulative {
            *value /= sum;
        }
        Self { cumulative }
    }

    /// Draws a rank.
    pub fn draw(&self, random: &mut Random) -> u64 {
        let unit = random.unit();
        self.cumulative.partition_point(|&up_to| up_to <= unit) as u64
    }
}

/// How keys follow each other.
#[derive(Clone, Copy, Debug)]
pub enum Workload {
    /// Independent draws from a Zipf distribution with this exponent.
    Zipf(f64),
    /// Zipf 0.9, and a third of all reads in scans over keys that never come
    /// back, each scan as long as the cache (but at least a thousand).
    Scan,
    /// Cyclic over this many percent of the cache's capacity.
    Loop(u64),
    /// Zipf 0.9 whose ranks are dealt to other keys twenty times in the run.
    Shift,
    /// Zipf 0.9 over age: the newest key is the most popular, and a new one
    /// comes every fifty reads.
    Drift,
    /// Half Zipf 0.9, half cyclic over 110 percent of the capacity.
    Mixed,
}

impl Workload {
    /// All that are measured.
    pub const ALL: [Self; 11] = [
        Self::Zipf(0.7),
        Self::Zipf(0.9),
        Self::Zipf(0.99),
        Self::Zipf(1.2),
        Self::Scan,
        Self::Loop(101),
        Self::Loop(110),
        Self::Loop(200),
        Self::Shift,
        Self::Drift,
        Self::Mixed,
    ];

    /// A short name for a table.
    pub fn name(self) -> String {
        match self {
            Self::Zipf(exponent) => format!("zipf {exponent}"),
            Self::Scan => "zipf 0.9 + scans".into(),
            Self::Loop(percent) => format!("loop {percent} %"),
            Self::Shift => "shifting zipf 0.9".into(),
            Self::Drift => "drifting zipf 0.9".into(),
            Self::Mixed => "zipf 0.9 + loop 110 %".into(),
        }
    }

    /// `reads` keys for a cache of `capacity` entries.
    pub fn keys(self, capacity: u64, reads: u64, seed: u64) -> Vec<u64> {
        let random = &mut Random::new(seed);
        let all = 0..reads;
        match self {
            Self::Zipf(exponent) => {
                let zipf = Zipf::new(exponent);
                all.map(|_| zipf.draw(random)).collect()
            }
            Self::Scan => scans(capacity.max(1000), reads, random),
            Self::Loop(percent) => all.map(|at| at % (capacity * percent / 100)).collect(),
            Self::Shift => {
                let zipf = Zipf::new(0.9);
                let phase = reads.div_ceil(20);
                let deal = |at: u64, rank: u64| (rank + at / phase * (KEYS / 20)) % KEYS;
                all.map(|at| deal(at, mix(zipf.draw(random) + 1) % KEYS)).collect()
            }
            Self::Drift => {
                let zipf = Zipf::new(0.9);
                all.map(|at| KEYS + at / 50 - zipf.draw(random)).collect()
            }
            Self::Mixed => {
                let zipf = Zipf::new(0.9);
                let cycle = capacity * 110 / 100;
                let one =
                    |at: u64| if at.is_multiple_of(2) { zipf.draw(random) } else { KEYS + at / 2 % cycle };
                all.map(one).collect()
            }
        }
    }
}

/// Zipf 0.9 with scans of `length` keys in between, after twice as many
/// ordinary reads.
fn scans(length: u64, reads: u64, random: &mut Random) -> Vec<u64> {
    let zipf = Zipf::new(0.9);
    let one = |at: u64| {
        let scanning = at % (3 * length) >= 2 * length;
        if scanning { KEYS + at } else { zipf.draw(random) }
    };
    (0..reads).map(one).collect()
}
