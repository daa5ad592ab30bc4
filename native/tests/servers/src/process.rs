//! A server as a child process: started, waited for, ended.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// When set, the servers' own errors are shown.
const LOG: &str = "SNOWMELT_TEST_SERVER_LOG";

/// What to start, and what it takes.
pub(crate) struct Program {
    /// What messages call it.
    pub(crate) name: &'static str,
    pub(crate) interpreter: PathBuf,
    /// The script, beside this crate's `Cargo.toml`. It prints
    /// `listening on http://ADDRESS` and ends when its standard input does.
    pub(crate) script: &'static str,
    /// A file that is there once `.ci/install.sh` has run.
    pub(crate) installed: &'static str,
    /// How to install it by hand.
    pub(crate) remedy: &'static str,
}

/// A running server, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    address: String,
    endpoint: String,
}

/// This crate's folder.
pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Server {
    /// Starts a server and waits until it is ready.
    pub(crate) fn start(program: &Program) -> Self {
        let Program { name, interpreter, script, installed, remedy } = program;
        assert!(
            here().join(installed).exists(),
            "{name} is not installed: run `.ci/install.sh` (`make test` does) or {remedy}"
        );
        let mut process = Command::new(interpreter)
            .arg(here().join(script))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os(LOG).is_some() { Stdio::inherit() } else { Stdio::null() })
            .spawn()
            .unwrap_or_else(|error| panic!("{} starts {name}: {error}", interpreter.display()));
        let mut lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on http://").map(ToOwned::to_owned));
        let Some(address) = ready else {
            panic!("{name} ended before it was ready ({:?}): set {LOG}=1 to see why", process.wait());
        };
        // A full pipe would stop it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { process, endpoint: format!("http://{address}"), address }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
