//! What the stream names is dropped, in every variant.

use std::time::Duration;

use snowmelt::Invalidation;
use snowmelt_extension::answers::{Form, How, Wanted};
use snowmelt_extension::origin::{Ask, Attribute, Fetched};

use crate::support::{World, item, item_ask, parameter, secret, text};

const PARAMETER: &str = "/systemsmanager/parameters/get?name=";
const PARAMETER_ARN: &str = "arn:aws:ssm:us-east-1:123456789012:parameter/a/b";
const SECRET: &str = "/secretsmanager/get?secretId=";
const SECRET_ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-1QmcxB";

/// Reads what `uris` say, invalidates, and sees that all are gone.
async fn all_dropped_by(world: &World, uris: &[String], what: impl Into<Invalidation>) {
    let before = world.fake.calls();
    for uri in uris {
        world.aws(uri).await;
        assert!(world.aws_hits(uri), "{uri} is not cached");
    }
    assert_eq!(world.fake.calls() - before, uris.len(), "some share an entry");
    let what = what.into();
    world.invalidate(what.clone()).await;
    for uri in uris {
        assert!(!world.aws_hits(uri), "{uri} was not dropped by {what:?}");
    }
}

#[tokio::test]
async fn a_parameter_goes_in_all_its_variants_by_each_of_its_names() {
    let world = World::new();
    world.fake.set("/a/b", parameter("/a/b", "1"));
    world.fake.set(PARAMETER_ARN, parameter("/a/b", "1"));
    world.fake.set("/a", parameter("/a", "1"));
    let variants =
        ["/a/b", "/a/b:3", "/a/b:live", "/a/b&version=4", "/a/b&withDecryption=true"].map(String::from);
    let uris: Vec<_> =
        variants.into_iter().chain([PARAMETER_ARN.into()]).map(|name| format!("{PARAMETER}{name}")).collect();
    let other = format!("{PARAMETER}/a");
    world.aws(&other).await;
    all_dropped_by(&world, &uris, "ssm/%2Fa%2Fb").await;
    // The entry asked for by its ARN has the real name too, and the others have
    // the ARN.
    let arn_key = "ssm/arn%3Aaws%3Assm%3Aus-east-1%3A123456789012%3Aparameter%2Fa%2Fb";
    all_dropped_by(&world, &uris, arn_key).await;
    all_dropped_by(&world, &uris[..5], Invalidation::prefixes(["ssm/%2Fa%2F"])).await;
    assert!(world.aws_hits(&other));
}

/// A lane is one shard, and services write to any: with lanes there are no
/// sources, which the core would refuse.
#[tokio::test]
async fn with_lanes_only_what_caches_write_drops() {
    let world = World::with(|settings| settings.config.lanes = Some(4));
    world.fake.set("/a/b", parameter("/a/b", "1"));
    all_dropped_by(&world, &[format!("{PARAMETER}/a/b")], "ssm/%2Fa%2Fb").await;
}

#[tokio::test]
async fn both_contracts_lose_a_parameter() {
    let world = World::new();
    world.fake.set("a", parameter("a", "1"));
    world.demo("/parameters?name=a").await;
    world.aws(&format!("{PARAMETER}a")).await;
    assert_eq!(world.answers.cache().len(), 2);
    world.fake.set("a", parameter("a", "2"));
    world.invalidate("ssm/a").await;
    assert_eq!(text(&world.demo("/parameters?name=a").await), "2");
    assert!(text(&world.aws(&format!("{PARAMETER}a")).await).contains(r#""Value":"2""#));
}

#[tokio::test]
async fn a_secret_goes_by_its_name_its_arn_and_what_was_asked_for() {
    let world = World::new();
    let partial = SECRET_ARN.trim_end_matches("-1QmcxB");
    for id in ["db", SECRET_ARN, partial] {
        world.fake.set(id, secret("db", "1"));
    }
    let ids = ["db", SECRET_ARN, partial, "db&versionStage=AWSPREVIOUS", "db&versionId=v1"];
    let uris = ids.map(|id| format!("{SECRET}{id}"));
    all_dropped_by(&world, &uris, "secretsmanager/db").await;
    let arn_key = "secretsmanager/arn%3Aaws%3Asecretsmanager%3Aus-east-1%3A123456789012%3Asecret%3Adb-1QmcxB";
    all_dropped_by(&world, &uris, arn_key).await;
    let partial_key = arn_key.trim_end_matches("-1QmcxB");
    all_dropped_by(&world, &uris[2..3], partial_key).await;
}

#[tokio::test]
async fn a_parameter_that_stands_for_a_secret_goes_with_the_secret() {
    let world = World::new();
    let name = "/aws/reference/secretsmanager/db";
    let Fetched::Parameter(mut reference) = parameter(name, "1") else { unreachable!() };
    reference.source_result = Some(format!(r#"{{"ARN":"{SECRET_ARN}","Name":"db","SecretString":"1"}}"#));
    world.fake.set(name, Fetched::Parameter(reference));
    let uris = [format!("{PARAMETER}{name}&withDecryption=true")];
    for key in ["secretsmanager/db", "ssm/%2Faws%2Freference%2Fsecretsmanager%2Fdb"] {
        all_dropped_by(&world, &uris, key).await;
    }
    let arn_key = "secretsmanager/arn%3Aaws%3Asecretsmanager%3Aus-east-1%3A123456789012%3Asecret%3Adb-1QmcxB";
    all_dropped_by(&world, &uris, arn_key).await;
}

#[tokio::test]
async fn an_item_goes_in_both_forms_by_its_own_key_too() {
    let world = World::new();
    world.fake.set("numbers-1.0", item(&[("pk", Attribute::Number("1".into()))]));
    let how = How { refresh_now: false, ttl: Duration::from_secs(60) };
    let whats = [
        "dynamodb/numbers/1".into(),
        "dynamodb/numbers/1.0".into(),
        Invalidation::prefixes(["dynamodb/numbers/"]),
    ];
    for what in whats {
        for form in [Form::Item, Form::TypedItem] {
            let wanted = Wanted::new(Ask::Item(item_ask("numbers", "1.0")), form, how);
            assert!(world.read(&wanted).await.unwrap().is_some());
        }
        assert_eq!(world.answers.cache().len(), 2);
        world.invalidate(what).await;
        assert_eq!(world.answers.cache().len(), 0);
    }
}

#[tokio::test]
async fn a_change_of_an_item_is_read_off_the_stream() {
    let world = World::new();
    let uris = [
        "/dynamodb?name=numbers@@1.0",
        "/dynamodb?name=numbers@@1&format=dynamodb",
        "/dynamodb?name=users-7",
    ];
    world.fake.set("users-7", item(&[("pk", Attribute::String("7".into()))]));
    world.fake.set("numbers-1", item(&[("pk", Attribute::Number("1".into())), ("n", Attribute::Null)]));
    for uri in uris {
        assert_eq!(world.demo(uri).await.status(), 200, "{uri}");
    }
    let change = r#"{"awsRegion":"us-east-1","eventID":"1","eventName":"MODIFY","recordFormat":"application/json",
        "tableName":"numbers","dynamodb":{"ApproximateCreationDateTime":1790000000000,"Keys":{"pk":{"N":"1"}},
        "NewImage":{"pk":{"N":"1"}},"SizeBytes":4},"eventSource":"aws:dynamodb"}"#;
    world.put(change).await;
    world.fake.set("numbers-1", item(&[("pk", Attribute::Number("1".into())), ("n", Attribute::Bool(true))]));
    assert_eq!(text(&world.demo(uris[0]).await), r#"{"n":true,"pk":1}"#);
    assert_eq!(text(&world.demo(uris[1]).await), r#"{"n":{"BOOL":true},"pk":{"N":"1"}}"#);
    assert_eq!(text(&world.demo(uris[2]).await), r#"{"pk":"7"}"#);
    assert_eq!(world.fake.calls(), 5);
}

#[tokio::test]
async fn what_eventbridge_says_is_read_off_the_stream() {
    let world = World::new();
    world.fake.set("/a/b", parameter("/a/b", "1"));
    world.fake.set("db", secret("db", "1"));
    let (label, stage) = (format!("{PARAMETER}/a/b:live"), format!("{SECRET}db&versionStage=AWSCURRENT"));
    for uri in [&label, &stage] {
        world.aws(uri).await;
    }
    let head = r#""version":"0","id":"1","account":"123456789012","time":"2026-05-22T16:43:48Z","region":"us-east-1""#;
    let labelled = r#""detail-type":"Parameter Store Change","source":"aws.ssm","detail":{"operation":"LabelParameterVersion",
        "name":"/a/b","type":"String"}"#;
    world.put(&format!("{{{head},{labelled}}}")).await;
    assert!(!world.aws_hits(&label) && world.aws_hits(&stage));
    let rotated = r#""detail-type":"AWS API Call via CloudTrail","source":"aws.secretsmanager","detail":{
        "eventSource":"secretsmanager.amazonaws.com","eventName":"PutSecretValue","requestParameters":{"secretId":"db"}}"#;
    world.put(&format!("{{{head},{rotated}}}")).await;
    assert!(!world.aws_hits(&stage));
}

#[tokio::test]
async fn a_load_is_fenced_by_names_that_it_learns_at_its_end() {
    let world = World::new();
    let partial = SECRET_ARN.trim_end_matches("-1QmcxB");
    world.fake.set(partial, secret("db", "old"));
    let uri = format!("{SECRET}{partial}");
    world.fake.block().await;
    let read = async { text(&world.aws(&uri).await).to_owned() };
    let meanwhile = async {
        world.fake.called(1).await;
        world.fake.set(partial, secret("db", "new"));
        // By its name, which nobody asked for.
        world.invalidate("secretsmanager/db").await;
        world.fake.unblock();
    };
    let (old, ()) = tokio::join!(read, meanwhile);
    assert!(old.contains("old"), "{old}");
    assert!(!world.aws_hits(&uri), "a stale value was stored");
    assert!(text(&world.aws(&uri).await).contains("new"));
    assert!(world.aws_hits(&uri));
}
