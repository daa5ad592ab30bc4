//! How much, how many and for how long.

use std::sync::atomic::Ordering;
use std::time::Duration;

use snowmelt_extension::http::{Guards, Limits, Listener};
use tokio::time::sleep;

use crate::support::{Client, Probed, probed, quick, raw, until};

fn open(limits: Limits) -> Probed {
    probed(limits, Guards::new())
}

#[tokio::test]
async fn both_loopbacks_answer_on_one_port() {
    let world = open(Limits::default());
    let mut client = Client::connect(world.port).await;
    assert_eq!(client.get("/now").await.text(), "GET");
    assert!(Listener::bind(0).unwrap().addresses().iter().all(std::net::IpAddr::is_loopback));
    let taken = Listener::bind(world.port).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    if Listener::bind(0).unwrap().addresses().len() == 2 {
        let mut client = Client::to("::1", world.port).await;
        assert_eq!(client.get("/now").await.text(), "GET");
    }
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let world = open(Limits::default());
    let mut client = Client::connect(world.port).await;
    let reply = client.ask("HEAD", "/now", &[], b"").await;
    assert_eq!((reply.status, reply.headers["content-length"].as_str(), reply.body.len()), (200, "3", 0));
    assert_eq!(client.get("/now").await.text(), "GET");
}

#[tokio::test]
async fn requests_may_be_sent_before_the_answers_are_read() {
    let world = open(quick());
    let mut client = Client::connect(world.port).await;
    client.write("GET /now HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(40)).await;
    for _ in 0..40 {
        assert_eq!(client.reply(true).await.unwrap().text(), "GET");
    }
}

#[tokio::test]
async fn bodies_come_by_length_or_in_chunks_up_to_a_bound() {
    let world = open(Limits { body: 1000, ..quick() });
    let mut client = Client::connect(world.port).await;
    let chunks = "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n";
    client.write(chunks).await;
    assert_eq!(client.reply(true).await.unwrap().text(), "abcde");
    assert_eq!(client.ask("PUT", "/echo", &[], &[b'x'; 1000]).await.body.len(), 1000);

    let reply = client.ask("PUT", "/echo", &[], &[b'x'; 1001]).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "BodyTooLarge"));
    assert_eq!(client.get("/now").await.status, 200, "the connection goes on");

    let chunk = format!("400\r\n{}\r\n", "y".repeat(1024));
    let head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let reply = raw(world.port, format!("{head}{}", chunk.repeat(8))).await.unwrap();
    assert_eq!(reply.status, 413, "an endless body is not read on for ever");
}

#[tokio::test]
async fn a_client_that_asks_first_sends_no_body_in_vain() {
    let world = open(Limits { body: 1000, ..quick() });
    let head = |length: usize| {
        format!(
            "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    assert_eq!(raw(world.port, head(1001)).await.unwrap().status, 413);
    let mut client = Client::connect(world.port).await;
    client.write(head(2)).await;
    assert_eq!(client.reply(true).await.unwrap().status, 100);
    client.write("hi").await;
    assert_eq!(client.reply(true).await.unwrap().text(), "hi");
}

#[tokio::test]
async fn bodies_are_bounded_together() {
    let world = open(Limits { bodies: 1500, ..Limits::default() });
    let mut first = Client::connect(world.port).await;
    first.write("PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n").await;
    first.write(vec![b'x'; 1000]).await;
    sleep(Duration::from_millis(50)).await;
    let mut second = Client::connect(world.port).await;
    let reply = second.ask("PUT", "/echo", &[], &[b'x'; 600]).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "TooManyBodies"));
    first.write("x").await;
    assert_eq!(first.reply(true).await.unwrap().body.len(), 1001);
    let mut third = Client::connect(world.port).await;
    assert_eq!(third.ask("PUT", "/echo", &[], &[b'x'; 600]).await.status, 200, "what was held is free again");
}

#[tokio::test]
async fn heads_are_bounded() {
    let world = open(Limits::default());
    let with = |rest: &str| format!("GET /now HTTP/1.1\r\nHost: localhost\r\n{rest}\r\n\r\n");
    let huge = with(&format!("x: {}", "y".repeat(200 << 10)));
    assert_eq!(raw(world.port, huge).await.map(|reply| reply.status), Some(431));
    let many = with(&"x: y\r\n".repeat(200));
    assert_eq!(raw(world.port, many).await.map(|reply| reply.status), Some(431));
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "y".repeat(70_000));
    assert_eq!(raw(world.port, long).await.map(|reply| reply.status), Some(414));
    assert_eq!(raw(world.port, with("x: y")).await.map(|reply| reply.status), Some(200));
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let limits = Limits::default();
    assert_eq!((limits.connections, limits.crowded), (800, 600));
    let world = open(Limits { connections: 5, ..quick() });
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut client = Client::connect(world.port).await;
        assert_eq!(client.get("/now").await.status, 200);
        held.push(client);
    }
    let mut more = Client::connect(world.port).await;
    let reply = more.reply(true).await.unwrap();
    assert_eq!((reply.status, reply.code().as_str()), (503, "TooManyConnections"));
    assert!(more.ended().await);
    assert_eq!(world.server.connections(), 5);
    for client in &mut held {
        assert_eq!(client.get("/now").await.status, 200);
    }
    held.pop();
    until(|| world.server.connections() == 4).await;
    assert_eq!(Client::connect(world.port).await.get("/now").await.status, 200);
}

/// Both ends of the connections are in this process: more than the 1,024 files
/// that it may have open by default on many systems.
fn allow_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[tokio::test]
async fn eight_hundred_connections_are_served_and_no_more() {
    allow_files();
    let world = open(Limits::default());
    let mut held = Vec::new();
    for _ in 0..800 {
        held.push(Client::connect(world.port).await);
    }
    until(|| world.server.connections() == 800).await;
    assert_eq!(raw(world.port, "").await.map(|reply| reply.status), Some(503));
    for client in &mut held {
        assert_eq!(client.get("/now").await.status, 200);
    }
}

#[tokio::test]
async fn idle_connections_are_closed_only_where_it_is_crowded() {
    let world = open(Limits { crowded: 3, ..quick() });
    let mut first = Client::connect(world.port).await;
    assert_eq!(first.get("/now").await.status, 200);
    sleep(Duration::from_millis(400)).await;
    assert_eq!(first.get("/now").await.status, 200, "it may be idle for ever");
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(world.port).await;
        client.start("GET", "/wait", &[], b"").await;
        waiting.push(client);
    }
    assert!(first.ended().await);
    assert_eq!(world.server.connections(), 4, "who waits for an answer is not idle");
    world.probe.go.notify_waiters();
    for client in &mut waiting {
        assert_eq!(client.reply(true).await.unwrap().text(), "waited");
    }
}

#[tokio::test]
async fn who_sends_slowly_is_cut() {
    let world = open(quick());
    for start in [
        "GET /now HTTP/1.1\r\nHost: localhost\r\nSlow: ",
        "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nab",
    ] {
        let mut client = Client::connect(world.port).await;
        client.write(start).await;
        // A byte now and then does not help.
        let trickled = async {
            while client.stream.try_write(b"x").is_ok() {
                sleep(Duration::from_millis(15)).await;
            }
        };
        tokio::time::timeout(crate::support::LONG, trickled).await.expect("it was to be cut");
        until(|| world.server.connections() == 0).await;
    }
}

#[tokio::test]
async fn who_does_not_read_is_cut() {
    let world = open(quick());
    let mut client = Client::connect(world.port).await;
    client.start("GET", "/large", &[], b"").await;
    until(|| world.server.connections() == 1).await;
    until(|| world.server.connections() == 0).await;
}

#[tokio::test]
async fn a_freeze_is_held_against_nobody() {
    // The first tick in time would cut them both.
    let tick = Duration::from_millis(300);
    let world = open(Limits { tick, head_ticks: 0, idle_ticks: 0, crowded: 0, ..quick() });
    let mut idle = Client::connect(world.port).await;
    let mut half = Client::connect(world.port).await;
    assert_eq!(idle.get("/now").await.status, 200);
    half.write("GET /now HTTP/1.1\r\n").await;
    sleep(Duration::from_millis(5)).await;
    // What was asked, and the rest of what was begun, waits in the sockets
    // while nothing of this process runs.
    idle.stream.try_write(b"GET /now HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    half.stream.try_write(b"Host: localhost\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(idle.reply(true).await.expect("an answer").status, 200);
    assert_eq!(half.reply(true).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn a_panic_is_one_answer() {
    let world = open(quick());
    let mut client = Client::connect(world.port).await;
    for target in ["/panic", "/panic-later"] {
        let reply = client.get(target).await;
        assert_eq!((reply.status, reply.code().as_str()), (500, "Panicked"), "{target}");
        assert!(!reply.text().contains("on purpose"));
    }
    assert_eq!(client.get("/now").await.status, 200);
}

#[tokio::test]
async fn who_goes_away_leaves_nothing_behind() {
    let world = open(Limits::default());
    let mut waiting = Client::connect(world.port).await;
    waiting.start("GET", "/wait", &[], b"").await;
    let mut sending = Client::connect(world.port).await;
    sending.write("PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc").await;
    until(|| world.probe.waiting.load(Ordering::SeqCst) == 1).await;
    drop((waiting, sending));
    until(|| world.server.connections() == 0).await;
    assert_eq!(world.probe.waiting.load(Ordering::SeqCst), 0);
}
