//! What is behind the extension fails: the origins, the stream.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use kinesis_double::{Double, Effect, FaultRule, PutEntry};
use test_servers::Value;

use crate::client::Reply;
use crate::extension::{Extension, Setup, wait_until};
use crate::origin::{Fault, Origin};
use crate::records::snowmelt;
use crate::secrecy::{self, secret};
use crate::world::parameter;

const STREAM: &str = "faults";
const TABLE: &str = "dynamodb:\n  - table: things\n    hashKey: id\n    hashKeyType: S\n";

/// What a name is asked for by: each contract's.
fn ask(extension: &Extension, name: &str) -> [Reply; 4] {
    [
        extension.client().get(&format!("/parameters?name={name}")),
        extension.client().get(&format!("/dynamodb?name=things@@{name}")),
        extension.aws().get(&format!("/systemsmanager/parameters/get?name={name}")),
        extension.aws().get(&format!("/secretsmanager/get?secretId={name}")),
    ]
}

fn setup(origin: &str) -> Setup {
    Setup::new("memory:faults")
        .set("AWS_ENDPOINT_URL", origin)
        .set("SSM_PARAMETER_STORE_TIMEOUT_MILLIS", "1500")
        .set("SECRETS_MANAGER_TIMEOUT_MILLIS", "1500")
        .file("cache.yaml", TABLE)
}

fn nobody() -> String {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound");
    format!("http://{port}")
}

/// Contracts 1 and 2 say 502 and why, in their words; contract 3 passes on what
/// the service says, or says 500.
fn failed(replies: &[Reply; 4], why: &str, aws: (u16, &str)) {
    for (number, reply) in replies.iter().enumerate() {
        secrecy::check("an error", &reply.body);
        let said = (reply.status, reply.json());
        if number < 2 {
            assert_eq!((said.0, reply.code().as_str()), (502, why), "{said:?}");
        } else {
            assert_eq!((said.0, said.1["__type"].as_str()), (aws.0, Some(aws.1)), "{said:?}");
        }
    }
}

#[test]
fn an_origin_that_is_down_is_said_to_be() {
    let extension = setup(&nobody()).start();
    failed(&ask(&extension, "a"), "Unavailable", (500, "ServiceUnavailable"));
}

#[test]
fn an_origin_that_fails_is_told_of_and_asked_again() {
    let origin = Origin::start();
    let extension = setup(origin.endpoint()).start();
    origin.set("kept", &secret("kept"));
    let kept = || ask(&extension, "kept").map(|reply| reply.ok().to_owned());
    let before = kept();
    for (fault, why, aws) in [
        (Fault::Throttled, "Throttled", (400, "ThrottlingException")),
        (Fault::Denied, "Denied", (400, "AccessDeniedException")),
        (Fault::Broken, "Unavailable", (500, "InternalServerError")),
        (Fault::Garbage, "Unavailable", (500, "ServiceUnavailable")),
        (Fault::Closed, "Unavailable", (500, "ServiceUnavailable")),
        (Fault::Silent, "TimedOut", (500, "RequestTimeout")),
    ] {
        let name = format!("{fault:?}");
        origin.set(&name, &secret(&name));
        origin.fault(Some(fault));
        failed(&ask(&extension, &name), why, aws);
        assert_eq!(kept(), before, "{name}: what is cached needs no origin");
        origin.fault(None);
        for reply in ask(&extension, &name) {
            assert!(reply.ok().contains(&secret(&name)), "a failure is not kept");
        }
    }
}

#[test]
fn a_slow_origin_is_waited_for_within_its_limit() {
    let origin = Origin::start();
    origin.set("slow", &secret("slow"));
    origin.slow(Duration::from_millis(700));
    let extension = setup(origin.endpoint()).start();
    for reply in ask(&extension, "slow") {
        assert!(reply.ok().contains(&secret("slow")));
    }
    assert_eq!(origin.calls("slow"), 4);
}

/// The hard bound of the tests below.
const MAX_LAG: Duration = Duration::from_millis(1_500);

fn bounded(setup: Setup) -> Extension {
    setup
        .set("SNOWMELT_CATCH_UP_EVERY", "100ms")
        .set("SNOWMELT_MAX_LAG", "1500ms")
        .set("SNOWMELT_CATCH_UP_BUDGET", "100ms")
        .set("SNOWMELT_CALL_TIMEOUT", "1s")
        .start()
}

/// Reads until the value is new. What is old must be asked for within the hard
/// bound since `as_of`, until which the cache may be caught up; and for at least
/// half of it, since a stream that fails costs a read nothing.
fn old_until_the_hard_bound(what: &str, extension: &Extension, as_of: Instant) {
    let mut last_old = None;
    loop {
        let asked = Instant::now();
        let value = parameter(extension, "a");
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(2), "{what}: a read took {took:?}");
        if value == secret("new") {
            break;
        }
        assert_eq!(value, secret("old"), "{what}");
        let late = asked.saturating_duration_since(as_of);
        assert!(late <= MAX_LAG, "{what}: served stale {late:?} after the last catch-up");
        last_old = Some(late);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(last_old.is_some_and(|late| late > MAX_LAG / 2), "{what}: {last_old:?}");
}

#[test]
fn without_its_stream_it_serves_within_the_hard_bound() {
    let origin = Origin::start();
    origin.set("a", &secret("old"));
    let extension = bounded(
        setup(origin.endpoint()).set("SNOWMELT_STREAM", STREAM).set("AWS_ENDPOINT_URL_KINESIS", nobody()),
    );
    assert_eq!(parameter(&extension, "a"), secret("old"));
    origin.set("a", &secret("new"));
    // Its load began before the origin read it.
    old_until_the_hard_bound("refused", &extension, origin.served()["a"][0].read);
    assert_eq!(origin.calls("a"), 2);
    assert!(extension.stat("catch_ups_failed") > 0);
    let refused = extension.client().ask("POST", "/invalidate", &[], br#"{"keys":["ssm/a"]}"#);
    assert_eq!(refused.status, 502, "{}", refused.text());
    origin.set("a", &secret("newer"));
    assert_eq!(parameter(&extension, "a"), secret("newer"), "the local removal stays");
}

#[test]
fn with_a_stream_that_fails_it_serves_within_the_hard_bound() {
    let effects = [
        Effect::Throttle,
        Effect::Status(500),
        Effect::Status(503),
        Effect::Reset,
        Effect::Garbage,
        Effect::AccessDenied,
        Effect::Delay(Duration::from_secs(5)),
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    std::thread::scope(|scope| {
        for effect in effects {
            let double = runtime.block_on(Double::start(kinesis_double::Settings::default()));
            scope.spawn(move || suffer(&double, &effect));
        }
    });
}

fn suffer(double: &Double, effect: &Effect) {
    let what = format!("{effect:?}");
    double.kinesis(|kinesis, now| kinesis.create_stream(now, STREAM, 1)).expect("a stream");
    let origin = Origin::start();
    origin.set("a", &secret("old"));
    let extension = bounded(
        setup(origin.endpoint())
            .set("SNOWMELT_STREAM", STREAM)
            .set("AWS_ENDPOINT_URL_KINESIS", double.endpoint()),
    );
    // Caught up with a stream that works.
    let working = Instant::now();
    while working.elapsed() < Duration::from_millis(700) {
        assert_eq!(parameter(&extension, "a"), secret("old"), "{what}");
    }
    assert!(extension.stat("catch_ups_succeeded") > 0, "{what}");
    double.fault(FaultRule::everywhere(effect.clone()));
    // A catch-up that was under way may have succeeded.
    let as_of = Instant::now();
    origin.set("a", &secret("new"));
    put(double, &snowmelt(&["ssm/a"]));
    // An answer that is only late has been carried out: it tells of the change.
    let is_late = matches!(effect, Effect::Delay(_));
    if !is_late {
        old_until_the_hard_bound(&what, &extension, as_of);
    }
    double.clear_faults();
    origin.set("a", &secret("newer"));
    put(double, &snowmelt(&["ssm/a"]));
    let recovering = Instant::now();
    while parameter(&extension, "a") != secret("newer") {
        assert!(recovering.elapsed() < MAX_LAG + Duration::from_secs(1), "{what}: it does not recover");
    }
    assert_eq!(extension.stat("gaps"), 0, "{what}");
}

fn put(double: &Double, record: &Value) {
    let entry = PutEntry {
        data: record.to_string().into_bytes(),
        partition_key: "x".into(),
        explicit_hash_key: Some(0),
    };
    let put = double.kinesis(|kinesis, now| kinesis.put_records(now, STREAM, vec![entry]));
    put.expect("the stream is there").remove(0).expect("it takes it");
}

/// At its most talkative, as JSON, with everything going wrong at once.
#[test]
fn its_log_has_no_secret_whatever_happens() {
    let origin = Origin::start();
    origin.set("a", &secret("value"));
    let extension = setup(origin.endpoint())
        .set("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .set("SNOWMELT_STREAM", STREAM)
        .set("AWS_ENDPOINT_URL_KINESIS", nobody())
        .set("RUST_LOG", "trace")
        .start();
    for fault in [None, Some(Fault::Garbage), Some(Fault::Closed), Some(Fault::Denied)] {
        origin.fault(fault);
        ask(&extension, "a").iter().filter(|reply| reply.status != 200).for_each(|reply| {
            secrecy::check("an error", &reply.body);
        });
        let _stale = extension.aws().get("/secretsmanager/get?secretId=a&refreshNow=true");
        let _missing = ask(&extension, "b");
    }
    let mut client = extension.client();
    let value = secret("blob");
    assert_eq!(client.ask("PUT", "/cache/k", &[("Snowmelt-Tags", "t")], value.as_bytes()).status, 204);
    assert_eq!(client.get("/cache/k").ok(), value);
    let mut stranger = crate::client::Client::connect(extension.aws_port);
    stranger.headers = format!("X-Aws-Parameters-Secrets-Token: {}x\r\n", secrecy::TOKEN);
    assert_eq!(stranger.get("/ping").status, 401);
    wait_until("some lines", || extension.said().lines().count() > 5);
}
