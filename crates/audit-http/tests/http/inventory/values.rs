//! Shapes and values: what a log looks like, and what odd events look like as logs.

use audit_http::store::domain::{Members, Timestamp, limits};
use serde_json::json;

use super::{LOGS, SUMMARY, ids_of, text_of};
use crate::common::{Ask, Json, TestServer};

const REQUIRED: &str = r#""user_id":"7","action":"READ","table_name":"products","record_id":"A-1""#;

fn create(server: &TestServer, log: &str) -> String {
    let answer = server.post(&server.admin, LOGS, log).expect(201);
    answer["id"].as_str().unwrap().to_owned()
}

fn native(server: &TestServer, event: &str) -> String {
    server.append(event)["uuid"].as_str().unwrap().to_owned()
}

/// The `log` of a detail, as text.
fn detail(server: &TestServer, id: &str) -> String {
    let answer = server.get(&server.admin, &format!("{LOGS}/{id}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    text_of(&answer.text(), "log")
}

#[test]
fn answers_have_the_keys_of_the_contract_in_their_order() {
    let server = TestServer::start();
    let log = format!(
        r#"{{"uuid":"22222222-0000-4000-8000-000000000001",{REQUIRED},"user_name":"zoe","old_values":{{}},"new_values":{{"b" : 2.0,"a":[]}},"description":"d","ip_address":"192.0.2.1","timestamp":"2023-10-16 12:00:00.5+03:00"}}"#
    );
    let created = server.post(&server.admin, LOGS, log);
    assert_eq!(created.text(), r#"{"status":"success","id":"22222222-0000-4000-8000-000000000001"}"#);
    let shown = r#"{"id":"22222222-0000-4000-8000-000000000001","user_id":"7","user_name":"zoe","action":"READ","table_name":"products","record_id":"A-1","old_values":{},"new_values":{"b" : 2.0,"a":[]},"description":"d","timestamp":"2023-10-16T09:00:00.500000Z""#;
    assert_eq!(server.get(&server.admin, LOGS).text(), format!(r#"{{"status":"success","count":1,"logs":[{shown}}}]}}"#));
    for path in ["22222222-0000-4000-8000-000000000001", "22222222000040008000000000000001/"] {
        let answer = server.get(&server.admin, &format!("{LOGS}/{path}"));
        assert_eq!(answer.text(), format!(r#"{{"status":"success","log":{shown},"ip_address":"192.0.2.1"}}}}"#));
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
    }
    for path in [SUMMARY.to_owned(), format!("{SUMMARY}/")] {
        let summary = r#"{"status":"success","total_logs":1,"by_table":{"products":1},"by_user":{"zoe":1},"by_action":{"READ":1}}"#;
        assert_eq!(server.get(&server.admin, &path).text(), summary);
    }
    assert_eq!(server.get(&server.admin, &format!("{LOGS}/")).expect(200)["count"], 1);
    let head = server.ask(&Ask::new("HEAD", LOGS).key(&server.admin));
    assert_eq!((head.status, head.body.len()), (200, 0));
    server.stop();
}

#[test]
fn an_empty_log_has_empty_lists_and_sums() {
    let server = TestServer::start();
    assert_eq!(server.get(&server.admin, LOGS).text(), r#"{"status":"success","count":0,"logs":[]}"#);
    let empty = r#"{"status":"success","total_logs":0,"by_table":{},"by_user":{},"by_action":{}}"#;
    assert_eq!(server.get(&server.admin, SUMMARY).text(), empty);
    server.stop();
}

#[test]
fn ids_are_strings_whatever_they_were_stored_as() {
    let server = TestServer::start();
    for (event, user_id, user_name, record_id) in [
        (r#"{"user":7,"object_id":859}"#, r#""7""#, "null", r#""859""#),
        (r#"{"user":"7","object_id":"859"}"#, r#""7""#, "null", r#""859""#),
        (r#"{"user":{"pk":7,"username":"zoe"},"object_id":"007"}"#, r#""7""#, r#""zoe""#, r#""007""#),
        (r#"{"user":{"username":"zo\u00eb"},"object_id":-5}"#, "null", r#""zo\u00eb""#, r#""-5""#),
        (r#"{"user":{"pk":1.5,"username":5}}"#, "null", "null", "null"),
        (r#"{"user":{"pk":"a\ud800","pk":"b\ud800"},"object_id":"\ud800"}"#, r#""b\ud800""#, "null", r#""\ud800""#),
        (
            r#"{"user":123456789012345678901234567890,"object_id":"\u0038"}"#,
            r#""123456789012345678901234567890""#,
            "null",
            r#""\u0038""#,
        ),
        (r#"{"user":null}"#, "null", "null", "null"),
    ] {
        let log = detail(&server, &native(&server, event));
        let shown = ["user_id", "user_name", "record_id"].map(|name| text_of(&log, name));
        assert_eq!(shown, [user_id, user_name, record_id], "{event}");
    }
    let shown = detail(&server, &create(&server, r#"{"user_id":8,"action":"READ","table_name":"t","record_id":859}"#));
    assert_eq!((text_of(&shown, "user_id"), text_of(&shown, "record_id")), (r#""8""#.into(), r#""859""#.into()));
    for (query, count) in [("user_id=7", 3), ("user_id=zo%C3%AB", 1), ("user_id=8", 1), ("record_id=859", 3), ("record_id=8", 1)] {
        assert_eq!(server.get(&server.admin, &format!("{LOGS}?{query}")).expect(200)["count"], count, "{query}");
    }
    server.stop();
}

#[test]
fn sides_are_spliced_and_a_content_of_another_shape_has_none() {
    let server = TestServer::start();
    for (content, old, new) in [
        (
            r#"{"new_data":{"quantity" : 2.0,"x":"\ud800"},"old_data":{"quantity":1e400}}"#,
            r#"{"quantity":1e400}"#,
            r#"{"quantity" : 2.0,"x":"\ud800"}"#,
        ),
        (r#"{"old_data":1,"old_data":[ 1 ],"new_\u0064ata":"\u0000"}"#, "[ 1 ]", r#""\u0000""#),
        (r#"{"note":"n"}"#, "null", "null"),
        (r#"{"old_data":false,"new_data":null}"#, "false", "null"),
        (r#"[{"old_data":1}]"#, "null", "null"),
        (r#""old_data""#, "null", "null"),
        ("null", "null", "null"),
    ] {
        let log = detail(&server, &native(&server, &format!(r#"{{"content":{content}}}"#)));
        assert_eq!((text_of(&log, "old_values"), text_of(&log, "new_values")), (old.into(), new.into()), "{content}");
    }
    server.stop();
}

#[test]
fn what_is_created_here_is_a_whole_event() {
    let server = TestServer::start();
    let log = format!(
        r#"{{{REQUIRED},"user_name":"zo\u00eb","new_values":{{"quantity":2.0}},"old_values":null,"description":"by\thand","ip_address":"::1","url":"/x","content_type":41,"session":{{"a" : 1}},"id":"i","timestamp":"2023-10-16"}}"#
    )
    .replace("\\t", "\\u0009");
    let event = server.get(&server.admin, &format!("/api/v1/events/{}", create(&server, &log))).text();
    for (name, value) in [
        ("timestamp", r#""2023-10-16T00:00:00Z""#),
        ("action", r#""READ""#),
        ("content_type", "41"),
        ("table_name", r#""products""#),
        ("object_id", r#""A-1""#),
        ("user", r#"{"pk":"7","username":"zo\u00eb"}"#),
        ("remote_addr", r#""::1""#),
        ("url", r#""/x""#),
        ("description", r#""by\u0009hand""#),
        ("content", r#"{"old_data":null,"new_data":{"quantity":2.0}}"#),
        ("extra", r#"{"session":{"a" : 1},"id":"i"}"#),
    ] {
        assert_eq!(text_of(&event, name), value, "{name}");
    }
    let bare = server.get(&server.admin, &format!("/api/v1/events/{}", create(&server, &format!("{{{REQUIRED}}}")))).text();
    assert_eq!(
        (text_of(&bare, "user"), text_of(&bare, "content"), text_of(&bare, "extra")),
        (r#""7""#.into(), "null".into(), "null".into())
    );
    server.stop();
}

#[test]
fn a_log_may_be_sent_again_and_another_one_not_under_its_uuid() {
    let server = TestServer::start();
    let id = "33333333-0000-4000-8000-000000000001";
    let log = |rest: &str| format!(r#"{{"uuid":"{id}",{REQUIRED}{rest}}}"#);
    let success = json!({"status": "success", "id": id});
    assert_eq!(server.post(&server.admin, LOGS, log(r#","new_values":{"a":1}"#)).expect(201), success);
    assert_eq!(server.post(&server.admin, LOGS, log(r#","new_values":{"a":1},"old_values":null"#)).expect(200), success);
    let conflict = server.post(&server.admin, LOGS, log(r#","new_values":{"a":2}"#)).expect(409);
    let wanted = json!({"status": "error", "code": 409, "error": "Conflict", "fields": ["uuid"],
        "message": "uuid belongs to another audit log already; nothing was stored."});
    assert_eq!(conflict, wanted);
    assert_eq!(ids_of(&server.get(&server.admin, LOGS).expect(200)), [id]);
    server.stop();
}

#[test]
fn summary_keys_are_names_or_ids_and_totals_include_others() {
    let server = TestServer::start();
    let (long, digits) = ("é".repeat(300), "9".repeat(300));
    for event in [
        r#"{"user":{"pk":7,"username":"zo\u00eb \"x\"\\\n"},"table_name":"a\ud800","action":"LOGIN\u0000"}"#.to_owned(),
        r#"{"user":{"pk":8,"username":"zoë \"x\"\\\n"},"table_name":"a\ud800","action":"LOGIN\u0000"}"#.to_owned(),
        r#"{"user":{"pk":7},"action":"__proto__"}"#.to_owned(),
        r#"{"user":7}"#.to_owned(),
        r#"{"user":"7"}"#.to_owned(),
        format!(r#"{{"user":"{long}","table_name":"{long}"}}"#),
        format!(r#"{{"user":{digits}}}"#),
        format!(r#"{{"user":{{"pk":{digits}}}}}"#),
        r#"{"user":null}"#.to_owned(),
    ] {
        server.append(&event);
    }
    let summary = Json::parse(&server.get(&server.admin, SUMMARY).text());
    assert_eq!(summary.member("total_logs").and_then(Json::int), Some(9));
    let text = server.get(&server.admin, SUMMARY).text();
    let groups = |name: &str| {
        let object = text_of(&text, name);
        let members = Members::parse(&object).unwrap();
        members.iter().map(|member| (member.key.to_owned(), member.value.as_str().parse().unwrap())).collect::<Vec<(String, i64)>>()
    };
    let mut by_user = groups("by_user");
    by_user.sort_unstable();
    let mut wanted = vec![
        (r#""zoë \"x\"\\\n""#.to_owned(), 2),
        ("\"7\"".to_owned(), 3),
        (format!("\"{long}\""), 1),
        (format!("\"{digits}\""), 2),
    ];
    wanted.sort_unstable();
    assert_eq!(by_user, wanted);
    assert_eq!(groups("by_table"), [(r#""a\ud800""#.to_owned(), 2), (format!("\"{long}\""), 1)]);
    assert_eq!(groups("by_action"), [(r#""LOGIN\u0000""#.to_owned(), 2), ("\"__proto__\"".to_owned(), 1)]);
    // What the page takes from the summary, it sends as a filter.
    for (query, total) in [("user_id=zo%C3%AB+%22x%22%5C%0A", 2), ("user_id=7", 4), ("action=LOGIN%00", 2), ("action=__proto__", 1)]
    {
        let count = |path: &str, name: &str| {
            let answer = Json::parse(&server.get(&server.admin, &format!("{path}?{query}")).text());
            answer.member(name).and_then(Json::int)
        };
        assert_eq!((count(LOGS, "count"), count(SUMMARY, "total_logs")), (Some(total), Some(total)), "{query}");
    }
    server.stop();
}

#[test]
fn empty_and_unknown_filters_are_ignored_and_blanks_kept() {
    let server = TestServer::start();
    create(
        &server,
        r#"{"user_id":"1","user_name":" zoe ","action":"READ","table_name":"a b","record_id":"1","timestamp":"2023-10-16T09:00:00Z"}"#,
    );
    create(&server, r#"{"user_id":"2","action":"DELETE","table_name":"ab","record_id":"2","timestamp":"2023-10-17T00:00:00Z"}"#);
    let everything = "user_id=&table_name=&start_date=&end_date=&action=&record_id=&skip=&limit=";
    for (query, count) in [
        (everything, 2),
        ("user=1&format=xml&page=9&channel_id=2", 2),
        ("user_id=+zoe+", 1),
        ("user_id=zoe", 0),
        ("table_name=a+b", 1),
        ("table_name=+", 0),
        ("action=READ&action=DELETE", 1),
        ("action=read", 0),
        ("start_date=+2023-10-17+&limit=+5+&skip=+0+", 1),
        ("end_date=2023-10-16", 1),
        ("start_date=2023-10-16T09:00:00.000001Z", 1),
        ("end_date=2023-10-17T00:00:00Z", 2),
        ("end_date=2023-10-16T23:59:59.999999Z", 1),
        ("end_date=2023-10-17", 2),
        ("start_date=2023-10-17T03:00:00%2B03:00", 1),
        ("start_date=0001-01-01&end_date=9999-12-31", 2),
    ] {
        let list = server.get(&server.admin, &format!("{LOGS}?{query}")).expect(200);
        assert_eq!(list["count"], count, "{query}");
        let summary = server.get(&server.admin, &format!("{SUMMARY}?{query}")).expect(200);
        assert_eq!(summary["total_logs"], count, "{query}");
    }
    let ids = ids_of(&server.get(&server.admin, LOGS).expect(200));
    let page = |query: &str| ids_of(&server.get(&server.admin, &format!("{LOGS}?{query}")).expect(200));
    assert_eq!((page("limit=1"), page("limit=1&skip=1"), page("skip=2")), (vec![ids[0].clone()], vec![ids[1].clone()], vec![]));
    server.stop();
}

#[test]
fn the_largest_and_the_deepest_log_come_back() {
    let server = TestServer::start();
    let deepest = format!("{}{}", "[".repeat(limits::NESTING_MAX - 1), "]".repeat(limits::NESTING_MAX - 1));
    let start = format!(r#"{{{REQUIRED},"old_values":{deepest},"new_values":""#);
    let largest = format!("{start}{}\"}}", "x".repeat(limits::EVENT_BYTES_MAX - start.len() - 2));
    // As a text: inside an answer it is too deep for the reader of this test.
    let shown = server.get(&server.admin, &format!("{LOGS}/{}", create(&server, &largest))).text();
    let sides = &largest[largest.find("\"old_values\"").unwrap()..largest.len() - 1];
    assert!(shown.contains(sides), "{shown:.2000}");
    let deeper = largest.replacen(&deepest, &format!("[{deepest}]"), 1).replacen("xx", "", 1);
    assert_eq!(server.post(&server.admin, LOGS, deeper).expect(400)["message"], "nested more than 500 levels deep");
    server.stop();
}

#[test]
fn a_log_without_a_timestamp_happened_now() {
    let server = TestServer::start();
    let before = Timestamp::now().unwrap();
    let id = create(&server, &format!("{{{REQUIRED}}}"));
    let event = server.get(&server.admin, &format!("/api/v1/events/{id}")).expect(200);
    let at = |name: &str| Timestamp::parse(event[name].as_str().unwrap()).unwrap();
    assert!(before <= at("timestamp") && at("timestamp") <= at("recorded_at"), "{event}");
    assert_eq!(text_of(&detail(&server, &id), "timestamp"), event["timestamp"].to_string());
    server.stop();
}
