//! Snowmelt's vocabulary as plain data, for its bindings to other languages:
//! texts, numbers, lists and objects, as any of them can have. The Node and
//! Python bindings convert with it, and so say the same.
#![forbid(unsafe_code)]

pub mod call;
pub mod codecs;
pub mod failure;
pub mod options;
pub mod words;

pub use failure::Failure;

/// What a binding's functions give.
pub type Outcome<T> = Result<T, Failure>;
