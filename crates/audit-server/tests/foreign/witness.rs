//! `aics-witness` on loopback.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::common::run;
use crate::log::ask;
use crate::outsider;

/// A running witness. It is killed when it is dropped.
pub(crate) struct Witness {
    child: Child,
    address: SocketAddr,
    /// Its verifier key.
    pub(crate) vkey: String,
}

impl Witness {
    /// Starts a witness of logs, by their verifier keys. Its files are in a directory of its own.
    pub(crate) fn start(directory: &Path, name: &str, logs: &[&str]) -> Witness {
        fs::create_dir(directory).unwrap();
        let command = || {
            let mut command = Command::new(outsider::bin().join("aics-witness"));
            command.current_dir(directory).env("AICS_WITNESS_CONFIG", "witness.json").env("PYTHONUNBUFFERED", "1");
            command
        };
        let vkey = run(command().args(["init", "--name", name])).ok().trim().to_owned();
        assert!(vkey.starts_with(&format!("{name}+")), "{vkey}");
        for log in logs {
            run(command().args(["add-log", "--origin", log.split_once('+').unwrap().0, "--vkey", log])).ok();
        }
        let mut serve = command();
        let mut child =
            serve.args(["serve", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.split_once("listening on http://")?.1.split(' ').next()?.parse().ok());
        let Some(address) = address else {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("aics-witness does not start");
        };
        // Whatever it says later has to be read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Witness { child, address, vkey }
    }

    /// The prefix of its paths.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Offers a checkpoint with the hashes of a consistency proof, in base64: the status and the answer.
    pub(crate) fn offer(&self, old_size: u64, consistency: &[String], checkpoint: &str) -> (u16, String) {
        let hashes: String = consistency.iter().map(|hash| format!("{hash}\n")).collect();
        let body = format!("old {old_size}\n{hashes}\n{checkpoint}");
        let (status, answer) =
            ask(self.address, &format!("POST /add-checkpoint HTTP/1.1\r\nContent-Length: {}", body.len()), body.as_bytes());
        (status, String::from_utf8(answer).unwrap())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // It may have ended already; then only its exit status is left.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap_or_default();
    }
}
