//! The inventory audit log API.

mod access;
mod apis;
mod browser;
mod cors;
mod rows;
mod script;
mod values;

use audit_http::store::domain::Members;
use serde_json::Value;

pub(crate) const LOGS: &str = "/api/v1/audit/logs";
pub(crate) const SUMMARY: &str = "/api/v1/audit/summary";

/// The ids in `logs`, in order.
fn ids_of(answer: &Value) -> Vec<String> {
    let logs = answer["logs"].as_array().unwrap_or_else(|| panic!("no logs: {answer}"));
    assert_eq!(answer["count"], logs.len(), "the count of a list is what it shows");
    logs.iter().map(|log| log["id"].as_str().unwrap().to_owned()).collect()
}

/// A member of a JSON object as it was sent, byte for byte; `null` where it is not there.
fn text_of(object: &str, name: &str) -> String {
    let members = Members::parse(object).unwrap();
    members.last(name).map_or_else(|| "null".to_owned(), ToString::to_string)
}
