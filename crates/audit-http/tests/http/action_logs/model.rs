//! Real logs as a client knows them, to compute what the server should answer.

use std::sync::OnceLock;

use audit_http::store::AppendRequest;
use audit_http::store::domain::{NewActionLog, ParseMode, Timestamp};
use serde_json::Value;

use crate::common::{TestServer, action_log_lines};

pub(super) const NATIVE: &str = "/api/v1/action-logs";
pub(super) const OMS: &str = "/api/v1/oms/logs/action_log/";

/// One line of the file, and where the log has it: every fourth is in channel 2, the others in channel 1.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) json: Value,
    pub(super) channel: i64,
    pub(super) position: i64,
    pub(super) micros: i64,
}

impl Line {
    pub(super) fn all() -> &'static [Line] {
        static LINES: OnceLock<Vec<Line>> = OnceLock::new();
        LINES.get_or_init(|| {
            let mut positions = [0; 3];
            let read = |(index, text): (usize, String)| {
                let json: Value = serde_json::from_str(&text).unwrap();
                let channel = if index % 4 == 0 { 2 } else { 1 };
                let micros = Timestamp::parse(json["created_at"].as_str().unwrap()).unwrap().micros();
                positions[channel] += 1;
                Line { text, json, channel: channel as i64, position: positions[channel] - 1, micros }
            };
            action_log_lines().into_iter().enumerate().map(read).collect()
        })
    }

    pub(super) fn level(&self) -> i64 {
        self.json["level"].as_i64().unwrap()
    }

    /// The characters of a member.
    pub(super) fn str(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap()
    }

    /// Whether the message or the trace has a part, whatever the case of its ASCII letters.
    pub(super) fn has(&self, part: &str) -> bool {
        let part = part.to_ascii_lowercase();
        ["message", "trace"].iter().any(|name| self.str(name).to_ascii_lowercase().contains(&part))
    }

    pub(super) fn place(&self) -> (i64, i64) {
        (self.channel, self.position)
    }
}

/// Channel and position of lines, newest first, as the server lists them.
pub(super) fn newest_first(mut lines: Vec<&Line>) -> Vec<(i64, i64)> {
    lines.sort_by_key(|line| std::cmp::Reverse((line.micros, line.place())));
    lines.iter().map(|line| line.place()).collect()
}

/// Channel and position of what a page of the native API shows.
pub(super) fn places(page: &Value) -> Vec<(i64, i64)> {
    let number = |log: &Value, name: &str| log[name].as_i64().unwrap();
    crate::common::results_of(page).iter().map(|log| (number(log, "channel_id"), number(log, "position"))).collect()
}

/// A server whose log holds all lines.
pub(super) fn serve() -> TestServer {
    let server = TestServer::start();
    for lines in Line::all().chunks(1000) {
        let logs = lines.iter().map(|line| {
            let log = server.store.channel(line.channel).unwrap().action_logs();
            log.prepare(NewActionLog::parse(&line.text, ParseMode::NATIVE).unwrap()).unwrap()
        });
        server.store.append(AppendRequest::new(logs)).unwrap().wait().unwrap();
    }
    server
}

/// As Python's `quote`.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
