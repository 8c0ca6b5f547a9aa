//! A running server, killed when it is dropped.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::{PATIENCE, collect, program, wait};

/// An administrator's key for tests.
pub(crate) const KEY: &str = "0123456789abcdef-admin";

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// The line of the log that says that it is ready.
    pub(crate) launch: serde_json::Value,
    log: Arc<Mutex<String>>,
    log_reader: Option<JoinHandle<()>>,
    stdout: Option<JoinHandle<String>>,
}

impl Server {
    /// On a free port, with [`KEY`] as the administrator's key.
    pub(crate) fn start(directory: &Path) -> Server {
        Server::run(program(directory).env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0"))
    }

    /// Whatever the command says; it has to log as JSON, at least `info`.
    pub(crate) fn run(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = collect(child.stdout.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let (launched, launch) = channel();
        let (stderr, kept) = (BufReader::new(child.stderr.take().unwrap()), log.clone());
        let log_reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                kept.lock().unwrap().push_str(&format!("{line}\n"));
                if let Some(launch) = launch_of(&line) {
                    // Only the first one is waited for.
                    launched.send(launch).unwrap_or(());
                }
            }
        });
        let Some((address, launch)) = first(&launch) else {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the server does not start: {}", log.lock().unwrap());
        };
        Server { child, address, launch, log, log_reader: Some(log_reader), stdout: Some(stdout) }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(sent.success());
    }

    /// Kills it at once: it has no time to finish anything.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it had so far.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Where a path of the server is seen from here.
    pub(crate) fn path(&self, path: &Path) -> std::path::PathBuf {
        Path::new(&format!("/proc/{}/root", self.child.id())).join(path.strip_prefix("/").unwrap())
    }

    /// Waits for a line of the log that has a text.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        let line = || self.log().lines().find(|line| line.contains(text)).map(str::to_owned);
        super::eventually(line).unwrap_or_else(|| panic!("the log never says `{text}`: {}", self.log()))
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits for its end: how it ended, stdout, and the log.
    pub(crate) fn wait(mut self) -> (ExitStatus, String, String) {
        let status = wait(&mut self.child).unwrap_or_else(|| panic!("the server does not end: {}", self.log()));
        self.log_reader.take().unwrap().join().unwrap();
        (status, self.stdout.take().unwrap().join().unwrap(), self.log())
    }

    /// Ends it in order and returns its stdout.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        let (status, stdout, log) = self.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        stdout
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill and only its exit status to take.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap_or_default();
    }
}

type Launch = (SocketAddr, serde_json::Value);

fn launch_of(line: &str) -> Option<Launch> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    let address = value.get("address")?.as_str()?.parse().ok()?;
    Some((address, value))
}

fn first(launch: &Receiver<Launch>) -> Option<Launch> {
    launch.recv_timeout(PATIENCE).ok()
}
