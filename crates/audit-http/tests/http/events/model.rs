//! The fixture as a client knows it, to compute what the server should answer.

use std::sync::OnceLock;

use audit_http::store::domain::Timestamp;

use crate::common::{Json, fixture_lines};

/// One line of the fixture, and where the log has it.
pub(super) struct Line {
    pub(super) json: Json,
    pub(super) uuid: String,
    pub(super) channel: i64,
    pub(super) position: i64,
    pub(super) micros: i64,
}

impl Line {
    pub(super) fn all() -> &'static [Line] {
        static LINES: OnceLock<Vec<Line>> = OnceLock::new();
        LINES.get_or_init(|| {
            let mut positions = [0; 10];
            let read = |line: &String| {
                let json = Json::parse(line);
                let channel = json.member("channel_id").and_then(Json::int).unwrap();
                let text = |name: &str| json.member(name).and_then(Json::str).unwrap().to_owned();
                let (uuid, micros) = (text("uuid"), Timestamp::parse(&text("timestamp")).unwrap().micros());
                let next = &mut positions[channel as usize];
                *next += 1;
                Line { uuid, channel, position: *next - 1, micros, json }
            };
            fixture_lines().iter().map(read).collect()
        })
    }

    /// The digits of a number or the characters of a string; `None` for null and the rest.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        plain(self.json.member(name)?)
    }

    /// `user.pk`, `user.id` where there is no `pk`, or the bare user.
    pub(super) fn user(&self) -> Option<String> {
        match self.json.member("user")? {
            object @ Json::Object(_) => {
                let pk = object.member("pk").filter(|pk| **pk != Json::Null);
                plain(pk.or(object.member("id"))?)
            }
            bare => plain(bare),
        }
    }

    /// What the two sides of the content stand for.
    pub(super) fn action(&self) -> Option<&'static str> {
        let content = self.json.member("content")?;
        let has = |side: &str| content.member(side).is_some_and(|value| *value != Json::Null);
        match (has("old_data"), has("new_data")) {
            (true, true) => Some("UPDATE"),
            (true, false) => Some("DELETE"),
            (false, true) => Some("CREATE"),
            (false, false) => None,
        }
    }
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::Number(digits) => Some(digits.clone()),
        Json::Text(text) => text.as_str().map(str::to_owned),
        _ => None,
    }
}

/// The uuids of lines, newest first, as the server lists them.
pub(super) fn newest_first(mut lines: Vec<&Line>) -> Vec<String> {
    lines.sort_by_key(|line| std::cmp::Reverse((line.micros, line.channel, line.position)));
    lines.iter().map(|line| line.uuid.clone()).collect()
}

/// As Python's `quote`.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
