//! How much is kept.

use std::time::Duration;

use crate::support::{World, parameter, secret};

fn parameter_uri(name: impl std::fmt::Display) -> String {
    format!("/systemsmanager/parameters/get?name={name}")
}

#[tokio::test]
async fn parameters_and_secrets_are_bounded_together() {
    let world = World::with(|settings| settings.aws.size = 3);
    world.fake.set("db", secret("db", "1"));
    for name in 0..10 {
        world.fake.set(&format!("p{name}"), parameter(&format!("p{name}"), "1"));
    }
    let db = "/secretsmanager/get?secretId=db";
    world.aws(db).await;
    for name in 0..10 {
        world.aws(&parameter_uri(format!("p{name}"))).await;
        // It is used all the time.
        assert!(world.aws_hits(db), "p{name}");
        assert!(world.answers.cache().len() <= 3);
        world.answers.cache().validate();
    }
    assert_eq!(world.answers.cache().len(), 3);
    assert!(world.aws_hits(&parameter_uri("p9")) && world.aws_hits(&parameter_uri("p8")));
    assert!(!world.aws_hits(&parameter_uri("p7")));
}

#[tokio::test]
async fn what_was_invalidated_makes_room() {
    let world = World::with(|settings| settings.aws.size = 2);
    for name in ["a", "b", "c"] {
        world.fake.set(name, parameter(name, "1"));
    }
    world.aws(&parameter_uri("a")).await;
    world.aws(&parameter_uri("b")).await;
    world.invalidate("ssm/b").await;
    world.aws(&parameter_uri("c")).await;
    assert!(world.aws_hits(&parameter_uri("a")) && world.aws_hits(&parameter_uri("c")));
    // A refresh takes no room but its own.
    world.aws(&format!("{}&refreshNow=true", parameter_uri("a"))).await;
    assert!(world.aws_hits(&parameter_uri("a")) && world.aws_hits(&parameter_uri("c")));
}

#[tokio::test]
async fn items_are_not_counted_with_them() {
    let world = World::with(|settings| settings.aws.size = 1);
    let attribute = |n: usize| snowmelt_extension::origin::Attribute::Number(n.to_string());
    for n in 0..5 {
        world.fake.set(&format!("users-{n}"), crate::support::item(&[("pk", attribute(n))]));
        world.demo(&format!("/dynamodb?name=users-{n}")).await;
    }
    assert_eq!(world.answers.cache().len(), 5);
}

#[tokio::test]
async fn what_is_switched_off_is_never_kept() {
    for case in ["enabled", "size", "ttl"] {
        let world = World::with(|settings| match case {
            "enabled" => settings.aws.enabled = false,
            "size" => settings.aws.size = 0,
            _ => settings.aws.parameter_ttl = Duration::ZERO,
        });
        world.fake.set("a", parameter("a", "1"));
        for call in 1..=3 {
            assert_eq!(world.aws(&parameter_uri("a")).await.status(), 200);
            assert_eq!((world.fake.calls(), world.answers.cache().len()), (call, 0), "{case}");
        }
        world.aws(&format!("{}&refreshNow=true", parameter_uri("a"))).await;
        assert_eq!(world.fake.calls(), 4);
    }
}

#[tokio::test]
async fn the_whole_cache_is_bounded_in_entries_and_bytes() {
    let world = World::with(|settings| {
        (settings.config.max_entries, settings.config.max_weight) = (8, 4000);
    });
    for name in 0..20 {
        let name = format!("p{name}");
        world.fake.set(&name, parameter(&name, &"x".repeat(1000)));
        world.demo(&format!("/parameters?name={name}")).await;
        assert!(world.answers.cache().len() <= 3 && world.answers.cache().weight() <= 4000);
    }
    // Of the body, its type and the key, `ssm/p19` and what tells it from its variants.
    let weight = world.answers.cache().weight();
    assert!((3 * 1032..=3 * 1045).contains(&weight), "{weight}");
    world.fake.set("big", parameter("big", &"x".repeat(5000)));
    assert_eq!(world.demo("/parameters?name=big").await.body().len(), 5000);
    assert!(world.answers.cache().weight() <= 4000);
    for name in 0..20 {
        let name = format!("s{name}");
        world.fake.set(&name, parameter(&name, "1"));
        world.demo(&format!("/parameters?name={name}")).await;
        assert!(world.answers.cache().len() <= 8);
    }
}
