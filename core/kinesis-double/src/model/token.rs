//! Iterators and paging tokens carry all they mean, as the service's do, so
//! that giving one out costs no memory and one may be used again and again.

/// Where an iterator stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Iterator {
    /// Which life of which stream.
    pub(super) life: u64,
    pub(super) shard: u32,
    /// The absolute index of the next record.
    pub(super) index: u64,
    /// Up to when the shard's time line was read.
    pub(super) scanned: u64,
    /// When the iterator was given.
    pub(super) issued: u64,
    /// Which [`expire_iterators`](crate::Kinesis::expire_iterators) it precedes.
    pub(super) epoch: u64,
    /// Whether it came from a sequence number.
    pub(super) by_sequence: bool,
}

/// Where a paged `ListShards` goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) life: u64,
    pub(super) next: u32,
    pub(super) issued: u64,
    /// The filter, as a kind and its argument.
    pub(super) filter: (u64, u64),
}

const ITERATOR: &str = "AAAAAAAAAAE";
const PAGE: &str = "AAAAAAAAAAI";

/// Not meant to be hard to forge: only to notice what is no token at all.
fn checksum(fields: &[u64]) -> u64 {
    let mix = |sum: u64, f: &u64| (sum ^ f).wrapping_mul(0x100_0000_01b3).rotate_left(23);
    fields.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

fn encode(prefix: &str, fields: &[u64]) -> String {
    let mut text = String::with_capacity(prefix.len() + 16 * (fields.len() + 1));
    text.push_str(prefix);
    for field in fields.iter().chain([&checksum(fields)]) {
        for shift in (0..16).rev() {
            let nibble = u8::try_from((field >> (4 * shift)) & 0xf).unwrap_or(0);
            text.push(char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }));
        }
    }
    text
}

fn decode<const N: usize>(prefix: &str, text: &str) -> Option<[u64; N]> {
    let body = text.strip_prefix(prefix)?;
    if body.len() != 16 * (N + 1) || !body.is_ascii() {
        return None;
    }
    let field = |i: usize| u64::from_str_radix(&body[16 * i..16 * (i + 1)], 16).ok();
    let mut fields = [0; N];
    for (i, slot) in fields.iter_mut().enumerate() {
        *slot = field(i)?;
    }
    (field(N)? == checksum(&fields)).then_some(fields)
}

impl Iterator {
    pub(super) fn encode(&self) -> String {
        let shard = u64::from(self.shard) << 1 | u64::from(self.by_sequence);
        let fields = [self.life, shard, self.index, self.scanned, self.issued, self.epoch];
        encode(ITERATOR, &fields)
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let [life, shard, index, scanned, issued, epoch] = decode(ITERATOR, text)?;
        Some(Self {
            life,
            shard: u32::try_from(shard >> 1).ok()?,
            index,
            scanned,
            issued,
            epoch,
            by_sequence: shard & 1 == 1,
        })
    }
}

impl Page {
    pub(super) fn encode(&self) -> String {
        let (kind, argument) = self.filter;
        encode(PAGE, &[self.life, u64::from(self.next), self.issued, kind, argument])
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let [life, next, issued, kind, argument] = decode(PAGE, text)?;
        Some(Self { life, next: u32::try_from(next).ok()?, issued, filter: (kind, argument) })
    }
}
