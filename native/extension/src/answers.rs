//! The cache: keys, tags, lifetimes, what a value is.
