//! What is fuzzed: functions of arbitrary bytes that must not panic.

mod codecs;
mod input;
mod operations;
mod stream;

pub use codecs::codecs;
pub use operations::operations;

#[cfg(test)]
mod tests;
