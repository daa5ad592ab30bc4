//! The extension itself.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::extensions_api::ExtensionsApi;
use crate::support::wait_until;

struct Extension {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Extension {
    /// With a folder of its own for the function's files.
    fn start(test: &str, api: &ExtensionsApi, files: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.join(name), text).expect("a file");
        }
        let [port, aws_port] = free_ports();
        let process = Command::new(env!("CARGO_BIN_EXE_snowmelt-extension"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .env("LAMBDA_TASK_ROOT", &folder)
            .env("SNOWMELT_STREAM", "memory:changes")
            .env("SNOWMELT_PORT", port.to_string())
            .env("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", aws_port.to_string())
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        Self { process, port, folder }
    }

    fn ask(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        write!(stream, "{request} HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("it reads");
        stream
    }

    fn end(&mut self) -> Option<i32> {
        wait_until("its end", || self.process.try_wait().expect("it is a child").is_some());
        self.process.wait().expect("it has ended").code()
    }
}

impl Drop for Extension {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free_ports() -> [u16; 2] {
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    sockets.map(|socket| socket.local_addr().expect("it is bound").port())
}

#[test]
fn a_broken_file_is_told_with_its_line() {
    let api = ExtensionsApi::start();
    let file = "dynamodb:\n  - table: users\n    hashkey: id\n    hashkeytype: X\n";
    let mut extension = Extension::start("broken", &api, &[("cache.yaml", file)], &[]);
    assert_eq!(extension.end(), Some(1));
    assert_eq!(api.wait("/register", 1).header("lambda-extension-name"), "snowmelt-extension");
    let told = api.wait("/init/error", 1);
    assert_eq!(told.header("lambda-extension-function-error-type"), "Extension.ConfigInvalid");
    let problem = &told.body["problems"][0];
    assert_eq!(problem["file"], extension.folder.join("cache.yaml").to_str().expect("a text"));
    assert_eq!((&problem["line"], &problem["column"]), (&4.into(), &18.into()), "{problem}");
    assert!(problem["remedy"].is_string(), "{problem}");
}

#[test]
fn a_taken_port_is_told() {
    let api = ExtensionsApi::start();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let mut extension = Extension::start("taken", &api, &[], &[("SNOWMELT_PORT", &port)]);
    assert_eq!(extension.end(), Some(1));
    let told = api.wait("/init/error", 1).body;
    assert_eq!(told["errorType"], "Extension.PortUnavailable");
    let message = told["errorMessage"].as_str().expect("a text");
    assert!(message.contains(&port) && message.ends_with("by SNOWMELT_PORT"), "{message}");
}

#[test]
fn a_wrong_variable_is_told_once_and_by_its_name() {
    for (name, value, part) in [
        ("SNOWMELT_STREAM", "arn:aws:foo", "neither the name nor the ARN of a Kinesis stream"),
        ("AWS_ENDPOINT_URL", "localhost:4566", "is no endpoint"),
    ] {
        let api = ExtensionsApi::start();
        let mut extension = Extension::start("variable", &api, &[], &[(name, value)]);
        assert_eq!(extension.end(), Some(1));
        let told = api.wait("/init/error", 1).body["errorMessage"].to_string();
        assert!(told.matches(name).count() == 1 && told.contains(value) && told.contains(part), "{told}");
    }
}

#[test]
fn answers_when_it_has_registered_and_ends_in_time_with_a_request_in_hand() {
    let api = ExtensionsApi::start();
    let mut extension = Extension::start("shutdown", &api, &[], &[]);
    api.wait("/register", 1);
    // The first becomes the loader, and the second waits for what it puts.
    let mut answer = [0; 12];
    extension.ask("GET /cache/k?wait").read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 404");
    let _waiting = extension.ask("GET /cache/k?wait");
    api.wait("/event/next", 1);
    std::thread::sleep(Duration::from_millis(100));
    let asked = Instant::now();
    api.shut_down();
    assert_eq!(extension.end(), Some(0));
    assert!(asked.elapsed() < Duration::from_millis(300), "{:?}", asked.elapsed());
}

#[test]
fn managed_instances_are_asked_for_the_end_alone() {
    let api = ExtensionsApi::start();
    let variables = [("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")];
    let mut extension = Extension::start("managed", &api, &[], &variables);
    assert_eq!(api.wait("/register", 1).body, serde_json::json!({"events": ["SHUTDOWN"]}));
    api.shut_down();
    assert_eq!(extension.end(), Some(0));
}

#[test]
fn outside_of_lambda_it_says_what_it_misses() {
    let said =
        Command::new(env!("CARGO_BIN_EXE_snowmelt-extension")).env_clear().output().expect("it starts");
    assert_eq!(said.status.code(), Some(1));
    let told = String::from_utf8_lossy(&said.stdout);
    assert!(told.contains("AWS_LAMBDA_RUNTIME_API") && told.contains("SNOWMELT_STREAM"), "{told}");
}

/// Lambda gives a start 10 s, of which tables may take 5.
#[test]
fn an_origin_that_does_not_answer_does_not_hold_up_the_start() {
    let (api, silent) = (ExtensionsApi::start(), TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let names: Vec<_> = (0..40).map(|number| format!("p{number}")).collect();
    let file = format!("parameters:\n  - names: [{}]\n", names.join(", "));
    let endpoint = format!("http://{}", silent.local_addr().expect("it is bound"));
    let variables = [
        ("CACHE_EXTENSION_INIT_STARTUP", "true"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let began = Instant::now();
    let _extension = Extension::start("silent-origin", &api, &[("config.yaml", &file)], &variables);
    api.wait("/register", 1);
    let took = began.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(5)).contains(&took), "{took:?}");
}
