//! What can be built, and what is said of the rest.

use std::time::Duration;

use snowmelt::{BuildError, Cache, FollowerHandle, Invocation, Lease};

fn error(stream: &str) -> String {
    Cache::<u32>::builder().stream(stream).region("eu-west-1").build().unwrap_err().to_string()
}

#[test]
fn a_stream_has_to_be_given() {
    assert!(
        matches!(Cache::<u32>::builder().build(), Err(BuildError::Option(error)) if error.option == "stream")
    );
    for nothing in ["", " ", "undefined", "null", "None", "memory:undefined", "memory:None"] {
        let error = error(nothing);
        assert!(error.contains("environment variable that is not set"), "{error}");
        assert!(error.contains("`none`") && error.contains("memory:NAME"), "{error}");
    }
    assert!(error("no spaces, please").contains("neither the name nor the ARN"));
}

#[test]
fn options_are_checked_and_named() {
    let cache = Cache::<u32>::builder().stream("none").catch_up_every(Duration::from_secs(60)).build();
    let error = cache.unwrap_err();
    assert!(matches!(&error, BuildError::Option(option) if option.option == "catch_up_every"), "{error}");
    let cache = Cache::<u32>::builder().stream("none").segments(3).build();
    assert!(cache.unwrap_err().to_string().contains("power of two"));
    for entries in [1, 2, 255, 256, 10_000, 1 << 20] {
        Cache::<u32>::builder().stream("none").max_entries(entries).max_leases(1).build().unwrap();
    }
}

#[test]
fn kinesis_needs_no_io_to_be_built() {
    let builder = Cache::<u32>::builder().region("eu-west-1").endpoint("http://127.0.0.1:1");
    let cache = builder.stream("orders").build().unwrap();
    assert!(format!("{cache:?}").contains("orders"));
}

#[test]
fn handles_can_go_anywhere() {
    fn everywhere<T: Send + Sync + 'static>() {}
    everywhere::<Cache<String>>();
    everywhere::<Lease<String>>();
    everywhere::<Invocation<String>>();
    everywhere::<FollowerHandle>();
    everywhere::<BuildError>();
}

#[test]
fn bounds_and_books() {
    let builder = Cache::<String>::builder().stream("none").segments(1).max_entries(100).max_weight(50);
    let cache = builder.weigher(|_, value| u32::try_from(value.len()).unwrap()).build().unwrap();
    for n in 0..1000 {
        cache.insert(format!("k{n}"), "12345".to_owned()).unwrap();
        assert!(cache.weight() <= 50 && cache.len() <= 10);
    }
    assert!(!cache.is_empty() && cache.keys().len() == cache.len());
    cache.validate();
    cache.clear();
    assert_eq!((cache.len(), cache.weight(), cache.stats().entries), (0, 0, 0));
}
