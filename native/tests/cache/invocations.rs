//! The invocation guard and what it reports.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use snowmelt::{Begin, Builder, FillOutcome, Report};

use crate::support::{Effect, Sandbox, sandbox, sandbox_with};

type Lines = Arc<Mutex<Vec<String>>>;

fn reporting(report: Report) -> (Sandbox<u32>, Lines) {
    let lines = Lines::default();
    let sink = Arc::clone(&lines);
    let options = |builder: Builder<u32>| {
        builder.report(report).report_to(move |line| sink.lock().unwrap().push(line.into()))
    };
    (sandbox_with(options), lines)
}

async fn invoke(sandbox: &Sandbox<u32>) {
    let cache = &sandbox.cache;
    let load = || async {
        tokio::time::sleep(Duration::from_millis(40)).await;
        Ok::<_, String>(1)
    };
    cache.get_or_load("k", load).await.unwrap();
    cache.get_or_load("k", load).await.unwrap();
    cache.get("k").await.unwrap();
    sandbox.pass(3);
    sandbox.stream.always(Effect::Delay(Duration::from_millis(5)));
    let _invocation = cache.invocation().await;
    cache.get("k").await.unwrap();
    cache.get("k").await.unwrap();
    assert_eq!(cache.get("nothing").await, None);
    cache.get_or_load("other", load).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_json_line_for_each_invocation() {
    let (sandbox, lines) = reporting(Report::Json);
    invoke(&sandbox).await;
    let lines = lines.lock().unwrap();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(!line.contains('\n'));
    let report = &serde_json::from_str::<Value>(line).unwrap()["snowmelt"];
    assert!(report["stream"].as_str().unwrap().starts_with("memory:"), "{line}");
    for (name, value) in [("hits", 2), ("misses", 2), ("loads", 1), ("gaps", 0), ("catch_ups_missed", 0)] {
        assert_eq!(report[name], value, "{name} in {line}");
    }
    let millis = |name: &str| report[name].as_f64().unwrap();
    assert!((75.0..=90.0).contains(&millis("saved_ms")), "{line}");
    assert!((10.0..=30.0).contains(&millis("spent_ms")), "{line}");
    assert!((40.0..=70.0).contains(&millis("lag_ms")), "{line}");
    assert!(millis("took_ms") >= millis("spent_ms"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn cloudwatch_metrics() {
    let (sandbox, lines) = reporting(Report::Emf { namespace: "Shop/Cache".into() });
    invoke(&sandbox).await;
    let lines = lines.lock().unwrap();
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert!(line["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000);
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "Shop/Cache");
    for dimension in directive["Dimensions"][0].as_array().unwrap() {
        assert!(line[dimension.as_str().unwrap()].is_string());
    }
    let metrics = directive["Metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 6);
    for metric in metrics {
        assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
    }
    assert_eq!(line["Hits"], 2);
}

#[tokio::test(start_paused = true)]
async fn off_reports_nothing_and_finish_still_tells() {
    let (sandbox, lines) = reporting(Report::Off);
    sandbox.cache.insert("k", 1).unwrap();
    let invocation = sandbox.cache.invocation().await;
    sandbox.cache.get("k").await.unwrap();
    let report = invocation.finish();
    assert_eq!((report.hits, report.misses, report.lag), (1, 0, None));
    assert!(lines.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_catches_up_if_that_is_due() {
    let reader = sandbox::<u32>();
    let writer = reader.sibling();
    reader.cache.insert("k", 1).unwrap();
    reader.cache.insert("other", 1).unwrap();
    reader.clock.freeze(Duration::from_secs(30));
    writer.cache.invalidate("k").await.unwrap();
    let _invocation = reader.cache.invocation().await;
    assert_eq!((reader.cache.get_now("k"), reader.cache.get_now("other")), (None, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn once_in_each_invocation_is_once() {
    let reader = sandbox_with::<u32>(|builder| builder.catch_up_every(Duration::ZERO));
    reader.cache.insert("k", 1).unwrap();
    for calls in [3, 1, 1] {
        reader.pass(5);
        let _invocation = reader.cache.invocation().await;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(reader.cache.get("k").await, Some(1));
        }
        assert_eq!(reader.stream.take_calls().len(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn loads_that_an_earlier_invocation_left_behind_are_revoked() {
    let cache = sandbox::<u32>().cache;
    let first = cache.invocation().await;
    let Begin::Lead(left) = cache.begin("k").unwrap() else { panic!("nobody loads yet") };
    first.finish();
    let second = cache.invocation().await;
    assert!(matches!(cache.begin("k").unwrap(), Begin::Lead(_)));
    assert_eq!(left.fill(1), FillOutcome::Fenced);
    // Where invocations overlap, the others' loads are their own business.
    let Begin::Lead(lease) = cache.begin("k").unwrap() else { panic!("it was given up") };
    let _third = cache.invocation().await;
    assert_eq!(lease.fill(1), FillOutcome::Stored);
    drop(second);
}
