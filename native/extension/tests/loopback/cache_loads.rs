//! Contract 4: leases, fences, waiters.

use std::time::Duration;

use snowmelt::{Cache, Invalidation};
use snowmelt_extension::contract::cache::Blob;
use tokio::time::{sleep, timeout};

use crate::support::{Cached, Client, LONG, Reply, Value, cache, cached, until};

const LEASE: &str = "Snowmelt-Lease";

fn lease_of(reply: &Reply) -> String {
    assert_eq!((reply.status, reply.code().as_str()), (404, "Lead"), "{}", reply.text());
    let lease = reply.headers["snowmelt-lease"].clone();
    assert!(lease.len() == 32 && lease.bytes().all(|byte| byte.is_ascii_hexdigit()), "{lease}");
    lease
}

async fn lead(client: &mut Client, key: &str) -> String {
    lease_of(&client.get(&format!("/cache/{key}?wait")).await)
}

async fn put(client: &mut Client, key: &str, lease: &str, body: &str) -> Reply {
    client.ask("PUT", &format!("/cache/{key}"), &[(LEASE, lease)], body.as_bytes()).await
}

/// A client that waits for a key.
async fn waiter(world: &Cached, target: &str) -> Client {
    let mut client = world.client().await;
    client.start("GET", target, &[], b"").await;
    client
}

/// Until so many reads wait for what another one loads.
async fn joined(world: &Cached, reads: u64) {
    until(|| world.cache.stats().coalesced == reads).await;
}

#[tokio::test]
async fn one_of_many_loads_and_all_have_it() {
    let world = cached(cache("memory:loads-64"));
    let mut clients = Vec::new();
    for _ in 0..64 {
        clients.push(waiter(&world, "/cache/k?wait").await);
    }
    joined(&world, 63).await;
    // Whoever has an answer by now is the one who loads.
    let mut leader = None;
    for (at, client) in clients.iter_mut().enumerate() {
        if let Ok(reply) = timeout(Duration::from_millis(5), client.reply(true)).await {
            assert!(leader.replace((at, lease_of(&reply.unwrap()))).is_none(), "two are to load");
        }
    }
    let (at, lease) = leader.expect("one is to load");
    let mut leader = clients.swap_remove(at);
    assert_eq!(put(&mut leader, "k", &lease, "loaded").await.status, 204);
    for client in &mut clients {
        assert_eq!(client.reply(true).await.unwrap().text(), "loaded");
    }
    assert_eq!((world.cache.stats().loads, leader.get("/cache/k?wait").await.text()), (1, "loaded"));
}

#[tokio::test]
async fn a_lease_is_good_once_and_for_its_key() {
    let world = cached(cache("memory:loads-once"));
    let mut client = world.client().await;
    let lease = lead(&mut client, "k").await;
    let reply = put(&mut client, "other", &lease, "x").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "OtherKey"));
    assert_eq!(put(&mut client, "k", &lease, "one").await.status, 204);
    let reply = put(&mut client, "k", &lease, "two").await;
    assert_eq!((reply.status, reply.code().as_str()), (410, "LeaseGone"));
    let guessed = put(&mut client, "k", &"0".repeat(32), "three").await;
    assert_eq!(guessed.status, 410);
    assert_eq!(client.get("/cache/k").await.text(), "one");
    assert_eq!(client.ask("DELETE", "/cache/k", &[(LEASE, &lease)], b"").await.status, 410);
    assert_eq!(client.get("/cache/k").await.text(), "one");
}

#[tokio::test]
async fn an_invalidated_load_is_not_stored_and_serves_those_who_were_there() {
    let world = cached(cache("memory:loads-fenced"));
    let mut client = world.client().await;
    let lease = lead(&mut client, "users/1").await;
    let mut early = waiter(&world, "/cache/users/1?wait").await;
    joined(&world, 1).await;
    let body = br#"{"keys":["users/1"]}"#;
    assert_eq!(client.ask("POST", "/invalidate", &[], body).await.status, 200);
    // It comes after the invalidation: that load began too early for it.
    let mut late = world.client().await;
    let second = lead(&mut late, "users/1").await;

    let reply = put(&mut client, "users/1", &lease, "old").await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "Fenced"));
    assert!(world.cache.peek("users/1").is_none());
    // The load had begun before the early one came, and was revoked since: it
    // has the second.
    joined(&world, 2).await;
    assert_eq!(put(&mut late, "users/1", &second, "new").await.status, 204);
    assert_eq!(early.reply(true).await.unwrap().text(), "new");
}

/// Nobody comes back for what an earlier invocation was to load; what this
/// one's first request was given stays.
#[tokio::test]
async fn an_invocation_ends_the_leases_of_earlier_ones() {
    let world = cached(cache("memory:loads-invoked"));
    let (mut client, mut waiting) = (world.client().await, waiter(&world, "/cache/old?wait").await);
    let left = lease_of(&waiting.reply(true).await.unwrap());
    waiting.start("GET", "/cache/old?wait", &[], b"").await;
    sleep(Duration::from_millis(200)).await;
    let own = lead(&mut client, "new").await;
    world.contract.invoked();
    lease_of(&timeout(LONG, waiting.reply(true)).await.unwrap().unwrap());
    assert_eq!(put(&mut client, "old", &left, "late").await.status, 410);
    assert_eq!(put(&mut client, "new", &own, "loaded").await.status, 204);
    assert_eq!(client.get("/cache/new").await.text(), "loaded");
}

/// Each lease that is handed out holds its key.
#[tokio::test]
async fn long_keys_are_cached_and_not_waited_for() {
    let world = cached(cache("memory:loads-long"));
    let mut client = world.client().await;
    let key = "k".repeat((4 << 10) + 1);
    let reply = client.get(&format!("/cache/{key}?wait")).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "InvalidKey"), "{}", reply.text());
    assert_eq!(world.cache.stats().loads, 0);
    assert_eq!(client.ask("PUT", &format!("/cache/{key}"), &[], b"x").await.status, 204);
    assert_eq!(client.get(&format!("/cache/{key}")).await.text(), "x");
    lead(&mut client, &key[1..]).await;
}

/// A load that a DELETE revoked keeps nobody waiting once there is a value.
#[tokio::test]
async fn who_waits_for_a_revoked_load_has_the_next_value() {
    let world = cached(cache("memory:loads-overtaken"));
    let (mut client, mut other) = (world.client().await, world.client().await);
    let old = lead(&mut client, "k").await;
    let mut early = waiter(&world, "/cache/k?wait").await;
    until(|| world.cache.stats().coalesced == 1).await;
    assert_eq!(other.ask("DELETE", "/cache/k", &[], b"").await.status, 204);
    let next = lead(&mut other, "k").await;
    assert_eq!(put(&mut other, "k", &next, "new").await.status, 204);
    let reply = timeout(LONG / 4, early.reply(true)).await.expect("at once").unwrap();
    assert_eq!(reply.text(), "new");
    assert_eq!(put(&mut client, "k", &old, "old").await.status, 410);
}

#[tokio::test]
async fn tags_that_are_known_only_after_the_load_fence_it() {
    let world = cached(cache("memory:loads-tags"));
    let mut client = world.client().await;
    let lease = lead(&mut client, "k").await;
    let elsewhere: Cache<Value> = cache("memory:loads-tags");
    elsewhere.invalidate(Invalidation::tags(["tenant:7"])).await.unwrap();
    world.cache.catch_up().await.unwrap();
    let headers = [(LEASE, lease.as_str()), ("Snowmelt-Tags", "tenant%3A7")];
    assert_eq!(client.ask("PUT", "/cache/k", &headers, b"old").await.status, 409);
    assert_eq!(client.get("/cache/k").await.status, 404);
}

#[tokio::test]
async fn a_bare_put_is_as_old_as_its_head() {
    let world = cached(cache("memory:loads-bare"));
    let mut client = world.client().await;
    client.write("PUT /cache/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nol").await;
    sleep(Duration::from_millis(60)).await;
    world.cache.invalidate("k").await.unwrap();
    client.write("d").await;
    let reply = client.reply(true).await.unwrap();
    assert_eq!((reply.status, reply.code().as_str()), (409, "Fenced"));
    assert_eq!(client.ask("PUT", "/cache/k", &[], b"new").await.status, 204);
    assert_eq!(client.get("/cache/k").await.text(), "new");
}

#[tokio::test]
async fn a_put_that_waited_out_a_freeze_is_not_stored() {
    let world = cached(cache("memory:loads-freeze"));
    let mut client = world.client().await;
    assert_eq!(client.get("/cache/k").await.status, 404);
    let old = b"PUT /cache/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nold";
    client.stream.try_write(old).unwrap();
    // Nothing of this process runs, and anybody may change what `k` stands for.
    std::thread::sleep(Duration::from_millis(900));
    let reply = client.reply(true).await.unwrap();
    assert_eq!((reply.status, reply.code().as_str()), (409, "Fenced"));
    sleep(Duration::from_millis(50)).await;
    assert_eq!(client.ask("PUT", "/cache/k", &[], b"new").await.status, 204);
}

#[tokio::test]
async fn a_bare_put_serves_who_waits_for_a_lease() {
    let world = cached(cache("memory:loads-over"));
    let mut client = world.client().await;
    let lease = lead(&mut client, "k").await;
    let mut waiting = waiter(&world, "/cache/k?wait").await;
    joined(&world, 1).await;
    let mut other = world.client().await;
    assert_eq!(other.ask("PUT", "/cache/k", &[], b"other").await.status, 204);
    assert_eq!(waiting.reply(true).await.unwrap().text(), "other");
    assert_eq!(put(&mut client, "k", &lease, "mine").await.status, 410);
}

#[tokio::test]
async fn a_lease_given_up_goes_to_the_next() {
    let world = cached(cache("memory:loads-given-up"));
    let mut client = world.client().await;
    let lease = lead(&mut client, "k").await;
    let mut first = waiter(&world, "/cache/k?wait").await;
    joined(&world, 1).await;
    assert_eq!(client.ask("DELETE", "/cache/k", &[(LEASE, &lease)], b"").await.status, 204);
    let second = lease_of(&first.reply(true).await.unwrap());
    assert_ne!(second, lease);
    assert_eq!(put(&mut first, "k", &second, "x").await.status, 204);
}

#[tokio::test]
async fn a_lease_ends_with_its_time_and_the_next_loads() {
    let cache = Cache::builder().stream("memory:loads-expired").load_timeout(Duration::from_millis(300));
    let world = cached(cache.build().unwrap());
    let mut client = world.client().await;
    let lease = lead(&mut client, "k").await;
    let mut waiting = waiter(&world, "/cache/k?wait").await;
    let second = lease_of(&waiting.reply(true).await.unwrap());
    assert_eq!(put(&mut client, "k", &lease, "late").await.status, 410);
    assert_eq!(put(&mut waiting, "k", &second, "x").await.status, 204);
    assert_eq!(client.get("/cache/k").await.text(), "x");
}

#[tokio::test]
async fn a_waiter_has_a_patience_of_its_own() {
    let world = cached(cache("memory:loads-patience"));
    let mut client = world.client().await;
    let lease = lead(&mut client, "k").await;
    let mut hasty = world.client().await;
    let reply = timeout(LONG, hasty.get("/cache/k?wait=50ms")).await.unwrap();
    assert_eq!((reply.status, reply.code().as_str()), (404, "WaitedInVain"));
    assert!(!reply.headers.contains_key("snowmelt-lease"));
    assert_eq!(put(&mut client, "k", &lease, "x").await.status, 204);
    assert_eq!(hasty.get("/cache/k?wait=50ms").await.text(), "x");
}

#[tokio::test]
async fn a_waiter_that_goes_away_takes_nothing_along() {
    let world = cached(cache("memory:loads-gone"));
    let mut client = world.client().await;
    let lease = lead(&mut client, "k").await;
    let gone = waiter(&world, "/cache/k?wait").await;
    let mut stays = waiter(&world, "/cache/k?wait").await;
    joined(&world, 2).await;
    drop(gone);
    until(|| world.server.connections() == 2).await;
    assert_eq!(put(&mut client, "k", &lease, "x").await.status, 204);
    assert_eq!(stays.reply(true).await.unwrap().text(), "x");
}

#[tokio::test]
async fn leases_that_are_held_are_bounded() {
    let cache = Cache::builder().stream("memory:loads-bounded").segments(1).build().unwrap();
    let world = cached(cache);
    let mut client = world.client().await;
    let first = lead(&mut client, "k0").await;
    let second = lead(&mut client, "k1").await;
    for number in 2..=100 {
        lead(&mut client, &format!("k{number}")).await;
    }
    assert_eq!(put(&mut client, "k0", &first, "x").await.status, 410, "the oldest had to go");
    assert_eq!(put(&mut client, "k1", &second, "x").await.status, 204, "the others are good");
    assert!(world.cache.stats().leases <= 100);
    assert!(world.cache.peek("k0").is_none_or(|value| value.body().is_empty()));
}
