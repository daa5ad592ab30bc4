//! Each contract from end to end, with the demo's and its fork's own files.

use std::sync::OnceLock;
use std::time::Duration;

use test_servers::{Moto, Value, json};

use crate::client::Reply;
use crate::extension::{Extension, Setup, wait_until};
use crate::secrecy::{self, secret};

const DEMO: &str = include_str!("../../src/settings/files/fixtures/demo.yaml");
const FORK: &str = include_str!("../../src/settings/files/fixtures/fork.yaml");

fn get(extension: &Extension, target: &str) -> Reply {
    extension.client().get(target)
}

/// What the demo's documentation has in AWS.
fn demo_origins() {
    let moto = Moto::shared();
    moto.put_parameter_in("us-west-2", "CacheExtensions_Parameter1", "SecureString", &secret("Parameter1"));
    moto.create_table("DynamoDbTable", &[("pKey", "S"), ("sKey", "S")]);
    moto.put_item(
        "DynamoDbTable",
        &json!({"pKey": {"S": "pKey1"}, "sKey": {"S": "sKey1"}, "Data": {"S": secret("item")}}),
    );
}

#[test]
fn contract_1_with_the_demos_own_file() {
    demo_origins();
    let extension = Setup::new("none").file("config.yaml", DEMO).start();
    let first = get(&extension, "/parameters?name=CacheExtensions_Parameter1");
    assert_eq!(first.ok(), secret("Parameter1"), "from the region that the file says");
    assert_eq!(first.headers["content-type"], "text/plain; charset=utf-8");
    let item = get(&extension, "/dynamodb?name=DynamoDbTable-pKey1-sKey1");
    assert_eq!(item.json(), json!({"pKey": "pKey1", "sKey": "sKey1", "Data": secret("item")}));
    assert_eq!(item.headers["content-type"], "application/json");
    let typed = get(&extension, "/dynamodb?name=DynamoDbTable-pKey1-sKey1&format=dynamodb").json();
    assert_eq!(typed["Data"], json!({"S": secret("item")}));
}

#[test]
fn contract_1_of_what_is_not_listed() {
    let moto = Moto::shared();
    let extension = Setup::new("none").file("config.yaml", DEMO).start();
    // Whoever asks here shows no token, and a parameter can be a secret.
    moto.put_parameter("/contracts/unlisted", "SecureString", &secret("unlisted"));
    let unlisted = get(&extension, "/parameters?name=/contracts/unlisted");
    assert_eq!((unlisted.status, unlisted.code().as_str()), (404, "NotFound"));
    let unlisted = get(&extension, "/dynamodb?name=DynamoDbTable-pKey1-sKey2");
    assert_eq!((unlisted.status, unlisted.code().as_str()), (404, "NotFound"));
    for target in ["/parameters", "/dynamodb?name=", "/parameters?name=%FF", "/dynamodb?name=a&format=xml"] {
        let bad = get(&extension, target);
        assert_eq!((bad.status, bad.code().as_str()), (400, "BadRequest"), "{target}");
    }
    let posted = extension.client().ask("POST", "/parameters?name=a", &[], b"");
    assert_eq!((posted.status, posted.headers["allow"].as_str()), (405, "GET, HEAD"));
    assert_eq!(get(&extension, "/none").status, 404);
}

#[test]
fn names_are_percent_encoded_or_as_they_are() {
    Moto::shared().put_parameter("/contracts/a b+ü", "StringList", "x,y");
    let file = "parameters:\n  - names: ['/contracts/a b+ü', /contracts/gone]\n";
    let extension = Setup::new("none").file("config.yaml", file).start();
    for name in ["/contracts/a%20b%2B%C3%BC", "%2Fcontracts%2Fa+b%2B%c3%bc"] {
        assert_eq!(get(&extension, &format!("/parameters?name={name}")).ok(), "x,y", "{name}");
    }
    assert_eq!(get(&extension, "/parameters?name=/contracts/gone").status, 404);
}

#[test]
fn a_parameter_that_stands_for_a_secret() {
    let moto = Moto::shared();
    moto.create_secret_in("us-west-2", "secret_info", &json!({"SecretString": secret("info")}));
    let name = "/aws/reference/secretsmanager/secret_info";
    let file = format!("parameters:\n  - region: us-west-2\n    names: [{name}]\n");
    let extension = Setup::new("none").file("config.yaml", file).start();
    assert_eq!(get(&extension, &format!("/parameters?name={name}")).ok(), secret("info"));
}

#[test]
fn the_demos_words_for_what_is_not_there() {
    let extension = Setup::new("none").set("SNOWMELT_COMPAT", "demo").start();
    for target in ["/parameters?name=/contracts/none", "/dynamodb?name=a-b", "/parameters", "/none"] {
        assert_eq!(get(&extension, target).ok(), "No data found", "{target}");
    }
}

/// Tables as the fork's file describes them.
fn fork_origins() {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        let moto = Moto::shared();
        moto.create_table("users", &[("id", "S")]);
        moto.create_table("orders", &[("customer", "S"), ("number", "N")]);
        moto.create_table("visits", &[("day", "B")]);
        moto.put_item("users", &json!({"id": {"S": "ü@/ 7"}, "name": {"S": "Ada"}}));
        moto.put_item("visits", &json!({"day": {"B": "+/8="}, "count": {"N": "3"}}));
        moto.put_item(
            "orders",
            &json!({
                "customer": {"S": "ada"}, "number": {"N": "7"},
                "total": {"N": "12345678901234567890123456789.012345678"},
                "tags": {"SS": ["a", "b"]}, "raw": {"B": "AAE="}, "open": {"BOOL": true}, "note": {"NULL": true},
                "lines": {"L": [{"M": {"sku": {"S": "x"}, "n": {"N": "-0.5"}}}]},
            }),
        );
    });
}

#[test]
fn contract_2_with_the_forks_own_file() {
    fork_origins();
    let extension = Setup::new("none").file("cache.yaml", FORK).start();
    for name in ["users@@%C3%BC@/+7", "users%40%40%C3%BC%40%2F%207"] {
        let user = get(&extension, &format!("/dynamodb?name={name}"));
        assert_eq!(user.ok(), r#"{"id":"ü@/ 7","name":"Ada"}"#, "{name}");
    }
    // Its key is what DescribeTable tells.
    assert_eq!(get(&extension, "/dynamodb?name=visits@@%2B/8=").ok(), r#"{"count":3,"day":"+/8="}"#);
    for (name, status) in [
        ("users@@none", 404),
        ("strangers@@7", 404),
        ("orders@@ada", 400),
        ("orders@@ada@@x", 400),
        ("users@@7@@8", 400),
        ("visits@@!", 400),
    ] {
        assert_eq!(get(&extension, &format!("/dynamodb?name={name}")).status, status, "{name}");
    }
}

#[test]
fn items_as_json_have_every_type() {
    fork_origins();
    let extension = Setup::new("none").file("cache.yaml", FORK).start();
    let order = get(&extension, "/dynamodb?name=orders@@ada@@7.0");
    for part in [
        r#""total":12345678901234567890123456789.012345678"#,
        r#""tags":["a","b"]"#,
        r#""raw":"AAE=""#,
        r#""open":true"#,
        r#""note":null"#,
        r#""lines":[{"n":-0.5,"sku":"x"}]"#,
    ] {
        assert!(order.ok().contains(part), "{part} is not in {}", order.text());
    }
    let typed = get(&extension, "/dynamodb?name=orders@@ada@@7&format=dynamodb").json();
    assert_eq!(typed["lines"], json!({"L": [{"M": {"sku": {"S": "x"}, "n": {"N": "-0.5"}}}]}));
}

#[test]
fn contract_3_parameters() {
    let moto = Moto::shared();
    let first = moto.put_parameter("/contracts/aws", "SecureString", &secret("first"));
    moto.label_parameter("/contracts/aws", first, "live");
    moto.put_parameter("/contracts/aws", "SecureString", &secret("second"));
    let arn = moto.parameter_arn("us-east-1", "/contracts/aws");
    let extension = Setup::new("none").start();
    let mut aws = extension.aws();
    let mut read = |query: &str| {
        let reply = aws.get(&format!("/systemsmanager/parameters/get?{query}"));
        let json: Value = serde_json::from_str(reply.ok()).expect("JSON");
        assert_eq!(json["ResultMetadata"], json!({}));
        json["Parameter"].clone()
    };
    let whole = read("name=%2Fcontracts%2Faws&withDecryption=true");
    assert_eq!((&whole["ARN"], &whole["Name"]), (&json!(arn), &json!("/contracts/aws")));
    assert_eq!((&whole["Type"], &whole["Version"]), (&json!("SecureString"), &json!(2)));
    assert!(whole["LastModifiedDate"].as_str().is_some_and(|date| date.ends_with('Z')), "{whole}");
    assert!(whole.as_object().is_some_and(|fields| fields["SourceResult"].is_null()), "{whole}");
    for (query, value) in [
        ("name=/contracts/aws&withDecryption=true", "second"),
        ("name=/contracts/aws&withDecryption=true&version=1", "first"),
        ("name=/contracts/aws&withDecryption=true&label=live", "first"),
        ("name=/contracts/aws:1&withDecryption=1", "first"),
        ("name=/contracts/aws:live&withDecryption=T", "first"),
        (&*format!("name={arn}&withDecryption=true"), "second"),
    ] {
        assert_eq!(read(query)["Value"], secret(value), "{query}");
    }
    assert_ne!(read("name=/contracts/aws")["Value"], secret("second"), "without withDecryption");
}

#[test]
fn contract_3_says_what_is_wrong_as_the_services_do() {
    Moto::shared().put_parameter("/contracts/wrong", "String", "1");
    let extension = Setup::new("none").start();
    for (query, status, code) in [
        ("", 400, "ValidationException"),
        ("name=/contracts/wrong&version=x", 400, "ValidationException"),
        ("name=/contracts/wrong&withDecryption=maybe", 400, "ValidationException"),
        ("name=/contracts/none", 400, "ParameterNotFound"),
        ("name=/contracts/wrong&version=9", 400, "ParameterVersionNotFound"),
    ] {
        let reply = extension.aws().get(&format!("/systemsmanager/parameters/get?{query}"));
        assert_eq!((reply.status, reply.json()["__type"].as_str()), (status, Some(code)), "{query}");
    }
}

#[test]
fn contract_3_secrets() {
    let moto = Moto::shared();
    let (arn, first) = moto.create_secret("contracts/db", &secret("first"));
    let second = moto.put_secret_value("contracts/db", &secret("second"));
    moto.create_secret_in("us-east-1", "contracts/bin", &json!({"SecretBinary": "AAEC"}));
    let extension = Setup::new("none").start();
    let mut aws = extension.aws();
    let mut read = |query: &str| {
        let reply = aws.get(&format!("/secretsmanager/get?{query}"));
        serde_json::from_str::<Value>(reply.ok()).expect("JSON")
    };
    let whole = read("secretId=contracts%2Fdb");
    assert_eq!((&whole["ARN"], &whole["Name"]), (&json!(arn), &json!("contracts/db")));
    assert_eq!((&whole["VersionId"], &whole["VersionStages"]), (&json!(second), &json!(["AWSCURRENT"])));
    assert!(whole.as_object().is_some_and(|fields| fields["SecretBinary"].is_null()), "{whole}");
    for (query, value) in [
        (format!("secretId={arn}"), "second"),
        ("secretId=contracts/db&versionStage=AWSPREVIOUS".to_owned(), "first"),
        (format!("secretId=contracts/db&versionId={first}"), "first"),
    ] {
        assert_eq!(read(&query)["SecretString"], secret(value), "{query}");
    }
    let binary = read("secretId=contracts/bin");
    assert_eq!((&binary["SecretBinary"], &binary["SecretString"]), (&json!("AAEC"), &Value::Null));
    let none = extension.aws().get("/secretsmanager/get?secretId=contracts/none");
    assert_eq!((none.status, none.json()["__type"].as_str()), (400, Some("ResourceNotFoundException")));

    // A refresh goes by the cache, and into it.
    moto.put_secret_value("contracts/db", &secret("third"));
    assert_eq!(read("secretId=contracts/db")["SecretString"], secret("second"), "cached");
    assert_eq!(read("secretId=contracts/db&refreshNow=true")["SecretString"], secret("third"));
    assert_eq!(read("secretId=contracts/db")["SecretString"], secret("third"));
    assert_eq!(extension.aws().get("/ping").ok(), "healthy");
}

#[test]
fn contract_4_makes_one_caller_the_loader() {
    let extension = Setup::new("memory:contracts").start();
    let mut client = extension.client();
    assert_eq!(client.get("/cache/a/b%20c").code(), "Miss");
    let lease = client.get("/cache/a/b%20c?wait").headers["snowmelt-lease"].clone();
    let waiting = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| extension.client().get("/cache/a/b%20c?wait"));
        std::thread::sleep(Duration::from_millis(100));
        let headers = [("Snowmelt-Lease", &*lease), ("Content-Type", "text/x"), ("Snowmelt-Tags", "t%3A1")];
        let put = client.ask("PUT", "/cache/a/b%20c", &headers, secret("blob").as_bytes());
        assert_eq!(put.status, 204);
        waiter.join().expect("it gets an answer")
    });
    assert_eq!((waiting.ok(), waiting.headers["content-type"].as_str()), (&*secret("blob"), "text/x"));
    let again = client.ask("PUT", "/cache/a/b%20c", &[("Snowmelt-Lease", &*lease)], b"x");
    assert_eq!((again.status, again.code().as_str()), (410, "LeaseGone"));
    assert_eq!(client.ask("POST", "/invalidate", &[], br#"{"tags":["t:1"]}"#).status, 200);
    assert_eq!(client.get("/cache/a/b%20c").status, 404);

    let lease = client.get("/cache/k?wait").headers["snowmelt-lease"].clone();
    assert_eq!(client.ask("POST", "/invalidate", &[], br#"{"keys":["k"]}"#).status, 200);
    let fenced = client.ask("PUT", "/cache/k", &[("Snowmelt-Lease", &*lease)], secret("x").as_bytes());
    assert_eq!((fenced.status, fenced.code().as_str()), (409, "Fenced"));
}

#[test]
fn contract_4_keeps_any_data() {
    let extension = Setup::new("memory:contracts").start();
    let mut client = extension.client();
    let put = client.ask("PUT", "/cache/k", &[("Snowmelt-TTL", "150ms")], secret("y").as_bytes());
    assert_eq!((put.status, client.get("/cache/k").ok()), (204, &*secret("y")));
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(client.get("/cache/k").status, 404, "past its lifetime");
    assert_eq!(client.ask("PUT", "/cache/k", &[], secret("z").as_bytes()).status, 204);
    let head = client.ask("GET", "/cache/k", &[], b"");
    assert_eq!(head.headers["content-type"], "application/octet-stream");
    assert_eq!(client.ask("DELETE", "/cache/k", &[], b"").status, 204);
    assert_eq!(client.get("/cache/k").status, 404);
    assert_eq!(client.ask("PUT", "/cache/k", &[("Snowmelt-TTL", "soon")], b"").status, 400);
    assert_eq!(client.get("/stats").json()["fills"], 2);
    assert!(client.get("/metrics").ok().contains("\nsnowmelt_fills_total 2\n"));
}

#[test]
fn lifetimes_of_the_demo_are_kept() {
    let moto = Moto::shared();
    moto.put_parameter("/contracts/ttl", "String", "1");
    let extension = Setup::new("none").set("CACHE_EXTENSION_TTL", "0.3s").start();
    let read = || get(&extension, "/parameters?name=/contracts/ttl").ok().to_owned();
    assert_eq!(read(), "1");
    moto.put_parameter("/contracts/ttl", "String", "2");
    crate::world::settles(read, &"1".to_owned(), &"2".to_owned());
}

#[test]
fn what_is_listed_is_there_before_the_function_starts() {
    let moto = Moto::shared();
    moto.put_parameter("/contracts/early", "String", "early");
    moto.create_table("contracts-early", &[("id", "S")]);
    moto.put_item("contracts-early", &json!({"id": {"S": "7"}, "n": {"N": "1"}}));
    let file = "parameters:\n  - names: [/contracts/early, /contracts/missing]\ndynamodb:\n  - table: contracts-early\n    hashkey: id\n    hashkeytype: S\n    hashkeyvalue: '7'\n";
    let setup = Setup::new("none").file("config.yaml", file).set("CACHE_EXTENSION_INIT_STARTUP", "true");
    let extension = setup.start();
    assert_eq!(extension.stat("entries"), 2);
    assert_eq!(get(&extension, "/parameters?name=/contracts/early").ok(), "early");
    assert_eq!(get(&extension, "/dynamodb?name=contracts-early-7").ok(), r#"{"id":"7","n":1}"#);
    assert_eq!(extension.stat("loads"), 3, "each once");
    wait_until("a line of what is missing", || extension.said().contains("contracts%2Fmissing"));
}

#[test]
fn what_is_wrong_quotes_no_secret() {
    let extension = Setup::new("none").start();
    let mark = secret("sent by mistake");
    let encoded = mark.replace(' ', "%20");
    let mut client = extension.client();
    let bodies = [
        client.ask("POST", "/invalidate", &[], format!(r#"{{"keys":{{"{mark}":1}}}}"#).as_bytes()),
        client.ask("PUT", "/cache/k", &[("Snowmelt-Lease", "x")], mark.as_bytes()),
        extension.aws().get("/secretsmanager/get?secretId=contracts/none"),
    ];
    for reply in bodies {
        assert!(reply.status >= 400);
        secrecy::check("an error", &reply.body);
    }
    // A name is no secret: an error may quote it to him who sent it, but the log
    // of the extension is for others too.
    drop(client.get(&format!("/dynamodb?name={encoded}@@1")));
}
