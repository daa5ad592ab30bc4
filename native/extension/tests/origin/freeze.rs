//! What a freeze of the sandbox does to calls and connections. The runtime has
//! one thread here: while that sleeps nothing runs, timers fall due, and the
//! service goes on, as in a freeze.

use std::time::Duration;

use super::support::{Double, Reply, options, origin, parameter, parameter_body, value};

const LIMIT: Duration = Duration::from_millis(600);
const FREEZE: Duration = Duration::from_millis(1_800);

fn freeze_soon() {
    tokio::spawn(async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        std::thread::sleep(FREEZE);
    });
}

/// The first request is answered so; the next as it should be.
async fn thaw_after(first: fn() -> Reply) -> Double {
    let double = Double::start(move |number, _| match number {
        0 => first(),
        _ => Reply::Answer(200, parameter_body("fine")),
    });
    let mut options = options(double.endpoint());
    options.parameter_timeout = LIMIT;
    let origin = origin(options);
    freeze_soon();
    let found = value(&origin, parameter("/a")).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(found.as_deref(), Some("fine"));
    double
}

#[tokio::test]
async fn a_call_whose_answer_never_comes_is_made_anew_on_a_new_connection() {
    let double = thaw_after(|| Reply::Never).await;
    assert_eq!((double.requests(), double.connections()), (2, 2));
}

#[tokio::test]
async fn a_call_whose_connection_was_closed_meanwhile_is_made_anew() {
    thaw_after(|| {
        std::thread::sleep(FREEZE / 2);
        Reply::Close
    })
    .await;
}

/// Signed before the freeze, arrived after it.
#[tokio::test]
async fn a_call_whose_signature_is_too_old_is_made_anew() {
    thaw_after(|| {
        let body = super::support::refusal("InvalidSignatureException", "Signature expired");
        Reply::Late(FREEZE / 2, 403, body)
    })
    .await;
}

/// It is as old as the freeze, and who came after that may wait for the call.
#[tokio::test]
async fn an_answer_that_came_during_the_freeze_is_asked_for_again() {
    let double = thaw_after(|| Reply::Late(FREEZE / 2, 200, parameter_body("old"))).await;
    assert_eq!(double.requests(), 2);
}

#[tokio::test]
async fn connections_that_idled_are_not_used_again() {
    let double = Double::start(|_, _| Reply::Answer(200, parameter_body("fine")));
    let origin = double.origin();
    for _ in 0..2 {
        value(&origin, parameter("/a")).await.unwrap();
    }
    assert_eq!(double.connections(), 1);
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    value(&origin, parameter("/a")).await.unwrap();
    assert_eq!((double.connections(), double.requests()), (2, 3));
}
