//! The services that all tests share, and what writers put on a stream.

use test_servers::{KinesisLocal, Value, json};

use crate::extension::{Extension, PATIENCE};

/// A stream of this name, new.
pub(crate) fn stream(name: &str) -> Stream<'_> {
    KinesisLocal::shared().create_stream(name, 2);
    Stream { name }
}

/// A stream of kinesis-local.
pub(crate) struct Stream<'a> {
    pub(crate) name: &'a str,
}

impl Stream<'_> {
    /// Puts a record; it can be read when this returns.
    pub(crate) fn put(&self, record: &Value) {
        self.put_all(std::slice::from_ref(record));
    }

    pub(crate) fn put_all(&self, records: &[Value]) {
        let entries = records.iter().enumerate().map(|(number, record)| {
            let data = aws_smithy_types::base64::encode(record.to_string());
            json!({"Data": data, "PartitionKey": format!("{number}{}", data.len())})
        });
        let input = json!({"StreamName": self.name, "Records": entries.collect::<Vec<_>>()});
        let answer = KinesisLocal::shared().call("PutRecords", &input);
        let answer = answer.unwrap_or_else(|error| panic!("PutRecords: {error}"));
        assert_eq!(answer["FailedRecordCount"], 0, "{answer}");
    }
}

/// Asks until an answer is as it should be at last; each before must be as it
/// may be for a while.
pub(crate) fn settles<T: std::fmt::Debug + PartialEq>(mut ask: impl FnMut() -> T, before: &T, at_last: &T) {
    let began = std::time::Instant::now();
    loop {
        let answer = ask();
        if answer == *at_last {
            return;
        }
        assert_eq!(answer, *before, "neither old nor new");
        assert!(began.elapsed() < PATIENCE, "it stays as it was: {answer:?}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// The value of a parameter, by contract 3's body.
pub(crate) fn parameter(extension: &Extension, name: &str) -> String {
    let target = format!("/systemsmanager/parameters/get?name={name}&withDecryption=true");
    let body: Value = serde_json::from_str(extension.aws().get(&target).ok()).expect("JSON");
    body["Parameter"]["Value"].as_str().expect("a text").to_owned()
}

/// The text of a secret, by contract 3's body.
pub(crate) fn secret(extension: &Extension, id: &str) -> String {
    let target = format!("/secretsmanager/get?secretId={id}");
    let body: Value = serde_json::from_str(extension.aws().get(&target).ok()).expect("JSON");
    body["SecretString"].as_str().expect("a text").to_owned()
}
