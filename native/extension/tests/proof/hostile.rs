//! Who must get no answer, on both ports; and where the ports are.

use std::collections::BTreeSet;
use std::path::PathBuf;

use test_servers::Moto;

use crate::client::Client;
use crate::extension::{Extension, Setup};
use crate::secrecy::{TOKEN, secret};

/// Requests that somebody made a function, a proxy or a browser send. `{port}`
/// is the port's; each is refused even with the token.
const SHAPES: [(&str, u16); 22] = [
    ("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 10.0.0.1\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: localhost\r\nx-forwarded-for: 127.0.0.1\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For:\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: localhost\r\nForwarded: for=10.0.0.1\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: example.com\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: 127.0.0.1.nip.example\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: localhost.example.com\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: localhost@example.com\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: localhost:1\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: 169.254.169.254\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: 0.0.0.0:{port}\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: 2130706433:{port}\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: [::ffff:127.0.0.1]:{port}\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: \r\n", 403),
    ("GET {path} HTTP/1.1\r\n", 400),
    ("GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: example.com\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400),
    ("GET http://example.com{path} HTTP/1.1\r\nHost: localhost\r\n", 403),
    ("GET https://localhost{path} HTTP/1.1\r\nHost: localhost\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://example.com\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n", 403),
    ("GET {path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403),
];

/// Requests that may be two, depending on who reads them.
const SMUGGLED: [&str; 6] = [
    "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nhello",
    "GET {path} HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost: localhost\r\n X-Folded: 1\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nA\0B: 1\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00",
];

fn ports(extension: &Extension) -> [(u16, &'static str); 2] {
    let aws = "/systemsmanager/parameters/get?name=/hostile&withDecryption=true";
    [(extension.port, "/parameters?name=/hostile"), (extension.aws_port, aws)]
}

fn start() -> Extension {
    Moto::shared().put_parameter("/hostile", "String", &secret("hostile"));
    let extension = Setup::new("memory:hostile").start();
    assert_eq!(extension.client().get("/parameters?name=/hostile").ok(), secret("hostile"));
    assert!(extension.aws().get(ports(&extension)[1].1).ok().contains(&secret("hostile")));
    extension
}

#[test]
fn requests_that_were_not_meant_for_it_get_no_answer() {
    let extension = start();
    for (port, path) in ports(&extension) {
        let fill = |shape: &str| shape.replace("{path}", path).replace("{port}", &port.to_string());
        for (shape, status) in SHAPES {
            let request = format!("{}X-Aws-Parameters-Secrets-Token: {TOKEN}\r\n\r\n", fill(shape));
            let reply = Client::connect(port).raw(request.as_bytes());
            let reply = reply.unwrap_or_else(|| panic!("an answer to {shape:?}"));
            assert_eq!(reply.status, status, "{shape:?} on {port}: {}", reply.text());
            crate::secrecy::check("a refusal", &reply.body);
        }
        for shape in SMUGGLED {
            let reply = Client::connect(port).raw(fill(shape).as_bytes());
            // Where there is an answer, it is a refusal.
            assert!(reply.as_ref().is_none_or(|reply| reply.status >= 400), "{shape:?}: {reply:?}");
        }
        // An absolute target of this port is what a client of a proxy asks.
        let absolute = format!(
            "GET http://localhost:{port}{path} HTTP/1.1\r\nHost: localhost:{port}\r\nX-Aws-Parameters-Secrets-Token: {TOKEN}\r\n\r\n"
        );
        assert_eq!(Client::connect(port).raw(absolute.as_bytes()).expect("an answer").status, 200);
    }
}

#[test]
fn without_the_token_the_port_of_secrets_tells_nothing() {
    let extension = start();
    let path = ports(&extension)[1].1;
    let mut answers = BTreeSet::new();
    for target in
        [path, "/ping", "/", "/none", "/secretsmanager/get", "/secretsmanager/get?secretId=x", "//ping"]
    {
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS"] {
            let reply = Client::connect(extension.aws_port).ask(method, target, &[], b"");
            answers.insert((reply.status, reply.body));
        }
    }
    let longer = format!("{TOKEN}x");
    for wrong in ["", "x", &TOKEN[1..], &longer, &TOKEN.to_uppercase()] {
        let headers = [("X-Aws-Parameters-Secrets-Token", wrong)];
        let reply = Client::connect(extension.aws_port).ask("GET", path, &headers, b"");
        answers.insert((reply.status, reply.body));
    }
    let twice = [("X-Aws-Parameters-Secrets-Token", TOKEN), ("X-Aws-Parameters-Secrets-Token", TOKEN)];
    let reply = Client::connect(extension.aws_port).ask("GET", path, &twice, b"");
    answers.insert((reply.status, reply.body));
    // In a query it is none.
    let query = format!("{path}&X-Aws-Parameters-Secrets-Token={TOKEN}");
    let reply = Client::connect(extension.aws_port).ask("GET", &query, &[], b"");
    answers.insert((reply.status, reply.body));
    assert_eq!(answers.len(), 1, "all are alike: {answers:?}");
    assert!(answers.iter().all(|(status, _)| *status == 401));
}

#[test]
fn the_token_can_be_asked_for_at_the_other_port_too() {
    Moto::shared().put_parameter("/hostile/token", "String", &secret("token"));
    let extension = Setup::new("none").set("SNOWMELT_REQUIRE_TOKEN", "true").start();
    let targets = ["/parameters?name=/hostile/token", "/stats", "/metrics", "/cache/k", "/none"];
    for target in targets {
        assert_eq!(Client::connect(extension.port).get(target).status, 401, "{target}");
    }
    assert_eq!(extension.client().get(targets[0]).ok(), secret("token"));
}

/// Every address that the process listens on: proc(5), `net/tcp` and `fd`.
fn listening(extension: &Extension) -> BTreeSet<String> {
    let folder = PathBuf::from("/proc").join(extension.id().to_string());
    let descriptors = std::fs::read_dir(folder.join("fd")).expect("it runs");
    let links = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let own: BTreeSet<String> = links.map(|link| link.to_string_lossy().into_owned()).collect();
    let tables = ["tcp", "tcp6", "udp", "udp6"]
        .map(|name| std::fs::read_to_string(folder.join("net").join(name)).unwrap_or_default());
    let mut found = BTreeSet::new();
    for line in tables.iter().flat_map(|table| table.lines().skip(1)) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // 0A is LISTEN; 07 is an unconnected socket of UDP.
        if matches!(fields[3], "0A" | "07") && own.contains(&format!("socket:[{}]", fields[9])) {
            found.insert(fields[1].to_owned());
        }
    }
    found
}

#[test]
fn nothing_but_the_loopback_is_listened_on() {
    let extension = start();
    let listening = listening(&extension);
    let expected: BTreeSet<String> = [extension.port, extension.aws_port]
        .iter()
        // The addresses are in the machine's order, the ports are not.
        .flat_map(|port| {
            [
                format!("{:08X}:{port:04X}", u32::from_le_bytes([127, 0, 0, 1])),
                format!("{:024X}{:08X}:{port:04X}", 0, u32::from_le_bytes([0, 0, 0, 1])),
            ]
        })
        .collect();
    assert!(listening.is_subset(&expected), "{listening:?}");
    assert!(listening.len() >= 2, "{listening:?}");
}
