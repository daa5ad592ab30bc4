//! A sandbox is frozen for longer than any bound, and the first read comes
//! before the extension has heard of an invocation.

use std::time::Duration;

use test_servers::{Moto, json};

use crate::extension::{Extension, Setup};
use crate::records::{item_change, parameter_store_change, put_secret_value, snowmelt};
use crate::secrecy::secret;
use crate::world::{self, parameter, stream};

/// Longer than `SNOWMELT_CATCH_UP_EVERY` and the shorter lifetimes.
const FREEZE: Duration = Duration::from_millis(250);
const ROUNDS: u32 = 20;

const TABLE: &str = "dynamodb:\n  - table: freezing\n    hashKey: id\n    hashKeyType: S\n";

fn put(extension: &Extension, key: &str, headers: &[(&str, &str)], value: &str) {
    let put = extension.client().ask("PUT", &format!("/cache/{key}"), headers, value.as_bytes());
    assert_eq!(put.status, 204, "{put:?}");
}

/// What is known of everything after round `round`.
fn known(extension: &Extension) -> [String; 3] {
    let item = extension.client().get("/dynamodb?name=freezing@@7");
    let item: test_servers::Value = serde_json::from_str(item.ok()).expect("JSON");
    [
        parameter(extension, "/freezing"),
        world::secret(extension, "freezing"),
        item["value"].as_str().expect("a text").to_owned(),
    ]
}

#[test]
fn no_read_after_a_freeze_is_stale() {
    let (moto, stream) = (Moto::shared(), stream("freezing"));
    let change = |round: u32| {
        let value = secret(round);
        moto.put_parameter("/freezing", "SecureString", &value);
        moto.put_secret_value("freezing", &value);
        moto.put_item("freezing", &json!({"id": {"S": "7"}, "value": {"S": value}}));
    };
    let (arn, _) = moto.create_secret("freezing", &secret("none"));
    moto.create_table("freezing", &[("id", "S")]);
    change(0);
    let extension =
        Setup::new(stream.name).set("SNOWMELT_CATCH_UP_EVERY", "100ms").file("cache.yaml", TABLE).start();
    for round in 1..=ROUNDS {
        assert_eq!(known(&extension), [(); 3].map(|()| secret(round - 1)));
        put(&extension, "any", &[], &secret(round));
        put(&extension, "kept", &[], &secret(round));
        put(&extension, "short", &[("Snowmelt-TTL", "200ms")], &secret(round));
        extension.freeze();
        change(round);
        stream.put_all(&[
            parameter_store_change("/freezing", "Update"),
            put_secret_value("freezing", &arn),
            item_change("freezing", "MODIFY", &json!({"id": {"S": "7"}})),
            snowmelt(&["any"]),
        ]);
        std::thread::sleep(FREEZE);
        let loads = thawed_loads(&extension, round);
        assert_eq!(loads, 3, "what was not told of is still there, and nothing is loaded twice");
        extension.invoke();
    }
    assert_eq!(extension.stat("gaps"), 0);
}

/// Thaws, and reads everything before the invocation is told of; each read is
/// the first in its turn, over a connection that was open before the freeze or
/// not. How many loads that took.
fn thawed_loads(extension: &Extension, round: u32) -> u64 {
    extension.thaw();
    let new = secret(round);
    let any = || assert_eq!(extension.client().get("/cache/any").status, 404, "round {round}");
    let expired = || assert_eq!(extension.client().get("/cache/short").status, 404, "round {round}");
    let all = || assert_eq!(known(extension), [(); 3].map(|()| new.clone()), "round {round}");
    let kept = || assert_eq!(extension.client().get("/cache/kept").ok(), new, "round {round}");
    let before = u64::from(round) * 3;
    match round % 3 {
        0 => (any(), expired(), all(), kept()),
        1 => (expired(), all(), kept(), any()),
        _ => (all(), kept(), any(), expired()),
    };
    extension.stat("loads") - before
}

/// What is asked while the sandbox is frozen waits in its socket, and is
/// answered by what is true after the thaw.
#[test]
fn what_was_asked_in_a_freeze_is_answered_after_it_and_new() {
    let (moto, stream) = (Moto::shared(), stream("asked-in-a-freeze"));
    moto.put_parameter("/freezing/asked", "String", "old");
    let extension = Setup::new(stream.name).set("SNOWMELT_CATCH_UP_EVERY", "50ms").start();
    assert_eq!(parameter(&extension, "/freezing/asked"), "old");
    std::thread::scope(|scope| {
        extension.freeze();
        let asked = [(); 4].map(|()| scope.spawn(|| parameter(&extension, "/freezing/asked")));
        std::thread::sleep(Duration::from_millis(100));
        moto.put_parameter("/freezing/asked", "String", "new");
        stream.put(&parameter_store_change("/freezing/asked", "Update"));
        extension.thaw();
        for answer in asked {
            assert_eq!(answer.join().expect("an answer"), "new");
        }
    });
}

/// The call to the origin is on its way while the sandbox freezes, and what it
/// brings has changed since: it may be answered, and is not kept.
#[test]
fn a_load_that_a_freeze_cut_in_two_is_not_kept() {
    use crate::origin::Origin;
    let stream = stream("cut-in-two");
    let origin = Origin::start();
    origin.set("cut", "old");
    let extension = Setup::new(stream.name)
        .set("SNOWMELT_CATCH_UP_EVERY", "50ms")
        .set("AWS_ENDPOINT_URL", origin.endpoint())
        .start();
    origin.slow(Duration::from_millis(150));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| parameter(&extension, "cut"));
        crate::extension::wait_until("the call", || origin.calls("cut") == 1);
        extension.freeze();
        origin.set("cut", "new");
        stream.put(&parameter_store_change("cut", "Update"));
        std::thread::sleep(Duration::from_millis(300));
        extension.thaw();
        let answer = first.join().expect("an answer");
        assert!(matches!(&*answer, "old" | "new"), "{answer}");
        assert_eq!(parameter(&extension, "cut"), "new");
    });
}
