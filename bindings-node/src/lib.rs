//! The Rust part of the npm package `snowmelt`, for both of its builds: an
//! addon for Node, and WebAssembly for everything else.
//!
//! `cache` and `feed` say what a cache offers to JavaScript, in plain
//! data, once for both; `addon` and `wasm` pass it on. Nothing is decided here:
//! what JavaScript gives is converted, the core is called, and what it says is
//! converted back. `js/binding.ts` is the other side of this line.
//!
//! Values stay JavaScript's, and hits have a crate of their own: see
//! `snowmelt_node_hot`.

// (What the macros make is allowed.)
#![deny(unsafe_code)]
// (An `expect` of dead code is never fulfilled at a crate's root.)
#![cfg_attr(test, allow(dead_code, reason = "a test program exports nothing to JavaScript"))]

mod cache;
mod failure;
mod feed;
mod http;

#[cfg(not(target_family = "wasm"))]
mod addon;
#[cfg(target_family = "wasm")]
mod wasm;
