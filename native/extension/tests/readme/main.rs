//! What the README shows is asked of the extension as it stands there: its
//! files, its requests, its commands.

#[path = "../support/extensions_api.rs"]
#[expect(dead_code, reason = "the lifecycle's tests use the rest")]
mod extensions_api;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use extensions_api::ExtensionsApi;
use test_servers::{Moto, json};

const README: &str = include_str!("../../README.md");
const TOKEN: &str = "the-token";

/// The extension, between moto and Lambda.
struct Extension {
    process: Child,
    /// Port 4000 of the README.
    port: u16,
    /// Port 2773 of the README.
    aws_port: u16,
    folder: PathBuf,
    _api: ExtensionsApi,
}

impl Extension {
    fn start(test: &str) -> Self {
        let api = ExtensionsApi::start();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        std::fs::create_dir_all(&folder).expect("a folder");
        let files = fenced("yaml");
        assert_eq!(files.len(), 2, "config.yaml and cache.yaml");
        std::fs::write(folder.join("config.yaml"), &files[0]).expect("a file");
        std::fs::write(folder.join("cache.yaml"), &files[1]).expect("a file");
        let [port, aws_port] = free_ports();
        let process = Command::new(env!("CARGO_BIN_EXE_snowmelt-extension"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .env("AWS_ENDPOINT_URL", Moto::shared().endpoint())
            .envs([
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_SESSION_TOKEN", TOKEN),
            ])
            .envs([("AWS_REGION", "us-east-1"), ("SNOWMELT_STREAM", "memory:changes")])
            .env("LAMBDA_TASK_ROOT", &folder)
            .env("CACHE_EXTENSION_INIT_STARTUP", "true")
            .env("SNOWMELT_PORT", port.to_string())
            .env("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", aws_port.to_string())
            .spawn()
            .expect("it starts");
        api.wait("/register", 1);
        Self { process, port, aws_port, folder, _api: api }
    }

    /// What a command of the README prints.
    fn run(&self, command: &str) -> String {
        let own = command
            .replace("localhost:4000", &format!("localhost:{}", self.port))
            .replace("localhost:2773", &format!("localhost:{}", self.aws_port));
        let script = format!("set -euo pipefail\n{own}\n");
        let run = Command::new("bash").args(["-c", &script]).env("AWS_SESSION_TOKEN", TOKEN).output();
        let run = run.expect("bash and curl are there: `.ci/install.sh` installs them");
        assert!(run.status.success(), "{own}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).expect("a text").replace('\r', "").trim_end().to_owned()
    }
}

impl Drop for Extension {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The whole answer.
fn ask(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let headers = format!("Host: localhost\r\nConnection: close\r\nX-Aws-Parameters-Secrets-Token: {TOKEN}");
    write!(stream, "{request} HTTP/1.1\r\n{headers}\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

fn free_ports() -> [u16; 2] {
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    sockets.map(|socket| socket.local_addr().expect("it is bound").port())
}

/// The README's blocks of a language.
fn fenced(language: &str) -> Vec<String> {
    let opening = format!("\n```{language}\n");
    let blocks = README.split(&opening).skip(1);
    blocks.map(|rest| rest.split("\n```").next().expect("it ends").to_owned() + "\n").collect()
}

/// What the README's requests are about.
fn fill(moto: &Moto) {
    for name in ["/shop/limit", "limit"] {
        for value in ["10", "11", "12"] {
            moto.put_parameter(name, "SecureString", value);
        }
        moto.label_parameter(name, 3, "live");
    }
    moto.put_parameter_in("us-west-2", "/shop/flags", "String", "all");
    moto.create_secret("prod/db", "first");
    let put = |value: &str, version: &str| {
        let input = json!({"SecretId": "prod/db", "SecretString": value, "ClientRequestToken": version});
        moto.secrets_manager("PutSecretValue", &input).expect("moto stores it");
    };
    put("second", "c593fbd2-274e-421c-8ddc-083371280687");
    moto.create_table("users", &[("pk", "S")]);
    moto.put_item("users", &json!({"pk": {"S": "7"}}));
    moto.create_table("orders", &[("customer", "S"), ("number", "N")]);
    moto.put_item("orders", &json!({"customer": {"S": "ada"}, "number": {"N": "7"}, "paid": {"BOOL": true}}));
}

#[test]
fn the_extension_does_what_the_readme_says() {
    fill(Moto::shared());
    let extension = Extension::start("readme");
    every_request(&extension);
    let commands =
        fenced("sh").into_iter().find(|block| block.starts_with("curl")).expect("the first commands");
    let commands = commands.replace("curl '", "curl -sf '").replace("curl -H", "curl -sf -H");
    let put = format!("curl -sf -X PUT localhost:{}/cache/users/1 -d Ada", extension.port);
    extension.run(&put);
    assert!(extension.run(&commands).ends_with("Ada"));
    extension.run("curl -sf -X DELETE localhost:4000/cache/users/1");
    session(&extension);
}

/// Every request for something that stands there whole is answered.
fn every_request(extension: &Extension) {
    let in_tables = README.split('`').filter(|part| part.starts_with("GET /") && !part.contains(['{', '…']));
    let in_blocks = fenced("text").concat();
    let mut asked = 0;
    for request in in_tables.chain(in_blocks.lines()) {
        let of_aws = request.contains("/systemsmanager/")
            || request.contains("/secretsmanager/")
            || request == "GET /ping";
        let port = if of_aws { extension.aws_port } else { extension.port };
        let answer = ask(port, request);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{request}: {answer}");
        asked += 1;
    }
    assert!(asked >= 12, "{asked}");
}

/// The commands after `$`, and what they print.
fn session(extension: &Extension) {
    let [block] = &fenced("console")[..] else { panic!("one session") };
    let mut lease = String::new();
    for step in block.split("$ ").skip(1) {
        let (command, shown) = step.split_once('\n').expect("a command");
        let printed = extension.run(&command.replace("5d1f…", &lease));
        if let Some(given) = printed.strip_prefix("snowmelt-lease: ") {
            given.clone_into(&mut lease);
        }
        // Up to what differs each time.
        let sure = shown.trim_end().split('…').next().expect("a first part").replace("5d1f", "");
        assert!(printed.starts_with(&sure) && printed.is_empty() == sure.is_empty(), "{command}: {printed}");
    }
    assert!(!lease.is_empty());
}
