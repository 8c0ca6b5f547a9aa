//! The tables are complete, and are those of the page for people.

use super::build::MEMBERS;
use super::table::{How, Id, Row, Table};
use super::{Format, recognize};
use crate::json::Members;

/// How a value is converted, as the page says it.
fn how_in_words(how: &How) -> String {
    let listed = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
    match how {
        How::Text | How::Any => "as it is".to_owned(),
        How::DateTime => "a date-time, as it is".to_owned(),
        How::Millis => "milliseconds since 1970".to_owned(),
        How::Nanos => "nanoseconds since 1970, cut to microseconds".to_owned(),
        How::Names(names) => {
            let pairs: Vec<String> = names.iter().map(|(own, native)| format!("`{own}` is `{native}`")).collect();
            format!("{}; otherwise as it is", pairs.join(", "))
        }
        How::Codes(codes) => {
            let pairs: Vec<String> = codes.iter().map(|(own, native)| format!("{own} is `{native}`")).collect();
            pairs.join(", ")
        }
        How::Present(text) => format!("`{text}` if there is a value"),
        How::HttpStatus => "`failure` from 400 on, otherwise `success`".to_owned(),
        How::Joined { parts, .. } => {
            format!("{}, joined by `/`", parts.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(" and "))
        }
        How::Identity { ids, names } => format!("`pk` is {}; `username` is {}", listed(ids), listed(names)),
        How::TraceId => "its trace id".to_owned(),
    }
}

fn line(row: &Row) -> String {
    let condition = row.only_with.map_or(String::new(), |name| format!(", only with `{name}`"));
    format!("| `{}` | `{}` | {}{condition} |", row.field, row.member, how_in_words(&row.how))
}

/// The row of the uuid, which has rules of its own.
fn id(id: &Id) -> String {
    let derived = id.parts.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" and ");
    match id.own {
        Some(own) => format!("| `{own}` | `uuid` | as it is if it is a UUID; otherwise made of {derived} |"),
        None => format!("| {derived} | `uuid` | made of them |"),
    }
}

fn table(table: &Table) -> String {
    let head = ["| field | member | value |".to_owned(), "| --- | --- | --- |".to_owned(), id(&table.id)];
    head.into_iter().chain(table.rows.iter().map(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_page_for_people_has_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/convert.md");
    let page = std::fs::read_to_string(path).unwrap();
    for format in Format::ALL {
        let section = page.split("\n## ").find(|section| section.starts_with(&format!("`{format}`"))).unwrap_or_default();
        let wanted = table(format.table());
        assert!(section.contains(&format!("\n{wanted}\n")), "docs/convert.md lacks, under `{format}`:\n{wanted}");
    }
}

#[test]
fn every_row_fills_a_member_that_is_written() {
    for format in Format::ALL {
        assert_eq!(Format::parse(format.name()), Some(format));
        for row in format.table().rows {
            assert!(MEMBERS.contains(&row.member), "{format}: {}", row.member);
        }
    }
    assert_eq!(Format::parse("CloudTrail"), None);
}

fn seen(text: &str) -> Option<(Option<Format>, &'static str)> {
    recognize(&Members::parse(text).unwrap()).map(|known| (known.format(), known.name()))
}

#[test]
fn records_are_recognized_by_their_members() {
    for (text, format, name) in [
        (r#"{"Records":[{"eventVersion":"1","eventID":"1"}]}"#, Some(Format::CloudTrail), "CloudTrail records"),
        (r#"{"eventVersion":"1","eventID":"1","eventTime":"x"}"#, Some(Format::CloudTrail), "a CloudTrail record"),
        (r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1"}"#, Some(Format::K8sAudit), "an EventList of Kubernetes"),
        (r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1"}"#, Some(Format::K8sAudit), "an audit event of Kubernetes"),
        (r#"{"resourceLogs":[]}"#, Some(Format::Otlp), "OTLP logs"),
        (r#"{"specversion":"1.0","id":"1","source":"/","type":"t"}"#, Some(Format::CloudEvents), "a CloudEvent"),
        (r#"{"class_uid":6003,"metadata":{}}"#, Some(Format::Ocsf), "an OCSF event"),
        (r#"{"class_uid":3002,"category_uid":3}"#, None, "an OCSF event"),
        (r#"{"id":1,"author_id":1,"entity_id":6,"entity_type":"Project"}"#, None, "an audit event of GitLab"),
        (r#"{"uuid":"x","published":"x","eventType":"x","actor":{}}"#, None, "an event of Okta's System Log"),
        (r#"{"action":"a","occurred_at":"x","actor":{},"targets":[]}"#, None, "an audit event of WorkOS"),
        (r#"{"organization_id":"o","event":{"occurred_at":"x","actor":{},"targets":[]}}"#, None, "an audit event of WorkOS"),
    ] {
        assert_eq!(seen(text), Some((format, name)), "{text}");
    }
    for other in [
        "{}",
        r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3"}]}"#,
        r#"{"Records":5}"#,
        r#"{"kind":"Event","apiVersion":"v1","type":"Warning"}"#,
        r#"{"resourceSpans":[]}"#,
        r#"{"resourceLogs":{}}"#,
        r#"{"published":"x","actor":{}}"#,
        r#"{"event":[]}"#,
    ] {
        assert_eq!(seen(other), None, "{other}");
    }
}
