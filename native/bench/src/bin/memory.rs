//! Prints the bytes that an entry takes in Snowmelt and its peers, as rows of
//! the table that `speed` begins. `cargo run --profile bench --bin memory`;
//! with `continued` it leaves the head out.
//!
//! What is counted is what the caches ask the allocator for; its own overhead
//! comes on top, for all of them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicIsize, Ordering};

use snowmelt_bench::peers::{Moka, Peer, Quick, Snowmelt};
use snowmelt_bench::report::{Measured, print_head, print_row};

const ENTRIES: u64 = 100_000;

struct Counting;

static BYTES: AtomicIsize = AtomicIsize::new(0);

fn count(size: usize, sign: isize) {
    BYTES.fetch_add(sign * size.cast_signed(), Ordering::Relaxed);
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promises are the callee's demands.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    if std::env::args().nth(1).as_deref() != Some("continued") {
        print_head();
    }
    let row = |what: &str, inserts: u64| {
        let measured = Measured::once(&[
            bytes_an_entry::<Snowmelt<u64>>(inserts),
            bytes_an_entry::<Quick<u64>>(inserts),
            bytes_an_entry::<Moka<u64>>(inserts),
        ]);
        print_row(what, "bytes", &measured);
    };
    row("memory an entry, key of 20 bytes, as the cache fills", ENTRIES);
    row("memory an entry, key of 20 bytes, after ten times as many", 10 * ENTRIES);
}

/// With room for [`ENTRIES`] and after that many insertions.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn bytes_an_entry<P: Peer<u64>>(inserts: u64) -> f64 {
    let before = BYTES.load(Ordering::Relaxed);
    let peer = P::with_capacity(usize::try_from(ENTRIES).expect("it fits"));
    for number in 0..inserts {
        peer.insert(&format!("users/{:014}", number * 7_654_321), number);
    }
    peer.settle();
    let after = BYTES.load(Ordering::Relaxed);
    black_box(&peer);
    (after - before) as f64 / ENTRIES as f64
}
