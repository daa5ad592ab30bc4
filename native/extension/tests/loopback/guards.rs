//! Who may ask.

use snowmelt_extension::http::{Guards, Limits};

use crate::support::{Client, Probed, probed, raw};

fn open() -> Probed {
    probed(Limits::default(), Guards::new())
}

async fn status(port: u16, request: &str) -> u16 {
    raw(port, request.replace("PORT", &port.to_string())).await.expect("an answer").status
}

#[tokio::test]
async fn only_the_loopback_s_names_are_hosts() {
    let world = open();
    let cases = [
        ("localhost", 200),
        ("LocalHost", 200),
        ("localhost:PORT", 200),
        ("127.0.0.1", 200),
        ("127.0.0.1:PORT", 200),
        ("[::1]", 200),
        ("[::1]:PORT", 200),
        ("localhost:1", 403),
        ("localhost:", 403),
        ("localhost.", 403),
        ("localhost.example.com", 403),
        ("example.com", 403),
        ("example.com:PORT", 403),
        ("127.0.0.2", 403),
        ("2130706433", 403),
        ("user@localhost", 403),
        ("localhost, example.com", 403),
        ("", 403),
    ];
    for (host, expected) in cases {
        let request = format!("GET /now HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(status(world.port, &request).await, expected, "{host}");
    }
}

#[tokio::test]
async fn one_host_is_said() {
    let world = open();
    assert_eq!(status(world.port, "GET /now HTTP/1.1\r\n\r\n").await, 400);
    assert_eq!(status(world.port, "GET /now HTTP/1.0\r\n\r\n").await, 400);
    assert_eq!(status(world.port, "GET /now HTTP/1.0\r\nHost: localhost\r\n\r\n").await, 200);
    let twice = "GET /now HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n";
    assert_eq!(status(world.port, twice).await, 400);
}

#[tokio::test]
async fn an_absolute_target_must_agree() {
    let world = open();
    let cases = [
        ("http://localhost:PORT/now", 200),
        ("http://127.0.0.1/now", 200),
        ("http://example.com/now", 403),
        ("http://localhost@example.com/now", 403),
        ("https://localhost/now", 403),
    ];
    for (target, expected) in cases {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(status(world.port, &request).await, expected, "{target}");
    }
    let connect = "CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(status(world.port, connect).await, 403);
}

#[tokio::test]
async fn what_was_forwarded_or_comes_from_another_site_is_refused() {
    let world = open();
    let cases = [
        ("X-Forwarded-For: 10.0.0.1", 403),
        ("x-forwarded-for: ", 403),
        ("Forwarded: for=10.0.0.1", 403),
        ("Origin: https://example.com", 403),
        ("Origin: null", 403),
        ("Origin: http://localhost:1", 403),
        ("Origin: http://localhost:PORT", 200),
        ("Sec-Fetch-Site: cross-site", 403),
        ("Sec-Fetch-Site: same-site", 403),
        ("Sec-Fetch-Site: same-origin", 200),
        ("Sec-Fetch-Site: none", 200),
        // What Node's own `fetch` sends.
        ("Sec-Fetch-Mode: cors", 200),
    ];
    for (header, expected) in cases {
        let request = format!("GET /now HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n");
        assert_eq!(status(world.port, &request).await, expected, "{header}");
    }
}

#[tokio::test]
async fn a_refusal_says_why_and_keeps_the_connection() {
    let world = open();
    let mut client = Client::connect(world.port).await;
    client.write("GET /now HTTP/1.1\r\nHost: evil\x01.example\r\n\r\n".replace('\x01', "")).await;
    let reply = client.reply(true).await.unwrap();
    assert_eq!((reply.status, reply.code().as_str()), (403, "Foreign"));
    assert!(reply.text().contains("evil.example"), "{}", reply.text());
    assert_eq!(client.get("/now").await.status, 200);
}

#[tokio::test]
async fn the_token_is_asked_for_on_every_path() {
    let world = probed(Limits::default(), Guards::new().token(|given| given == b"right"));
    let mut client = Client::connect(world.port).await;
    for target in ["/now", "/nowhere"] {
        assert_eq!(client.get(target).await.status, 401, "{target}");
    }
    let name = "X-Aws-Parameters-Secrets-Token";
    let reply = client.ask("GET", "/now", &[(name, "wrong-secret")], b"").await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "BadToken"));
    assert!(!reply.text().contains("wrong-secret"));
    assert_eq!(client.ask("GET", "/now", &[(name, "right")], b"").await.status, 200);
}

#[tokio::test]
async fn requests_that_can_be_read_in_two_ways_are_refused() {
    let world = open();
    let cases = [
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: +4\r\n\r\nabcd",
        "GET /now HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET /now HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
        "GET  /now HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /now HTTP/2.0\r\nHost: localhost\r\n\r\n",
    ];
    for request in cases {
        let reply = raw(world.port, request).await;
        assert!(reply.as_ref().is_none_or(|reply| reply.status == 400), "{request}: {reply:?}");
    }
    // Both lengths: hyper goes by the chunks, and says no more on this connection
    // than was asked.
    let both = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    let reply = raw(world.port, both).await.unwrap();
    assert!(reply.status == 400 || reply.text() == "ab", "{reply:?}");
}
