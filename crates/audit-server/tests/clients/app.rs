//! An application that sends what it is told to, in a process of its own, so that it can die.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::common::server::KEY;
use crate::common::wait;
use crate::tools::{clients, node_with_express, tool};

/// The clients under test.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    PythonLog,
    PythonEvents,
    Express,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::PythonLog, Kind::PythonEvents, Kind::Express];

    fn command(self) -> Command {
        let (mut command, script, argument) = match self {
            Kind::PythonLog => (tool("python3"), "app.py", "log"),
            Kind::PythonEvents => (tool("python3"), "app.py", "events"),
            Kind::Express => (node_with_express("^5"), "app.js", "events"),
        };
        command.arg(clients().join("tests").join(script)).arg(argument);
        command
    }

    /// Where the records are read, and the member that holds the label.
    pub(crate) fn list(self) -> (&'static str, &'static str) {
        match self {
            Kind::PythonLog => ("/api/v1/action-logs", "message"),
            Kind::PythonEvents | Kind::Express => ("/api/v1/events", "description"),
        }
    }

    /// What the spool's files are called after.
    pub(crate) fn files(self) -> &'static str {
        match self {
            Kind::PythonLog => "action-logs",
            Kind::PythonEvents => "events",
            Kind::Express => "requests",
        }
    }
}

/// Killed when it is dropped.
pub(crate) struct App {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// The label of each record it has made.
    pub(crate) sent: Vec<String>,
}

impl App {
    pub(crate) fn start(kind: Kind, url: &str, spool: &Path) -> App {
        let mut command = kind.command();
        command.env("AUDIT_URL", url).env("AUDIT_KEY", KEY).env("AUDIT_SPOOL", spool);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        App { child, input, output, sent: Vec::new() }
    }

    pub(crate) fn send(&mut self, count: usize) {
        let labels = self.tell(&format!("send {count}"));
        assert_eq!(labels.len(), count);
        self.sent.extend(labels);
    }

    pub(crate) fn poison(&mut self) {
        self.tell("poison");
    }

    pub(crate) fn spool(&mut self) {
        assert_eq!(self.tell("spooled"), ["spooled true"]);
    }

    pub(crate) fn flush(&mut self) {
        assert_eq!(self.tell("flush"), ["flushed true"]);
    }

    /// The lines that it answers.
    fn tell(&mut self, command: &str) -> Vec<String> {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the application ended at {command:?}");
            match line.trim_end() {
                "done" => return lines,
                other => lines.push(other.to_owned()),
            }
        }
    }

    /// Ends in order.
    pub(crate) fn close(mut self) -> Vec<String> {
        drop(self.input.take());
        let ended = wait(&mut self.child).unwrap_or_else(|| panic!("the application does not end"));
        assert!(ended.success(), "{ended}");
        std::mem::take(&mut self.sent)
    }

    /// Dies without a chance to finish anything.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::take(&mut self.sent)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap_or_default();
    }
}
