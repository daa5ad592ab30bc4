//! An origin that does what the test says, and services over it.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use snowmelt::stream::Stream as _;
use snowmelt::stream::memory::MemoryStream;
use snowmelt::{Cache, Invalidation, ManualClock};
use snowmelt_core::writer::{Put, PutRecord};
use snowmelt_extension::Pending;
use snowmelt_extension::answers::{Answers, Outcome, Read, Wanted};
use snowmelt_extension::contract::aws::Aws;
use snowmelt_extension::contract::demo::Demo;
use snowmelt_extension::http::{Answer, Service};
use snowmelt_extension::origin::{
    Ask, Attribute, Fetched, ItemAsk, KeyAttribute, KeySchema, KeyType, Origin, OriginError, Parameter,
    Secret, Trouble,
};
use snowmelt_extension::settings::{
    AwsSettings, LambdaSettings, ListedItem, ListedKey, ListedParameter, ListedTable, Settings, Tables,
    Token, resolve,
};
use tokio::sync::Semaphore;

/// In everything that must not be seen.
pub(crate) const MARKER: &str = "s3cr3t-m4rk3r";
pub(crate) const TOKEN: &str = "IQoJ-s3cr3t-m4rk3r-token";

type Reply = Result<Fetched, OriginError>;

/// A table of what there is, by what is asked for.
pub(crate) struct Fake {
    replies: Mutex<HashMap<String, Reply>>,
    asked: Mutex<Vec<Ask>>,
    /// Each call takes one, and gives it back.
    gate: Semaphore,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        let (replies, asked) = (Mutex::default(), Mutex::default());
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { replies, asked, gate: Semaphore::new(1000), under_way, most })
    }

    pub(crate) fn set(&self, name: &str, reply: impl Into<Fetched>) {
        self.replies.lock().unwrap().insert(name.into(), Ok(reply.into()));
    }

    pub(crate) fn fail(&self, name: &str, error: OriginError) {
        self.replies.lock().unwrap().insert(name.into(), Err(error));
    }

    pub(crate) fn remove(&self, name: &str) {
        self.replies.lock().unwrap().remove(name);
    }

    /// Lets no call end.
    pub(crate) async fn block(&self) {
        self.gate.acquire_many(1000).await.unwrap().forget();
    }

    pub(crate) fn unblock(&self) {
        self.gate.add_permits(1000);
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(crate) fn last(&self) -> Ask {
        self.asked.lock().unwrap().last().expect("a call").clone()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// Waits for the call with this number to begin.
    pub(crate) async fn called(&self, number: usize) {
        while self.calls() < number {
            tokio::task::yield_now().await;
        }
    }
}

fn name(ask: &Ask) -> String {
    match ask {
        Ask::Parameter(ask) => ask.name.clone(),
        Ask::Secret(ask) => ask.id.clone(),
        Ask::Item(ask) => format!("{}-{}", ask.table, ask.hash.value),
    }
}

/// What is asked of it, behind the shared state.
pub(crate) struct Asked(pub(crate) Arc<Fake>);

impl Origin for Asked {
    fn fetch(&self, ask: Ask) -> Pending<Reply> {
        let fake = Arc::clone(&self.0);
        Box::pin(async move {
            fake.asked.lock().unwrap().push(ask.clone());
            let now = fake.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            fake.most.fetch_max(now, Ordering::SeqCst);
            // What it was when the call began.
            let reply =
                fake.replies.lock().unwrap().get(&name(&ask)).cloned().unwrap_or(Ok(Fetched::Nothing));
            tokio::task::yield_now().await;
            drop(fake.gate.acquire().await.unwrap());
            fake.under_way.fetch_sub(1, Ordering::SeqCst);
            reply
        })
    }

    fn key_schema(&self, table: &str, _: Option<&str>) -> Pending<Result<KeySchema, OriginError>> {
        let message = format!("no table {table}");
        Box::pin(async {
            Err(OriginError {
                trouble: Trouble::Refused,
                code: None,
                status: None,
                service_message: None,
                message,
            })
        })
    }
}

pub(crate) fn parameter(name: &str, value: &str) -> Fetched {
    let bare = name.trim_start_matches('/');
    Fetched::Parameter(Parameter {
        arn: format!("arn:aws:ssm:us-east-1:123456789012:parameter/{bare}"),
        name: name.into(),
        kind: "SecureString".into(),
        value: value.into(),
        version: 1,
        selector: None,
        source_result: None,
        last_modified: Some(1_668_586_960.362),
        data_type: Some("text".into()),
    })
}

pub(crate) fn secret(name: &str, value: &str) -> Fetched {
    Fetched::Secret(Secret {
        arn: format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-1QmcxB"),
        name: name.into(),
        version_id: Some("v1".into()),
        string: Some(value.into()),
        binary: None,
        stages: vec!["AWSCURRENT".into()],
        created: Some(1_703_775_451.359),
    })
}

pub(crate) fn item(attributes: &[(&str, Attribute)]) -> Fetched {
    Fetched::Item(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

/// An error as a service answers it.
pub(crate) fn denied(status: Option<u16>, code: Option<&str>) -> OriginError {
    OriginError {
        trouble: Trouble::Denied,
        code: code.map(Into::into),
        status,
        service_message: None,
        message: "not allowed: add ssm:GetParameter to the role of the function".into(),
    }
}

pub(crate) fn item_ask(table: &str, hash: &str) -> ItemAsk {
    let of = if table == "numbers" { KeyType::Number } else { KeyType::String };
    ItemAsk {
        table: table.into(),
        region: None,
        hash: KeyAttribute { name: "pk".into(), of, value: hash.into() },
        sort: None,
        consistent: true,
    }
}

/// `users` has twenty items listed, and any item; so have `numbers`, whose key
/// is a number, and `sorted`, which has a sort key.
fn table(name: &str) -> ListedTable {
    let of = if name == "numbers" { KeyType::Number } else { KeyType::String };
    let sort = (name == "sorted").then(|| ("sk".to_owned(), KeyType::String));
    ListedTable { name: name.into(), region: None, key: Some(ListedKey { hash: ("pk".into(), of), sort }) }
}

fn tables(settings: &Settings) -> Tables {
    // All keys are configured, so that nothing is waited for.
    let nothing = Asked(Fake::new());
    let resolved = pin!(resolve(settings, &nothing)).poll(&mut Context::from_waker(Waker::noop()));
    match resolved {
        Poll::Ready(tables) => tables.unwrap(),
        Poll::Pending => panic!("a table was asked for"),
    }
}

/// The parameters that these tests ask for at port 4000.
fn listed() -> Vec<ListedParameter> {
    let elsewhere = ListedParameter { name: "/listed".into(), region: Some("eu-west-1".into()) };
    let names = ["/shop/limit", "none", "down", "up", "a", "big", "silent", "denied"].map(String::from);
    let numbered = (0..100).flat_map(|number| ["p", "s"].map(|letter| format!("{letter}{number}")));
    let here = names.into_iter().chain(numbered).map(|name| ListedParameter { name, region: None });
    here.chain([elsewhere]).collect()
}

pub(crate) fn settings() -> Settings {
    Settings {
        stream: "memory:answers".into(),
        config: snowmelt_core::Config::default(),
        port: 0,
        compat_demo: false,
        require_token: false,
        ttl: Duration::from_secs(3600),
        prefetch: false,
        parameters: listed(),
        items: (0..20)
            .map(|hash| ListedItem { table: table("users"), hash: hash.to_string(), sort: None })
            .collect(),
        tables: ["users", "numbers", "sorted"].map(table).into(),
        aws: AwsSettings {
            port: 0,
            enabled: true,
            size: 1000,
            max_connections: 3,
            parameter_ttl: Duration::from_secs(300),
            secret_ttl: Duration::from_secs(200),
            parameter_timeout: None,
            secret_timeout: None,
            log_level: None,
        },
        lambda: LambdaSettings { runtime_api: String::new(), managed_instances: false, region: None },
    }
}

/// Answers over a fake, both contracts, a clock, and a writer on the stream.
pub(crate) struct World {
    pub(crate) fake: Arc<Fake>,
    pub(crate) answers: Answers,
    pub(crate) demo: Demo,
    pub(crate) aws: Aws,
    pub(crate) clock: Arc<ManualClock>,
    writer: Cache<()>,
    stream: MemoryStream,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With other settings.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let (fake, clock, tables) = (Fake::new(), ManualClock::new(), tables(&settings));
        let wall = Arc::clone(&clock);
        let stream = MemoryStream::new().with_clock(Arc::new(move || wall.wall_millis()));
        let builder = Answers::builder(&settings, &tables.sources()).clock(Arc::clone(&clock));
        let cache = builder.stream_transport(Arc::new(stream.clone())).build().unwrap();
        let answers = Answers::new(cache, &settings, Arc::new(Asked(Arc::clone(&fake))));
        let demo = Demo::new(&settings, answers.clone(), tables);
        let aws = Aws::new(
            &settings,
            answers.clone(),
            Token::new(&[("AWS_SESSION_TOKEN", TOKEN)].into_iter().collect()),
        );
        let writer = Cache::builder().clock(Arc::clone(&clock));
        let writer = writer.stream_transport(Arc::new(stream.clone())).build().unwrap();
        Self { fake, answers, demo, aws, clock, writer, stream }
    }

    /// Invalidates from elsewhere, and catches up.
    pub(crate) async fn invalidate(&self, what: impl Into<Invalidation>) {
        self.writer.invalidate(what).await.unwrap();
        self.answers.cache().catch_up().await.unwrap();
    }

    /// Puts a record there as some other service does, and catches up.
    pub(crate) async fn put(&self, record: &str) {
        let record = PutRecord {
            data: record.as_bytes().to_vec(),
            partition_key: "1".into(),
            explicit_hash_key: None,
        };
        self.stream.put(Put { records: vec![record] }).await.unwrap();
        self.answers.cache().catch_up().await.unwrap();
    }

    /// Contract 1 or 2.
    pub(crate) async fn demo(&self, uri: &str) -> Response<Bytes> {
        respond(self.demo.answer(request(Method::GET, uri, None))).await
    }

    /// Contract 3, with the token.
    pub(crate) async fn aws(&self, uri: &str) -> Response<Bytes> {
        respond(self.aws.answer(request(Method::GET, uri, Some(TOKEN)))).await
    }

    /// Whether contract 3 has it at hand.
    pub(crate) fn aws_hits(&self, uri: &str) -> bool {
        matches!(self.aws.answer(request(Method::GET, uri, Some(TOKEN))), Answer::Now(_))
    }

    pub(crate) fn read(&self, wanted: &Wanted) -> Pending<Outcome> {
        match self.answers.read(wanted.clone()) {
            Read::Now(stored) => Box::pin(async { Ok(Some(stored)) }),
            Read::Later(outcome) => outcome,
        }
    }
}

pub(crate) fn request(method: Method, uri: &str, token: Option<&str>) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(token) = token {
        request = request.header("X-Aws-Parameters-Secrets-Token", token);
    }
    request.body(Bytes::new()).unwrap()
}

pub(crate) async fn respond(answer: Answer) -> Response<Bytes> {
    match answer {
        Answer::Now(response) => response,
        Answer::Later(response) => response.await,
    }
}

pub(crate) fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

/// Status, type and body.
pub(crate) fn seen(response: &Response<Bytes>) -> (u16, &str, &str) {
    let content_type = response.headers()[CONTENT_TYPE].to_str().unwrap();
    (response.status().as_u16(), content_type, text(response))
}
