//! Real AWS APIs for tests, on the loopback: Kinesis by `kinesis-local` from npm,
//! Parameter Store, Secrets Manager and `DynamoDB` by `moto` from `PyPI`
//! ([`Moto`]).
//!
//! A server listens on a port that was free, and ends with the process that
//! started it, however that ends: it watches its standard input. Dropping a
//! [`KinesisLocal`] or a [`Moto`] ends it at once. `SNOWMELT_TEST_SERVER_LOG=1`
//! shows the servers' own errors.
//!
//! ```no_run
//! use test_servers::KinesisLocal;
//!
//! let kinesis = KinesisLocal::shared();
//! kinesis.create_stream("orders", 2);
//! let endpoint = kinesis.endpoint(); // for any SDK, with dummy credentials
//! ```

use std::sync::OnceLock;
use std::time::{Duration, Instant};

mod http;
mod moto;
mod process;

pub use http::ServiceError;
pub use moto::{ACCOUNT, Moto, REGION};
pub use serde_json::{Value, json};

use http::Api;
use process::{Program, Server};

const KINESIS: Api = Api { target: "Kinesis_20131202", signing: "kinesis", json: "1.1" };

/// A running kinesis-local. Operations block: they take milliseconds.
///
/// # Panics
///
/// All methods but [`KinesisLocal::call`] panic when the server cannot do what
/// was asked: a test cannot go on then.
#[derive(Debug)]
pub struct KinesisLocal {
    server: Server,
}

impl KinesisLocal {
    /// The one server of this process; started by the first call. Use streams
    /// of different names in different tests.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<KinesisLocal> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server and waits until it is ready.
    ///
    /// # Panics
    ///
    /// If kinesis-local or node is not installed.
    pub fn start() -> Self {
        let server = Server::start(&Program {
            name: "kinesis-local",
            interpreter: "node".into(),
            script: "kinesis-local.cjs",
            installed: "node_modules/kinesis-local/main.js",
            remedy: "`npm ci` in native/tests/servers",
        });
        Self { server }
    }

    /// The URL for an SDK, without a path.
    pub fn endpoint(&self) -> &str {
        self.server.endpoint()
    }

    /// The id of the server's process.
    pub fn process_id(&self) -> u32 {
        self.server.process_id()
    }

    /// Any operation of the API, `GetRecords` for example, with its input.
    ///
    /// # Errors
    ///
    /// What the service answered, if it was not a success.
    pub fn call(&self, operation: &str, input: &Value) -> Result<Value, ServiceError> {
        http::call(self.server.address(), KINESIS, "us-east-1", operation, input).map(|answer| answer.body)
    }

    /// The same, with the answer's `Date` header.
    ///
    /// # Errors
    ///
    /// What the service answered, if it was not a success.
    pub fn call_dated(&self, operation: &str, input: &Value) -> Result<(Value, String), ServiceError> {
        http::call(self.server.address(), KINESIS, "us-east-1", operation, input)
            .map(|answer| (answer.body, answer.date))
    }

    /// Creates a stream and waits until it is active.
    pub fn create_stream(&self, stream: &str, shards: u32) {
        self.expect("CreateStream", &json!({"StreamName": stream, "ShardCount": shards}));
        self.wait_until_active(stream);
    }

    /// Deletes a stream and waits until it is gone.
    pub fn delete_stream(&self, stream: &str) {
        self.expect("DeleteStream", &json!({"StreamName": stream}));
        self.wait(&format!("{stream} to be gone"), || self.summary(stream).is_err());
    }

    /// Deletes a stream and creates one of the same name. Takes over a second:
    /// sequence numbers hold the second of creation, and a stream made anew
    /// within it looks like the old one.
    pub fn recreate_stream(&self, stream: &str, shards: u32) {
        self.delete_stream(stream);
        std::thread::sleep(Duration::from_millis(1_100));
        self.create_stream(stream, shards);
    }

    /// Splits a shard in the middle of its hash keys.
    ///
    /// # Panics
    ///
    /// If the stream has no such shard.
    pub fn split_shard(&self, stream: &str, shard: &str) {
        let shards = self.shards(stream);
        let found = shards.iter().find(|description| description["ShardId"] == shard);
        let range = &found.unwrap_or_else(|| panic!("{stream} has no {shard}"))["HashKeyRange"];
        let key =
            |end: &str| range[end].as_str().and_then(|key| key.parse::<u128>().ok()).expect("a hash key");
        let (start, end) = (key("StartingHashKey"), key("EndingHashKey"));
        let middle = (start + (end - start) / 2 + 1).to_string();
        let input = json!({"StreamName": stream, "ShardToSplit": shard, "NewStartingHashKey": middle});
        self.expect("SplitShard", &input);
        self.wait_until_active(stream);
    }

    /// Merges two adjacent shards.
    pub fn merge_shards(&self, stream: &str, shard: &str, adjacent: &str) {
        let input = json!({"StreamName": stream, "ShardToMerge": shard, "AdjacentShardToMerge": adjacent});
        self.expect("MergeShards", &input);
        self.wait_until_active(stream);
    }

    /// Reshards a stream to this many open shards, in steps of at most twice
    /// and at least half as many, as Kinesis wants it.
    pub fn update_shard_count(&self, stream: &str, shards: u32) {
        loop {
            let open = u32::try_from(self.open_shards(stream).len()).unwrap_or(u32::MAX);
            if open == shards {
                return;
            }
            let step = shards.clamp(open.div_ceil(2), open * 2);
            let input =
                json!({"StreamName": stream, "TargetShardCount": step, "ScalingType": "UNIFORM_SCALING"});
            self.expect("UpdateShardCount", &input);
            self.wait_until_active(stream);
        }
    }

    /// `ListShards` of all shards, open and closed.
    pub fn shards(&self, stream: &str) -> Vec<Value> {
        let mut answer = self.expect("ListShards", &json!({"StreamName": stream}));
        let mut shards = Vec::new();
        loop {
            shards.extend(answer["Shards"].as_array().cloned().unwrap_or_default());
            match answer["NextToken"].as_str() {
                Some(token) => answer = self.expect("ListShards", &json!({"NextToken": token})),
                None => return shards,
            }
        }
    }

    /// The ids of the open shards.
    pub fn open_shards(&self, stream: &str) -> Vec<String> {
        let open = |shard: &Value| shard["SequenceNumberRange"]["EndingSequenceNumber"].is_null();
        let id = |shard: &Value| shard["ShardId"].as_str().map(ToOwned::to_owned);
        self.shards(stream).iter().filter(|shard| open(shard)).filter_map(id).collect()
    }

    fn wait_until_active(&self, stream: &str) {
        self.wait(&format!("{stream} to be active"), || {
            self.summary(stream)
                .is_ok_and(|answer| answer["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
        });
    }

    fn summary(&self, stream: &str) -> Result<Value, ServiceError> {
        self.call("DescribeStreamSummary", &json!({"StreamName": stream}))
    }

    fn expect(&self, operation: &str, input: &Value) -> Value {
        self.call(operation, input).unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
    }

    #[expect(clippy::unused_self, reason = "waits are for this server")]
    fn wait(&self, what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < Duration::from_secs(20), "waited too long for {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
