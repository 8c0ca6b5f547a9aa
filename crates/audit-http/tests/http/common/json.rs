//! JSON as it was sent: numbers by their digits, members in order.

use audit_http::store::domain::JsonString;
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value that keeps what `serde_json::Value` loses. Of a repeated member the last value counts, at the first place,
/// as Python reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(JsonString),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text; serde_json says whether it is one.
    pub(crate) fn parse(text: &str) -> Json {
        let raw: &RawValue = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:.200}"));
        let mut rest = raw.get();
        let json = value(&mut rest);
        assert!(rest.is_empty(), "not read: {rest:.200}");
        json
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(crate) fn str(&self) -> Option<&str> {
        match self {
            Json::Text(text) => text.as_str(),
            _ => None,
        }
    }

    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Json::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> &[Json] {
        match self {
            Json::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn members(&self) -> &[(String, Json)] {
        match self {
            Json::Object(members) => members,
            _ => &[],
        }
    }
}

/// Takes one value of a well-formed text off its front.
fn value(rest: &mut &str) -> Json {
    match rest.as_bytes()[0] {
        b'{' => {
            let mut members: Vec<(String, Json)> = Vec::new();
            items(rest, '}', |rest| {
                let name = String::from_utf8_lossy(string(rest).as_bytes()).into_owned();
                skip(rest, ":");
                let value = value(rest);
                match members.iter_mut().find(|(known, _)| *known == name) {
                    Some(known) => known.1 = value,
                    None => members.push((name, value)),
                }
            });
            Json::Object(members)
        }
        b'[' => {
            let mut list = Vec::new();
            items(rest, ']', |rest| list.push(value(rest)));
            Json::List(list)
        }
        b'"' => Json::Text(string(rest)),
        _ => {
            let end = rest.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
            match cut(rest, end) {
                "null" => Json::Null,
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                number => Json::Number(number.to_owned()),
            }
        }
    }
}

fn items<'a>(rest: &mut &'a str, close: char, mut item: impl FnMut(&mut &'a str)) {
    cut(rest, 1);
    skip(rest, "");
    while !rest.starts_with(close) {
        item(rest);
        skip(rest, ",");
    }
    cut(rest, 1);
}

fn string(rest: &mut &str) -> JsonString {
    let bytes = rest.as_bytes();
    let mut end = 1;
    while bytes[end] != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    JsonString::decode(cut(rest, end + 1)).unwrap()
}

fn cut<'a>(rest: &mut &'a str, at: usize) -> &'a str {
    let (head, tail) = rest.split_at(at);
    *rest = tail;
    head
}

/// Skips blanks, a separator where there is one, and blanks.
fn skip(rest: &mut &str, separator: &str) {
    const BLANKS: [char; 4] = [' ', '\n', '\r', '\t'];
    *rest = rest.trim_start_matches(BLANKS);
    *rest = rest.strip_prefix(separator).unwrap_or(rest).trim_start_matches(BLANKS);
}

/// `results` of a list.
pub(crate) fn results_of(page: &Value) -> &Vec<Value> {
    page["results"].as_array().unwrap_or_else(|| panic!("no results: {page}"))
}

/// The uuids in `results`, in order.
pub(crate) fn uuids_of(page: &Value) -> Vec<String> {
    results_of(page).iter().map(|event| event["uuid"].as_str().unwrap().to_owned()).collect()
}
