//! The targets over bytes from fixed seeds, and over every file in `seeds/`.

use std::path::Path;

/// `SplitMix64` (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/codecs");
    let files = std::fs::read_dir(folder).expect("the folder of seeds");
    let seeds: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty(), "no seeds");
    seeds
}

#[test]
fn codecs_take_mutilated_records() {
    let mut random = Random(1);
    for seed in seeds() {
        crate::codecs(&seed);
        for _ in 0..2_000 {
            let mut data = seed.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(data.len());
                match random.below(4) {
                    0 => data[at] = random.next() as u8,
                    1 => data.truncate(at + 1),
                    2 => data.insert(at, b"{}[]\",:\\\xff0"[random.below(10)]),
                    _ => drop(data.remove(at)),
                }
                if data.is_empty() {
                    break;
                }
            }
            crate::codecs(&data);
        }
    }
}

#[test]
fn codecs_take_deep_and_wide_records() {
    for before in [
        "{\"snowmelt\":1,\"x\":",
        "{\"eventSource\":\"aws:dynamodb\",\"tableName\":\"orders\",\"dynamodb\":",
        "{\"source\":\"aws.ssm\",\"detail-type\":\"Parameter Store Change\",\"detail\":",
    ] {
        for unit in UNITS {
            let mut data = before.as_bytes().to_vec();
            data.extend(unit.repeat(100_000).bytes());
            crate::codecs(&data);
        }
    }
    for unit in UNITS {
        crate::codecs(unit.repeat(100_000).as_bytes());
    }
}

const UNITS: [&str; 9] =
    ["[", "{\"snowmelt\":", "{\"keys\":[", "\"", "9", "[{},", "\u{1}", "{\"Keys\":{\"pk\":", "{\"name\":"];

#[test]
fn operations_take_any_bytes() {
    let mut random = Random(2);
    for _ in 0..4_000 {
        let length = random.below(4_000);
        let data: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        if let Err(panic) = std::panic::catch_unwind(|| crate::operations(&data)) {
            let file = std::env::temp_dir().join("snowmelt-operations-crash");
            std::fs::write(&file, &data).expect("the bytes can be kept");
            eprintln!("the bytes are in {}", file.display());
            std::panic::resume_unwind(panic);
        }
    }
}
