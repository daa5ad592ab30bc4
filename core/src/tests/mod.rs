//! The proof: a simulated stream, sandboxes on it, an oracle, and mutants.

mod absent;
mod bridge;
mod database;
mod fleet;
mod loading;
mod model;
mod moment;
mod mutants;
mod oracle;
mod reentrance;
mod sandbox;
mod scenario;
mod simulation;
mod spread;
mod timeline;
mod world;
