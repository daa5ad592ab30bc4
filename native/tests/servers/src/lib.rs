//! A real Kinesis API for tests: `kinesis-local` from npm, on the loopback.
//!
//! The server listens on a port that was free, and ends with the process that
//! started it, however that ends: it watches its standard input. Dropping a
//! [`KinesisLocal`] ends it at once.
//!
//! ```no_run
//! use test_servers::KinesisLocal;
//!
//! let kinesis = KinesisLocal::shared();
//! kinesis.create_stream("orders", 2);
//! let endpoint = kinesis.endpoint(); // for any SDK, with dummy credentials
//! ```

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

mod http;

pub use http::ServiceError;
pub use serde_json::{Value, json};

/// When set, the server's own errors are shown.
const LOG: &str = "SNOWMELT_TEST_SERVER_LOG";

/// A running kinesis-local. Operations block: they take milliseconds.
///
/// # Panics
///
/// All methods but [`KinesisLocal::call`] panic when the server cannot do what
/// was asked: a test cannot go on then.
#[derive(Debug)]
pub struct KinesisLocal {
    server: Child,
    address: String,
    endpoint: String,
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
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(
            here.join("node_modules/kinesis-local/main.js").exists(),
            "kinesis-local is not installed: run `.ci/install.sh` (`make test` does) or `npm ci` in native/tests/servers"
        );
        let mut server = Command::new("node")
            .arg(here.join("kinesis-local.cjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os(LOG).is_some() { Stdio::inherit() } else { Stdio::null() })
            .spawn()
            .expect("node starts kinesis-local: install Node 20 or newer");
        let mut lines = BufReader::new(server.stdout.take().expect("its output is piped")).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on http://").map(ToOwned::to_owned));
        let Some(address) = ready else {
            panic!("kinesis-local ended before it was ready ({:?}): set {LOG}=1 to see why", server.wait());
        };
        // A full pipe would stop it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { server, endpoint: format!("http://{address}"), address }
    }

    /// The URL for an SDK, without a path.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The id of the server's process.
    pub fn process_id(&self) -> u32 {
        self.server.id()
    }

    /// Any operation of the API, `GetRecords` for example, with its input.
    ///
    /// # Errors
    ///
    /// What the service answered, if it was not a success.
    pub fn call(&self, operation: &str, input: &Value) -> Result<Value, ServiceError> {
        http::call(&self.address, operation, input).map(|answer| answer.body)
    }

    /// The same, with the answer's `Date` header.
    ///
    /// # Errors
    ///
    /// What the service answered, if it was not a success.
    pub fn call_dated(&self, operation: &str, input: &Value) -> Result<(Value, String), ServiceError> {
        http::call(&self.address, operation, input).map(|answer| (answer.body, answer.date))
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

impl Drop for KinesisLocal {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
