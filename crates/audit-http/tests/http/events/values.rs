//! Filters that take several values, and filters for what something is not.

use super::model::{Line, escaped, newest_first};
use crate::common::{Fixture, Json, TestServer, results_of, uuids_of};

const EVENTS: &str = "/api/v1/events";

/// Counts, lists and sums up with a query, and compares with the lines that a client would expect.
fn check(server: &TestServer, query: &str, wanted: impl Fn(&Line) -> bool) {
    let lines: Vec<&Line> = Line::all().iter().filter(|line| wanted(line)).collect();
    let page = server.get(&server.admin, &format!("{EVENTS}?channel_id=all&count=true&limit=50&{query}")).expect(200);
    let summary = server.get(&server.admin, &format!("{EVENTS}/summary?channel_id=all&group_by=action&{query}")).expect(200);
    assert_eq!((&page["count"], &summary["total"]), (&lines.len().into(), &lines.len().into()), "{query}");
    assert_eq!(uuids_of(&page), newest_first(lines)[..results_of(&page).len()], "{query}");
}

/// The texts of some lines, as a list that is separated by commas.
fn list(texts: &[String]) -> String {
    texts.iter().map(|text| escaped(&format!("\"{}\"", text.replace('"', "\"\"")))).collect::<Vec<_>>().join(",")
}

#[test]
fn every_filter_takes_several_values_and_what_is_not_wanted() {
    let server = Fixture::get().serve(|_| {});
    let lines: Vec<&Line> = Line::all().iter().step_by(1_301).collect();
    for name in ["content_type", "object_id", "remote_addr", "url", "user"] {
        let value = |line: &Line| if name == "user" { line.user() } else { line.text(name) };
        let texts: Vec<String> = lines.iter().filter_map(|line| value(line)).collect();
        let is_one = |line: &Line| value(line).is_some_and(|text| texts.contains(&text));
        check(&server, &format!("{name}__in={}", list(&texts)), is_one);
        check(&server, &format!("{name}__not={}", list(&texts)), |line| !is_one(line));
        check(&server, &format!("{name}__in={}&{name}__not={}", list(&texts), list(&texts[..1])), |line| {
            is_one(line) && value(line).is_some_and(|text| text != texts[0])
        });
    }
    let uuids: Vec<&str> = lines.iter().map(|line| line.uuid.as_str()).collect();
    check(&server, &format!("uuid__in={}", uuids.join(",")), |line| uuids.contains(&line.uuid.as_str()));
    check(&server, &format!("uuid__not={}&position__lt=9", uuids.join(",")), |line| {
        line.position < 9 && !uuids.contains(&line.uuid.as_str())
    });
    check(&server, "action__in=CREATE,DELETE,READ", |line| matches!(line.action(), Some("CREATE" | "DELETE")));
    check(&server, "action__not=UPDATE", |line| line.action() != Some("UPDATE"));
    check(&server, "action=CREATE&action__in=DELETE,CREATE", |line| line.action() == Some("CREATE"));
    check(&server, "action=CREATE&action__not=CREATE", |_| false);
    check(&server, "table_name__in=a,b", |_| false);
    check(&server, "table_name__not=a,b", |_| true);
    server.stop();
}

#[test]
fn what_has_no_value_is_none_of_those_that_are_not_wanted() {
    let server = TestServer::start();
    for url in [r#""/a,b""#, r#""/a""#, r#""\"b""#, r#""""#, "null"] {
        server.append(&format!(r#"{{"url":{url}}}"#));
    }
    let shown = |query: &str| -> Vec<i64> {
        let page = server.get(&server.admin, &format!("{EVENTS}?sort=position&{query}")).expect(200);
        results_of(&page).iter().map(|event| event["position"].as_i64().unwrap()).collect()
    };
    assert_eq!(shown("url__not=/a"), [0, 2, 3, 4]);
    assert_eq!(shown("url__not=/a,%22%22"), [0, 2, 4]);
    assert_eq!(shown("url__in=/a,b"), [1], "a comma ends a value");
    assert_eq!(shown("url__in=%22/a,b%22"), [0], "unless it is in quotes");
    assert_eq!(shown("url__in=%22%22%22b%22,/a"), [1, 2]);
    assert_eq!(shown("url__in=%22%22"), [3]);
    // At the published APIs this is an unknown parameter, and does nothing.
    let published = server.get(&server.admin, "/api/v1/oms/settings/audit_events/?url__in=/a&url__not=/b").expect(200);
    assert_eq!(published["count"], 5);
    server.stop();
}

/// The fields that only one side of the content has, or both with other values.
fn changed(line: &Line) -> Vec<String> {
    let side = |name: &str| line.json.member("content").and_then(|content| content.member(name)).map_or(&[][..], Json::members);
    let (old, new) = (side("old_data"), side("new_data"));
    let differ = old.iter().filter(|member| !new.contains(member)).chain(new.iter().filter(|member| !old.contains(member)));
    differ.map(|(name, _)| name.clone()).collect()
}

#[test]
fn who_changed_a_field_is_found_by_its_name() {
    let server = Fixture::get().serve(|_| {});
    for name in ["version", "architecture", "bin", "@timestamp", "Version", "object_id", "absent"] {
        check(&server, &format!("changed={name}"), |line| changed(line).iter().any(|field| field == name));
        check(&server, &format!("changed={name}&action=UPDATE&user__not=7"), |line| {
            line.action() == Some("UPDATE")
                && line.user().as_deref() != Some("7")
                && changed(line).iter().any(|field| field == name)
        });
    }
    let is_one = |line: &Line| changed(line).iter().any(|field| field == "bin" || field == "url");
    check(&server, "changed__in=bin,url", is_one);
    check(&server, "changed__not=url,bin", |line| !is_one(line));
    server.stop();
}

/// Whether one of the texts of a value has a part, in whichever case.
fn has_part(json: &Json, part: &str) -> bool {
    let is_in = |text: &[u8]| String::from_utf8_lossy(text).to_ascii_lowercase().contains(&part.to_ascii_lowercase());
    match json {
        Json::Null | Json::Bool(_) => false,
        Json::Number(digits) => is_in(digits.as_bytes()),
        Json::Text(text) => is_in(text.as_bytes()),
        Json::List(all) => all.iter().any(|one| has_part(one, part)),
        Json::Object(members) => members.iter().any(|(name, value)| is_in(name.as_bytes()) || has_part(value, part)),
    }
}

#[test]
fn a_search_looks_into_content_url_description_and_user() {
    let server = Fixture::get().serve(|_| {});
    let parts =
        ["nodejs", "ODEJ", "github.com/", "x64-", "3.1", "Ω", "田", "<script", "powershell.exe", "e", "--", "%s", "absent word"];
    for part in parts {
        let found = |line: &Line| {
            let searched = ["content", "url", "description", "user"];
            searched.iter().filter_map(|name| line.json.member(name)).any(|value| has_part(value, part))
        };
        check(&server, &format!("search={}", escaped(part)), found);
        check(&server, &format!("search={}&changed=version", escaped(part)), |line| {
            found(line) && changed(line).iter().any(|field| field == "version")
        });
    }
    server.stop();
}

#[test]
fn cursors_ignore_the_order_of_filter_values() {
    let server = Fixture::get().serve(|_| {});
    let page = server.get(&server.admin, &format!("{EVENTS}?limit=1&action__in=CREATE,UPDATE")).expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let status = |query: &str| server.get(&server.admin, &format!("{EVENTS}?limit=1&{query}&cursor={cursor}")).status;
    assert_eq!(status("action__in=UPDATE,CREATE,CREATE"), 200);
    for other in
        ["action__in=CREATE", "action__not=CREATE,UPDATE", "action=CREATE", "url__in=CREATE,UPDATE", "changed=a", "search=a"]
    {
        assert_eq!(status(other), 400, "{other}");
    }
    server.stop();
}
