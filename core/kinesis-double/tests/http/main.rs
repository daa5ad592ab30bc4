//! The double over raw HTTP, and its binary.

mod client;
mod double;
mod process;
