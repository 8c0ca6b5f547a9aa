//! The server under load: a process of its own on a free port of the loopback address, stopped by its pid.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use audit_http::store::domain::{Timestamp, draw_uuid_v7};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::{Connection, Request};
use crate::scratch::Scratch;

/// Longest time that a start or a stop may take: a start builds what is left of the index.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Keys that read and append.
    keys: Vec<String>,
}

impl Server {
    /// Starts it with these settings, waits until it is ready, and makes so many keys.
    pub(crate) fn start(scratch: &Scratch, keys: u8, settings: &[(&str, &str)]) -> anyhow::Result<Server> {
        let admin = draw_uuid_v7(Timestamp::now()?)?.to_string();
        // Free now; if another program takes the port meanwhile, the server says so and ends.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        // A pipe would have to be read by this process, which is busy.
        let log = scratch.path().join("server.log");
        let mut command = scratch.command();
        command.arg("serve").env("AUDIT_LISTEN", address.to_string()).env("AUDIT_ADMIN_TOKEN", &admin);
        command.envs(settings.iter().copied());
        let child = command.stdout(Stdio::null()).stderr(File::create(&log)?).spawn()?;
        let mut server = Server { child, address, keys: Vec::new() };
        if let Err(error) = server.wait_until_ready() {
            bail!("{error}: {}", fs::read_to_string(log)?);
        }
        server.keys = server.make_keys(&admin, keys)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}");
            }
            let answer = Connection::open(self.address, "").and_then(|mut probe| probe.exchange(&Request::get("/readyz")));
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        bail!("the server is not ready after {PATIENCE:?}")
    }

    fn make_keys(&self, admin: &str, count: u8) -> anyhow::Result<Vec<String>> {
        let mut connection = Connection::open(self.address, admin)?;
        let mut make = |number: u8| {
            let body = format!(r#"{{"name":"load {number}","role":"admin","channels":"*"}}"#);
            let answer = connection.exchange(&Request::post("/api/v1/tokens", "application/json", body))?;
            ensure!(answer.status == 201, "no key: {} {}", answer.status, String::from_utf8_lossy(connection.body()));
            let token: serde_json::Value = serde_json::from_slice(connection.body())?;
            Ok(token["key"].as_str().context("a token without its key")?.to_owned())
        };
        (0..count).map(&mut make).collect()
    }

    /// A connection; the keys take turns.
    pub(crate) fn connect(&self, number: usize) -> anyhow::Result<Connection> {
        let key = &self.keys[number % self.keys.len()];
        Connection::open(self.address, key).with_context(|| format!("cannot open connection {number}"))
    }

    /// CPU time of the process so far, in steps of 10 ms; [`None`] where there is no `/proc`. On PostgreSQL, the work of the
    /// database is not in it.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // `utime` and `stime`, the 14th and 15th field. The second is the name, in parentheses, and may contain blanks. The unit is
        // USER_HZ, 100 a second on every processor that Rust's tier 1 names.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        Some(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
    }

    /// A field of `/proc/PID/status` that counts memory, in bytes.
    pub(crate) fn memory(&self, field: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        value.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    }

    /// Ends it in order, so that it closes the database.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        bail!("the server does not stop")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().map_or_else(drop, drop);
    }
}
