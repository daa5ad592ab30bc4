//! Whatever is in a file, it is read or refused.

use super::*;

/// A small generator: the sweep is the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        // Xorshift: Marsaglia, "Xorshift RNGs".
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(most).unwrap()).unwrap()
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

/// What the files are made of, and what YAML has beyond it.
const PIECES: &[&str] = &[
    "parameters",
    "dynamodb",
    "table",
    "region",
    "names",
    "hashkey",
    "hashKeyType",
    "hashkeyvalue",
    "sortkey",
    "sortkeytype",
    "sortkeyvalue",
    "fields",
    "users",
    "S",
    "N",
    "B",
    ":",
    ": ",
    ":\n",
    "- ",
    "\n",
    "\n  ",
    "\n- ",
    "\n    ",
    " ",
    "\t",
    "[",
    "]",
    "{",
    "}",
    ",",
    "'",
    "\"",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "!!binary ",
    "!x ",
    "|\n  ",
    ">-\n ",
    "?",
    "#",
    "%YAML 1.2\n",
    "---\n",
    "...\n",
    "~",
    "null",
    "true",
    "007",
    "1e999",
    ".nan",
    "-",
    "@@",
    "\\",
    "\\x",
    "\u{0}",
    "\u{feff}",
    "\r\n",
    "é",
    "日本",
    "\u{2028}",
    "us-west-2",
    "💥",
    "=",
];

fn both(content: &[u8]) {
    // An error must print, too.
    if let Err(error) = Folder::new(&[("config.yaml", content), ("cache.yaml", content)]).read() {
        assert!(!error.to_string().is_empty() && error.problems().len() <= 50);
    }
}

#[test]
fn pieces_in_any_order() {
    let mut random = Random(0x5eed);
    for _ in 0..1_000 {
        let count = 1 + random.below(40);
        let text: String = (0..count).map(|_| random.pick(PIECES)).collect();
        both(text.as_bytes());
    }
}

#[test]
fn files_with_something_wrong_somewhere() {
    let mut random = Random(0xf11e);
    let whole = [include_str!("../fixtures/demo.yaml"), include_str!("../fixtures/fork.yaml")];
    for _ in 0..1_000 {
        let mut bytes = random.pick(&whole).as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
            match random.below(4) {
                0 => bytes.truncate(from.max(1)),
                1 => bytes[from] = u8::try_from(random.below(256)).unwrap(),
                2 => drop(bytes.splice(from..from, random.pick(PIECES).bytes())),
                _ => drop(bytes.splice(from.min(to)..from.max(to), [])),
            }
            if bytes.is_empty() {
                bytes.push(b' ');
            }
        }
        both(&bytes);
    }
}

#[test]
fn bytes_of_any_kind() {
    let mut random = Random(0xb17e5);
    for _ in 0..500 {
        let bytes: Vec<u8> =
            (0..random.below(200)).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        both(&bytes);
    }
}
