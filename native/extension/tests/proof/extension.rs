//! The extension's process, with a Lambda around it.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use test_servers::{KinesisLocal, Moto, REGION, Value};

use crate::client::Client;
use crate::extensions_api::ExtensionsApi;
use crate::secrecy::{self, CREDENTIAL, TOKEN};

/// Longer than anything takes on a machine that is busy with other things: for
/// what must happen, while bounds are for what must not.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What it is to be started with.
pub(crate) struct Setup {
    files: Vec<(&'static str, String)>,
    variables: Vec<(String, String)>,
}

impl Setup {
    /// Over moto and kinesis-local, with a stream of this name. A catch-up has
    /// time enough on a busy machine, and lifetimes are long: what is new must
    /// be so by the stream.
    pub(crate) fn new(stream: &str) -> Self {
        Self { files: Vec::new(), variables: Vec::new() }
            .set("SNOWMELT_STREAM", stream)
            .set("SNOWMELT_CATCH_UP_BUDGET", "20s")
            .set("SNOWMELT_CALL_TIMEOUT", "20s")
            .set("SNOWMELT_MAX_LAG", "1h")
            .set("SNOWMELT_TTL", "1h")
            .set("AWS_ENDPOINT_URL_KINESIS", KinesisLocal::shared().endpoint())
            .set("AWS_ENDPOINT_URL", Moto::shared().endpoint())
            .set("SSM_PARAMETER_STORE_TIMEOUT_MILLIS", "20000")
            .set("SECRETS_MANAGER_TIMEOUT_MILLIS", "20000")
            .set("PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL", "debug")
    }

    /// The last of several counts.
    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// A file beside the function.
    pub(crate) fn file(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.files.push((name, text.into()));
        self
    }

    /// Starts it, and waits until Lambda would start the function.
    pub(crate) fn start(self) -> Extension {
        Extension::start(self)
    }
}

/// What these tests ask for at port 4000, which answers only what is listed: a
/// `config.yaml` where a test has none of its own.
fn listed() -> String {
    let names = "parameter one a b kept slow Throttled Denied Broken Garbage Closed Silent /hostile /hostile/token \
                 /stream/a /contracts/ttl /contracts/none";
    let things = (0..100).map(|number| format!("thing-{number}"));
    let names = names.split(' ').map(ToOwned::to_owned).chain(things);
    names.fold("parameters:\n  - names:\n".to_owned(), |file, name| file + "      - " + &name + "\n")
}

/// A running extension. When it is dropped it is shut down; it must then say
/// that all is well, and have kept every secret to itself.
pub(crate) struct Extension {
    pub(crate) api: ExtensionsApi,
    pub(crate) port: u16,
    pub(crate) aws_port: u16,
    process: Child,
    folder: PathBuf,
    output: Arc<Mutex<Vec<u8>>>,
    /// It never started, and has ended.
    ended: bool,
}

impl Extension {
    fn start(setup: Setup) -> Self {
        let folder = folder();
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("config.yaml"), listed()).expect("a file");
        for (name, text) in setup.files {
            std::fs::write(folder.join(name), text).expect("a file");
        }
        let began = Instant::now();
        loop {
            let extension = Self::spawn(&folder, &setup.variables);
            let started = |path: &String| matches!(path.as_str(), "/event/next" | "/init/error");
            wait_until("its start", || extension.api.paths().iter().any(started));
            let Some(failed) = extension.api.calls().into_iter().find(|call| call.path == "/init/error")
            else {
                return extension;
            };
            // A port that was free may be somebody's by now.
            let taken = failed.body["errorType"] == "Extension.PortUnavailable";
            assert!(taken && began.elapsed() < PATIENCE, "it does not start: {}", failed.body);
            extension.give_up();
        }
    }

    fn spawn(folder: &Path, variables: &[(String, String)]) -> Self {
        let api = ExtensionsApi::start();
        let [port, aws_port] = free_ports();
        let mut process = Command::new(env!("CARGO_BIN_EXE_snowmelt-extension"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .env("LAMBDA_TASK_ROOT", folder)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", CREDENTIAL)
            .env("AWS_SESSION_TOKEN", TOKEN)
            .env("SNOWMELT_PORT", port.to_string())
            .env("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", aws_port.to_string())
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let output = Arc::default();
        keep(process.stdout.take().expect("it is piped"), &output);
        keep(process.stderr.take().expect("it is piped"), &output);
        Self { api, port, aws_port, process, folder: folder.to_owned(), output, ended: false }
    }

    fn give_up(mut self) {
        self.ended = true;
        self.process.wait().expect("it ends");
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// A connection for contracts 1, 2 and 4, which shows the token.
    pub(crate) fn client(&self) -> Client {
        Self::connect(self.port)
    }

    /// The same for contract 3.
    pub(crate) fn aws(&self) -> Client {
        Self::connect(self.aws_port)
    }

    fn connect(port: u16) -> Client {
        let mut client = Client::connect(port);
        client.headers = format!("X-Aws-Parameters-Secrets-Token: {TOKEN}\r\n");
        client
    }

    /// A counter, by the core's name.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        let stats: Value = self.client().get("/stats").json();
        stats[name].as_u64().unwrap_or_else(|| panic!("no {name} in {stats}"))
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().expect("no panic under the lock")).into_owned()
    }

    /// Invokes the function: Lambda's part of it.
    pub(crate) fn invoke(&self) {
        let asked = self.api.paths().iter().filter(|path| *path == "/event/next").count();
        self.api.invoke();
        self.api.wait("/event/next", asked + 1);
    }

    /// Stops the process, with all of its threads.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        wait_until("the freeze", || self.state() == 'T');
    }

    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// As proc(5) has it: `T` is stopped.
    fn state(&self) -> char {
        let stat = std::fs::read_to_string(Path::new("/proc").join(self.id().to_string()).join("stat"));
        let stat = stat.expect("it runs");
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).expect("a state")
    }

    /// What must be so of every extension at its end.
    fn check(&mut self) {
        let figures = [self.client().get("/stats"), self.client().get("/metrics")];
        self.api.shut_down();
        let ended = self.process.wait().expect("it ends");
        // What it said last is read when the pipes are at their end.
        wait_until("the end of its output", || Arc::strong_count(&self.output) == 1);
        let said = self.said();
        assert!(ended.success(), "{ended}: {said}");
        assert!(!said.contains("panicked"), "{said}");
        secrecy::check("its log", said.as_bytes());
        for figures in figures {
            secrecy::check("its figures", &figures.body);
        }
    }
}

impl Drop for Extension {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if std::thread::panicking() {
            let _ = self.process.kill();
            let _ = self.process.wait();
            eprintln!("the extension said: {}", self.said());
        } else {
            self.check();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// One of its own for each.
fn folder() -> PathBuf {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("proof-{}-{number}", std::process::id()))
}

/// Reads a pipe on a thread of its own, to its end.
fn keep(pipe: impl Read + Send + 'static, output: &Arc<Mutex<Vec<u8>>>) {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let mut output = output.lock().expect("no panic under the lock");
            output.extend(line);
            output.push(b'\n');
        }
    });
}

fn free_ports() -> [u16; 2] {
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    sockets.map(|socket| socket.local_addr().expect("it is bound").port())
}

/// Until `done`.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
