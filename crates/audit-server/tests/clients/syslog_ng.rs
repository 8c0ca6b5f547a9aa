//! syslog-ng with the configuration of `examples/clients`: the log has each line once, even if answers are lost.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};

use serde_json::Value;

use crate::common::eventually;
use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::front::{Behind, Front};
use crate::tools::{clients, tool};

/// A running syslog-ng, which receives lines over TCP.
struct SyslogNg {
    process: Child,
    port: u16,
}

impl SyslogNg {
    /// Starts it with the configuration, which reads the lines of this machine. Here it reads a port.
    fn start(directory: &Path, url: &str) -> SyslogNg {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = fs::read_to_string(clients().join("syslog-ng.conf")).unwrap();
        let source = format!("network(ip(\"127.0.0.1\") port({port}) transport(\"tcp\"));");
        assert!(config.contains("    system();\n    internal();\n"));
        let config = config.replace("    system();\n    internal();\n", &format!("    {source}\n"));
        let file = directory.join("syslog-ng.conf");
        fs::write(&file, config).unwrap();
        let mut command: Command = tool("syslog-ng");
        command.args(["--foreground", "--no-caps", "--cfgfile"]).arg(file);
        for (option, name) in [("--persist-file", "persist"), ("--control", "control"), ("--pidfile", "pid")] {
            command.arg(option).arg(directory.join(name));
        }
        let process = command.env("AUDIT_URL", url).env("AUDIT_KEY", KEY).spawn().unwrap();
        SyslogNg { process, port }
    }

    fn tell(&self, lines: &str) {
        let mut socket = eventually(|| TcpStream::connect(("127.0.0.1", self.port)).ok()).unwrap();
        socket.write_all(lines.as_bytes()).unwrap();
    }
}

impl Drop for SyslogNg {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn logs(server: &Server) -> Vec<Value> {
    let mut client = Client::connect(server.address, KEY).unwrap();
    let page = client.get("/api/v1/action-logs?sort=position&limit=1000").unwrap().json();
    page["results"].as_array().unwrap().clone()
}

#[test]
fn what_syslog_ng_is_told_is_in_the_log_once() {
    let (place, directory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(place.path());
    let front = Front::open(Behind::Busy);
    let syslog = SyslogNg::start(directory.path(), &front.url());
    let mut lines = String::new();
    for severity in 0..8 {
        // The facility 4 is `auth`.
        let priority = 4 * 8 + severity;
        writeln!(lines, "<{priority}>Nov 30 20:00:0{severity} web1 sshd[10{severity}]: line {severity} \"é\" password=hunter2")
            .unwrap();
    }
    syslog.tell(&lines);
    eventually(|| (front.connections() > 1).then_some(())).unwrap();
    assert!(logs(&server).is_empty(), "503 stored something");
    front.show(Behind::Mute(server.address));
    eventually(|| (logs(&server).len() == 8).then_some(())).unwrap();
    let before = front.connections();
    eventually(|| (front.connections() > before).then_some(())).unwrap();
    front.show(Behind::Server(server.address));
    syslog.tell("<13>Nov 30 20:01:00 web1 cron[7]: the last\n");
    let logs = eventually(|| Some(logs(&server)).filter(|logs| logs.iter().any(|log| log["message"] == "the last"))).unwrap();
    let shown: Vec<(i64, String)> =
        logs.iter().map(|log| (log["level"].as_i64().unwrap(), log["message"].as_str().unwrap().to_owned())).collect();
    let masked = |severity: usize| format!("line {severity} \"é\" password=[masked]");
    let levels = [50, 50, 50, 40, 30, 25, 20, 10];
    let mut wanted: Vec<(i64, String)> = levels.into_iter().enumerate().map(|(at, level)| (level, masked(at))).collect();
    wanted.push((25, "the last".to_owned()));
    assert_eq!(shown, wanted);
    let of = |log: &Value, pointer: &str| log.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let origin = ["/logger_name", "/extra/pid", "/extra/facility"].map(|pointer| of(&logs[3], pointer));
    assert_eq!(origin, ["sshd", "103", "auth"]);
    let uuids: HashSet<String> = logs.iter().map(|log| of(log, "/uuid")).collect();
    assert_eq!(uuids.len(), logs.len());
    drop(syslog);
    server.stop();
}
