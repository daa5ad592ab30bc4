//! The main job on a real Kinesis API (`kinesis-local`) with the real SDK:
//! several sandboxes cache, others write, the stream is resharded meanwhile,
//! and nothing that went stale is served. Issue 2, "Proof".

mod resharding;
mod streams;
mod world;
