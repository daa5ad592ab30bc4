//! A whole process, stopped with all of its threads, as Lambda freezes it.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use snowmelt_extension::lifecycle::{Environment, live, stop};

use crate::extensions_api::ExtensionsApi;
use crate::support::{Notes, Noting, runtime, wait_until};

/// Tells a test of this file that it is the process, and where the API is.
const PROCESS: &str = "SNOWMELT_TEST_LIFECYCLE";

/// This very test, run once more as the extension.
struct Process(Child);

impl Process {
    fn start(test: &str, api: &ExtensionsApi) -> Self {
        let itself = std::env::current_exe().expect("a test binary");
        let process = Command::new(itself)
            .args(["--exact", test, "--nocapture"])
            .env(PROCESS, api.address())
            .stdout(Stdio::null())
            .spawn();
        Self(process.expect("it starts"))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("it runs");
    }

    /// As proc(5) has it: `T` is stopped.
    fn state(&self) -> char {
        let stat = std::fs::read_to_string(Path::new("/proc").join(self.0.id().to_string()).join("stat"));
        let stat = stat.expect("it runs");
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).expect("a state")
    }

    fn freeze(&self) {
        self.signal(Signal::STOP);
        wait_until("the freeze", || self.state() == 'T');
    }

    fn end(mut self) -> ExitStatus {
        self.0.wait().expect("it ends")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// In the process: lives with the API that `PROCESS` names, and is gone.
fn live_if_asked() {
    let Ok(runtime_api) = std::env::var(PROCESS) else { return };
    let environment = Environment {
        runtime_api,
        name: "snowmelt-extension".to_owned(),
        managed_instances: false,
        snap_start: false,
    };
    let code = runtime().block_on(async {
        let begin = async || Ok(Noting { notes: Notes::default(), busy: Duration::ZERO });
        live(&environment, begin, stop().expect("signals")).await
    });
    std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
}

#[test]
fn a_freeze_while_it_waits_is_nothing_to_it() {
    live_if_asked();
    let api = ExtensionsApi::start();
    let process = Process::start("freezing::a_freeze_while_it_waits_is_nothing_to_it", &api);
    api.wait("/event/next", 1);
    process.freeze();
    std::thread::sleep(Duration::from_secs(2));
    api.invoke();
    process.signal(Signal::CONT);
    api.wait("/event/next", 2);
    process.freeze();
    process.signal(Signal::CONT);
    api.shut_down();
    assert!(process.end().success());
    assert_eq!(api.paths(), ["/register", "/event/next", "/event/next"]);
}

#[test]
fn a_connection_that_died_in_a_freeze_loses_no_event() {
    live_if_asked();
    let api = ExtensionsApi::start();
    let process = Process::start("freezing::a_connection_that_died_in_a_freeze_loses_no_event", &api);
    for number in 1..=3 {
        api.wait("/event/next", number);
        process.freeze();
        api.cut();
        std::thread::sleep(Duration::from_millis(200));
        process.signal(Signal::CONT);
    }
    api.wait("/event/next", 4);
    api.shut_down();
    assert!(process.end().success());
}

#[test]
fn sigterm_and_sigint_end_it_in_time() {
    live_if_asked();
    for signal in [Signal::TERM, Signal::INT] {
        let api = ExtensionsApi::start();
        let process = Process::start("freezing::sigterm_and_sigint_end_it_in_time", &api);
        api.wait("/event/next", 1);
        let asked = Instant::now();
        process.signal(signal);
        assert!(process.end().success());
        assert!(asked.elapsed() < Duration::from_millis(300), "{:?}", asked.elapsed());
    }
}
