//! The listeners and contract 4 over real sockets: what is written here are
//! the bytes of a client.

mod bounds;
mod cache_loads;
mod cache_rows;
mod guards;
mod stopping;
mod support;
