//! Shards come and go while everyone reads and writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use test_servers::KinesisLocal;

use crate::world::{World, server};

const WHILE: Duration = Duration::from_millis(1200);

/// 1 → 2 → 4 → 2, a split, a merge, each under way while others write.
async fn reshard(stream: &'static str, world: &Arc<World>) {
    world.go_on(WHILE).await;
    for shards in [2, 4, 2] {
        server(move |kinesis| kinesis.update_shard_count(stream, shards)).await;
        world.go_on(WHILE).await;
    }
    server(|kinesis| kinesis.split_shard(stream, &kinesis.open_shards(stream)[0])).await;
    world.go_on(WHILE).await;
    server(|kinesis| merge_two(kinesis, stream)).await;
    world.go_on(WHILE).await;
    // Twice between two looks of the sleeper.
    server(move |kinesis| {
        kinesis.update_shard_count(stream, 4);
        kinesis.update_shard_count(stream, 2);
    })
    .await;
    world.go_on(WHILE).await;
}

/// Merges the two open shards that come first in the order of hash keys.
fn merge_two(kinesis: &KinesisLocal, stream: &str) {
    let open = kinesis.open_shards(stream);
    let mut shards: Vec<(u128, String)> = kinesis
        .shards(stream)
        .iter()
        .map(|shard| {
            let start = shard["HashKeyRange"]["StartingHashKey"].as_str().unwrap();
            (start.parse().unwrap(), shard["ShardId"].as_str().unwrap().to_owned())
        })
        .filter(|(_, id)| open.contains(id))
        .collect();
    shards.sort();
    kinesis.merge_shards(stream, &shards[0].1, &shards[1].1);
}

async fn proven(stream: &'static str, sandboxes: usize, lanes: Option<u16>) -> Arc<World> {
    server(move |kinesis| kinesis.create_stream(stream, 1)).await;
    let world = World::new(stream, sandboxes, lanes);
    world.warm().await;
    let tasks = world.live();
    reshard(stream, &world).await;
    world.settle(tasks).await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_and_nothing_stale_is_served_while_shards_come_and_go() {
    let world = proven("reshard", 4, None).await;
    let written = world.written.load(Ordering::SeqCst);
    for sandbox in &world.sandboxes {
        // Each began on an empty stream and never let go of it.
        assert_eq!(sandbox.stats().records, written, "{:?}", sandbox.stats());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_lanes_likewise() {
    let world = proven("reshard-lanes", 5, Some(2)).await;
    let written = world.written.load(Ordering::SeqCst);
    for sandbox in &world.sandboxes {
        // While there is one shard both lanes are in it.
        let records = sandbox.stats().records;
        assert!(records >= written && records <= written * 2, "{records} of {written}");
    }
}
