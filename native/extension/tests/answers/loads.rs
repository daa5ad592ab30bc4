//! Loads: shared, refreshed, failed.

use std::time::Duration;

use snowmelt_extension::answers::{Form, How, Wanted};
use snowmelt_extension::origin::{Ask, SecretAsk};

use crate::support::{World, denied, parameter, secret, text};

const SECRET: &str = "/secretsmanager/get?secretId=db";

fn wanted(refresh_now: bool) -> Wanted {
    let ask = SecretAsk { id: "db".into(), version_id: None, version_stage: None };
    Wanted::new(Ask::Secret(ask), Form::Plain, How { refresh_now, ttl: Duration::from_secs(60) })
}

/// Reads so often at once; what the reads saw, one by one.
async fn at_once(world: &World, wanted: &Wanted, times: usize) -> Vec<String> {
    let reads: Vec<_> = (0..times).map(|_| tokio::spawn(world.read(wanted))).collect();
    let mut seen = Vec::new();
    for read in reads {
        let stored = read.await.unwrap().unwrap().expect("a value");
        seen.push(String::from_utf8(stored.body().to_vec()).unwrap());
    }
    seen
}

#[tokio::test]
async fn sixty_four_reads_of_a_missing_name_make_one_call() {
    for enabled in [true, false] {
        let world = World::with(|settings| settings.aws.enabled = enabled);
        world.fake.set("db", secret("db", "1"));
        assert_eq!(at_once(&world, &wanted(false), 64).await, vec!["1"; 64]);
        assert_eq!(world.fake.calls(), 1, "enabled: {enabled}");
    }
}

#[tokio::test]
async fn what_is_not_kept_is_called_for_again_by_those_who_come_later() {
    let world = World::with(|settings| settings.aws.enabled = false);
    world.fake.set("db", secret("db", "old"));
    world.fake.block().await;
    let first = tokio::spawn(world.read(&wanted(false)));
    world.fake.called(1).await;
    // Waits for the first one's call.
    let mut slow = world.read(&wanted(false));
    std::future::poll_fn(|context| {
        assert!(slow.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    world.fake.unblock();
    assert_eq!(&first.await.unwrap().unwrap().expect("a value").body()[..], b"old");
    world.fake.set("db", secret("db", "new"));
    assert_eq!(at_once(&world, &wanted(false), 1).await, ["new"]);
    // It came after the first one's call had begun, which is not for it.
    assert_eq!(&slow.await.unwrap().expect("a value").body()[..], b"new");
    assert_eq!(world.fake.calls(), 3);
}

#[tokio::test]
async fn a_failure_and_a_lack_are_shared_and_not_kept() {
    let world = World::new();
    world.fake.fail("db", denied(Some(400), None));
    let reads: Vec<_> = (0..8).map(|_| tokio::spawn(world.read(&wanted(false)))).collect();
    for read in reads {
        assert!(read.await.unwrap().is_err());
    }
    assert_eq!(world.fake.calls(), 1);
    world.fake.remove("db");
    let reads: Vec<_> = (0..8).map(|_| tokio::spawn(world.read(&wanted(false)))).collect();
    for read in reads {
        assert!(read.await.unwrap().unwrap().is_none());
    }
    assert_eq!((world.fake.calls(), world.answers.cache().len()), (2, 0));
    world.fake.set("db", secret("db", "1"));
    assert_eq!(at_once(&world, &wanted(false), 2).await, ["1", "1"]);
    assert_eq!(world.fake.calls(), 3);
}

#[tokio::test]
async fn a_reader_that_goes_away_takes_nothing_from_the_others() {
    for enabled in [true, false] {
        let world = World::with(|settings| settings.aws.enabled = enabled);
        world.fake.set("db", secret("db", "1"));
        world.fake.block().await;
        let first = tokio::spawn(world.read(&wanted(false)));
        world.fake.called(1).await;
        let second = tokio::spawn(world.read(&wanted(false)));
        tokio::task::yield_now().await;
        first.abort();
        assert!(first.await.is_err());
        world.fake.unblock();
        let stored = second.await.unwrap().unwrap().expect("a value");
        assert_eq!(&stored.body()[..], b"1");
    }
}

#[tokio::test]
async fn a_refresh_replaces_what_is_there() {
    let world = World::new();
    world.fake.set("db", secret("db", "old"));
    world.aws(SECRET).await;
    world.fake.set("db", secret("db", "new"));
    assert!(text(&world.aws(SECRET).await).contains("old"));
    assert!(text(&world.aws(&format!("{SECRET}&refreshNow=true")).await).contains("new"));
    assert!(text(&world.aws(SECRET).await).contains("new"));
    assert!(text(&world.aws(&format!("{SECRET}&refreshNow=false")).await).contains("new"));
    assert_eq!(world.fake.calls(), 2);
}

#[tokio::test]
async fn a_refresh_takes_no_load_that_began_before_it_came() {
    let world = World::new();
    world.fake.set("db", secret("db", "old"));
    world.fake.block().await;
    let plain = tokio::spawn(world.read(&wanted(false)));
    world.fake.called(1).await;
    world.fake.set("db", secret("db", "new"));
    let refreshes: Vec<_> = (0..16).map(|_| tokio::spawn(world.read(&wanted(true)))).collect();
    tokio::task::yield_now().await;
    world.fake.unblock();
    assert_eq!(&plain.await.unwrap().unwrap().expect("a value").body()[..], b"old");
    for refresh in refreshes {
        assert_eq!(&refresh.await.unwrap().unwrap().expect("a value").body()[..], b"new");
    }
    // All sixteen came before the second load began: it is for all of them.
    assert_eq!(world.fake.calls(), 2);
    assert_eq!(at_once(&world, &wanted(false), 1).await, ["new"]);
}

#[tokio::test]
async fn a_refresh_is_fenced_as_any_load() {
    let world = World::new();
    world.fake.set("db", secret("db", "old"));
    world.fake.block().await;
    let refresh = tokio::spawn(world.read(&wanted(true)));
    world.fake.called(1).await;
    world.fake.set("db", secret("db", "new"));
    world.invalidate("secretsmanager/db").await;
    world.fake.unblock();
    assert_eq!(&refresh.await.unwrap().unwrap().expect("a value").body()[..], b"old");
    assert_eq!(at_once(&world, &wanted(false), 1).await, ["new"]);
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_what_is_there_unless_it_is_gone() {
    let world = World::new();
    world.fake.set("db", secret("db", "1"));
    world.aws(SECRET).await;
    world.fake.fail("db", denied(Some(400), None));
    assert_eq!(world.aws(&format!("{SECRET}&refreshNow=true")).await.status(), 400);
    assert!(text(&world.aws(SECRET).await).contains(r#""SecretString":"1""#));
    world.fake.remove("db");
    assert_eq!(world.aws(&format!("{SECRET}&refreshNow=1")).await.status(), 400);
    assert_eq!(world.aws(SECRET).await.status(), 400);
    assert_eq!(world.fake.calls(), 4);
}

#[tokio::test]
async fn a_hundred_names_read_at_once_while_the_stream_invalidates() {
    let world = World::new();
    for name in 0..100 {
        world.fake.set(&format!("p{name}"), parameter(&format!("p{name}"), "1"));
    }
    for round in 0..5 {
        let uris: Vec<_> = (0..640).map(|n| format!("/parameters?name=p{}", n % 100)).collect();
        let reads = futures_all(uris.iter().map(|uri| world.demo(uri)));
        let writes = async {
            for name in 0..100 {
                world
                    .fake
                    .set(&format!("p{name}"), parameter(&format!("p{name}"), &format!("{}", round + 2)));
                world.invalidate(format!("ssm/p{name}")).await;
            }
        };
        tokio::join!(reads, writes);
        for uri in &uris {
            assert_eq!(text(&world.demo(uri).await), format!("{}", round + 2), "{uri}");
        }
        // One at a time for a name, and none that nobody asked for.
        assert!(world.fake.most_at_once() <= 100);
    }
}

async fn futures_all<F: Future>(futures: impl Iterator<Item = F>) {
    let mut pinned: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        pinned.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if pinned.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
