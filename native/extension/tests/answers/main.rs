//! The cache of the extension and contracts 1 to 3, over an origin that does
//! what the test says.

mod aws;
mod bounds;
mod demo;
mod invalidations;
mod loads;
mod secrecy;
mod support;
