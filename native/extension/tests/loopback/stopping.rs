//! What was asked is answered; nothing else is.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use snowmelt_extension::http::{Guards, Limits};
use tokio::net::TcpStream;

use crate::support::{Client, probed, until};

#[tokio::test]
async fn a_stop_answers_what_is_in_hand() {
    let world = probed(Limits::default(), Guards::new());
    let mut idle = Client::connect(world.port).await;
    assert_eq!(idle.get("/now").await.status, 200);
    let mut silent = Client::connect(world.port).await;
    let mut waiting = Client::connect(world.port).await;
    waiting.start("GET", "/wait", &[], b"").await;
    until(|| world.probe.waiting.load(Ordering::SeqCst) == 1).await;
    // Asked, but not read by the server yet.
    idle.start("GET", "/now", &[], b"").await;

    let stop = async {
        let began = Instant::now();
        let drained = world.server.stop(Duration::from_secs(10)).await;
        (drained, began.elapsed())
    };
    let answer = async {
        assert!(silent.ended().await);
        assert_eq!(idle.reply(true).await.expect("an answer").status, 200);
        assert!(idle.ended().await);
        assert!(TcpStream::connect(("127.0.0.1", world.port)).await.is_err(), "nothing new is accepted");
        world.probe.go.notify_waiters();
        let reply = waiting.reply(true).await.expect("an answer");
        assert_eq!((reply.text(), reply.headers["connection"].as_str()), ("waited", "close"));
        assert!(waiting.ended().await);
    };
    let ((drained, took), ()) = tokio::join!(stop, answer);
    assert!(drained && took < Duration::from_secs(5), "{took:?}");
    assert_eq!(world.server.connections(), 0);
}

#[tokio::test]
async fn a_stop_keeps_its_bound() {
    let world = probed(Limits::default(), Guards::new());
    let mut waiting = Client::connect(world.port).await;
    waiting.start("GET", "/wait", &[], b"").await;
    until(|| world.probe.waiting.load(Ordering::SeqCst) == 1).await;
    let began = Instant::now();
    assert!(!world.server.stop(Duration::from_millis(100)).await);
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(waiting.ended().await);
    until(|| world.server.connections() == 0).await;
}

#[tokio::test]
async fn an_idle_server_stops_at_once() {
    let world = probed(Limits::default(), Guards::new());
    let mut idle = Client::connect(world.port).await;
    assert_eq!(idle.get("/now").await.status, 200);
    assert!(world.server.stop(Duration::from_secs(10)).await);
    assert!(idle.ended().await);
}
