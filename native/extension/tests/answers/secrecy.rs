//! No value and no token in what is logged, nor in an error.

use std::io;
use std::sync::{Arc, Mutex};

use snowmelt_extension::origin::{Attribute, Fetched};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{MARKER, World, denied, item, parameter, request, respond, secret, text};
use http::Method;
use snowmelt_extension::http::Service;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A parameter whose source is no JSON, values and errors of each kind.
fn fill(world: &World) {
    let Fetched::Parameter(mut reference) = parameter("/aws/reference/secretsmanager/x", MARKER) else {
        unreachable!()
    };
    reference.source_result = Some(format!("{{{MARKER}"));
    world.fake.set("/aws/reference/secretsmanager/x", Fetched::Parameter(reference));
    world.fake.set("a", parameter("a", MARKER));
    world.fake.set("db", secret("db", MARKER));
    world.fake.set("users-7", item(&[("pk", Attribute::String(MARKER.into()))]));
    // Of another kind than what is asked for.
    world.fake.set("odd", secret("odd", MARKER));
    world.fake.set("users-odd", parameter("odd", MARKER));
    world.fake.fail("down", denied(Some(400), Some("AccessDeniedException")));
    world.fake.fail("users-down", denied(None, None));
}

#[tokio::test]
async fn no_value_is_logged_or_in_an_error() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let logging = tracing::subscriber::set_default(subscriber);
    let world = World::new();
    fill(&world);
    world.demo.prefetch().await;
    let mut errors = 0;
    for name in ["a", "down", "odd", "none", "/aws/reference/secretsmanager/x", "%zz", ""] {
        for response in [
            world.demo(&format!("/parameters?name={name}")).await,
            world.aws(&format!("/systemsmanager/parameters/get?name={name}")).await,
            world.aws(&format!("/systemsmanager/parameters/get?name={name}&version=x")).await,
        ] {
            errors += check(&response);
        }
    }
    for name in ["db", "down", "a", "none"] {
        errors += check(&world.aws(&format!("/secretsmanager/get?secretId={name}&refreshNow=true")).await);
    }
    for name in ["users-7", "users@@odd", "users@@down", "nobody"] {
        errors += check(&world.demo(&format!("/dynamodb?name={name}")).await);
    }
    let wrong = format!("{MARKER}-wrong");
    errors += check(&respond(world.aws.answer(request(Method::GET, "/ping", Some(&wrong)))).await);
    world.invalidate("ssm/a").await;
    drop(logging);
    assert!(errors > 15, "{errors}");
    assert!(!format!("{:?}", world.answers.cache()).contains(MARKER));
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("ssm/down") && logged.contains("AccessDeniedException"), "{logged}");
    assert!(!logged.contains(MARKER), "{logged}");
}

/// Counts it if it is an error.
fn check(response: &http::Response<bytes::Bytes>) -> usize {
    if response.status() == 200 {
        return 0;
    }
    assert!(!text(response).contains(MARKER), "{}", text(response));
    1
}
