//! Channels: where an event goes, and what a key sees.

use audit_http::store::domain::Role;
use serde_json::Value;

use crate::common::{Ask, TestServer, results_of, uuids_of};

const OMS: &str = "/api/v1/oms/settings/audit_events/";
const WAREHOUSE: &str = "/api/v1/data-warehouse/audit-events/";
const EVENTS: &str = "/api/v1/events";

fn remote(channel: &str) -> String {
    format!("/api/v1/remote/{channel}/data-warehouse/audit-events/")
}

/// Where the one event of the url is, by a look into every channel.
fn channel_of(server: &TestServer, url: &str) -> Vec<i64> {
    let page = server.get(&server.admin, &format!("{EVENTS}?channel_id=all&url={url}")).expect(200);
    results_of(&page).iter().map(|event| event["channel_id"].as_i64().unwrap()).collect()
}

#[test]
fn the_channel_comes_from_path_body_token_or_default() {
    let server = TestServer::start();
    // Token, path, body, channel that it goes to; 0 stands for 400, -1 for 404.
    let rules: &[(&str, Option<&str>, Option<i64>, i64)] = &[
        ("5", None, None, 5),
        ("5", None, Some(5), 5),
        ("5", None, Some(1), -1),
        ("5", Some("5"), Some(1), 5),
        ("5", Some("1"), Some(5), -1),
        ("1,5", None, None, 1),
        ("1,5", None, Some(5), 5),
        ("1,5", Some("5"), None, 5),
        ("1,5", Some("5"), Some(1), 5),
        ("4,5", None, None, 0),
        ("4,5", None, Some(4), 4),
        ("4,5", Some("4"), None, 4),
        ("4,5", None, Some(1), -1),
        ("*", None, None, 1),
        ("*", None, Some(77), 77),
        ("*", Some("78"), Some(77), 78),
        ("*", Some("0"), None, 0),
        ("0", None, None, 0),
    ];
    for (index, (grant, path, body, goes)) in rules.iter().enumerate() {
        let key = server.token(Role::Writer, grant);
        let mut tried = 0;
        let mut check = |target: &str, list: bool| {
            tried += 1;
            let url = format!("/{index}/{tried}");
            let channel = body.map_or(String::new(), |id| format!(",\"channel_id\":{id}"));
            let event = format!("{{\"url\":\"{url}\"{channel}}}");
            let event = if list { format!("[{event}]") } else { event };
            let answer = server.post(&key, target, event);
            let is_native = target == EVENTS;
            match *goes {
                -1 => assert_eq!(answer.status, 404, "{}", answer.text()),
                0 if *grant == "4,5" => {
                    assert_eq!(answer.status, 400);
                    let why = match (is_native, list) {
                        (false, _) => r#"{"channel_id":["This field is required."]}"#,
                        (true, false) => {
                            r#""pointer":"/channel_id","detail":"channel_id is required: this token may write several"#
                        }
                        (true, true) => {
                            r#""pointer":"/0/channel_id","detail":"channel_id is required: this token may write several"#
                        }
                    };
                    assert!(answer.text().contains(why), "{}", answer.text());
                }
                channel => {
                    assert_eq!(answer.status, 201, "{}", answer.text());
                    assert_eq!(channel_of(&server, &url), [channel], "{grant} {path:?} {body:?}");
                }
            }
        };
        match path {
            Some(channel) => check(&remote(channel), false),
            None => {
                check(EVENTS, false);
                check(EVENTS, true);
                check(OMS, false);
                check(WAREHOUSE, false);
            }
        }
    }
    server.stop();
}

#[test]
fn the_default_channel_can_be_another_one() {
    let server = TestServer::with(|config| config.api.default_channel = "3".parse().unwrap());
    server.append(r#"{"url":"/a"}"#);
    server.append(r#"{"url":"/b","channel_id":1}"#);
    assert_eq!(channel_of(&server, "/a"), [3]);
    for path in [OMS, WAREHOUSE] {
        let page = server.get(&server.admin, path).expect(200);
        assert_eq!((&page["count"], &page["results"][0]["url"]), (&1.into(), &"/a".into()));
    }
    assert_eq!(server.get(&server.admin, EVENTS).expect(200)["results"][0]["url"], "/a");
    let key = server.token(Role::Writer, "1,3");
    server.post(&key, OMS, r#"{"url":"/c"}"#).expect(201);
    assert_eq!(channel_of(&server, "/c"), [3]);
    server.stop();
}

/// Events of channels 1 to 4, timestamps interleaved, some equal.
fn interleaved(server: &TestServer) -> Vec<(i64, i64, String)> {
    let mut made = Vec::new();
    for n in 0..40i64 {
        let (channel, second) = (1 + n % 4, n / 6);
        let event = format!(r#"{{"channel_id":{channel},"timestamp":"2023-10-16T09:00:{second:02}Z","object_id":{}}}"#, n % 3);
        let receipt = server.append(&event);
        made.push((second, channel, receipt["uuid"].as_str().unwrap().to_owned()));
    }
    made
}

/// Newest first; ties by channel and position, newest first as well.
fn newest_first(made: &[(i64, i64, String)], channels: &[i64]) -> Vec<String> {
    let mut seen: Vec<(i64, i64, usize)> = Vec::new();
    for (index, (second, channel, _)) in made.iter().enumerate() {
        if channels.contains(channel) {
            seen.push((*second, *channel, index));
        }
    }
    seen.sort();
    seen.iter().rev().map(|(_, _, index)| made[*index].2.clone()).collect()
}

#[test]
fn lists_merge_the_channels_of_a_key_in_a_stable_order() {
    let server = TestServer::start();
    let made = interleaved(&server);
    for (grant, channels) in [("2", &[2][..]), ("2,3", &[2, 3]), ("1,2,3,4,9", &[1, 2, 3, 4]), ("9", &[]), ("*", &[1])] {
        let key = server.token(Role::Reader, grant);
        let wanted = newest_first(&made, channels);
        for path in [OMS, WAREHOUSE] {
            let mut seen = Vec::new();
            let mut next = Some(format!("{path}?limit=3"));
            while let Some(target) = next {
                let page = server.get(&key, &target).expect(200);
                assert_eq!(page["count"], wanted.len(), "{grant}");
                seen.extend(uuids_of(&page));
                next = page["next"].as_str().map(|link| link.strip_prefix("http://audit.example.com").unwrap().to_owned());
            }
            assert_eq!(seen, wanted, "{grant} {path}");
            // The other way round, ties are too.
            let page = server.get(&key, &format!("{path}?limit=1000&sort=timestamp")).expect(200);
            assert_eq!(uuids_of(&page), wanted.iter().rev().cloned().collect::<Vec<_>>());
            let filtered = server.get(&key, &format!("{path}?object_id=1")).expect(200);
            let expected = made.iter().enumerate().filter(|(n, (_, channel, _))| n % 3 == 1 && channels.contains(channel)).count();
            assert_eq!(filtered["count"], expected);
        }
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = server.get(&key, &format!("{EVENTS}?limit=3&count=true{cursor}")).expect(200);
            assert_eq!(page["count"], wanted.len());
            seen.extend(uuids_of(&page));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, wanted, "{grant} native");
        let summary = server.get(&key, &format!("{EVENTS}/summary?group_by=hour")).expect(200);
        assert_eq!(summary["total"], wanted.len());
    }
    server.stop();
}

#[test]
fn native_reads_of_other_channels_look_empty() {
    let server = TestServer::start();
    let made = interleaved(&server);
    let counts = |key: &str, channels: &str| -> usize {
        let page = server.get(key, &format!("{EVENTS}?channel_id={channels}&count=true&limit=1000")).expect(200);
        assert_eq!(page["count"], results_of(&page).len());
        results_of(&page).len()
    };
    let of = |channels: &[i64]| newest_first(&made, channels).len();
    for (grant, asked, seen) in [
        ("*", "2", &[2][..]),
        ("*", "2,3", &[2, 3]),
        ("*", "3,2,3", &[2, 3]),
        ("*", "all", &[1, 2, 3, 4]),
        ("*", "99", &[]),
        ("1,2", "all", &[1, 2]),
        ("1,2", "2,3", &[2]),
        ("1,2", "3", &[]),
        ("1,2", "3,4", &[]),
        ("3", "all", &[3]),
        ("3", "1", &[]),
    ] {
        assert_eq!(counts(&server.token(Role::Reader, grant), asked), of(seen), "{grant} asks for {asked}");
    }
    let narrow = server.token(Role::Reader, "1,2");
    // By position, a foreign channel looks as empty as any other, and two channels stay two.
    for (asked, status) in [("1", 200), ("3", 200), ("1,1", 200), ("1,3", 400), ("3,4", 400), ("all", 400)] {
        let answer = server.get(&narrow, &format!("{EVENTS}?channel_id={asked}&sort=position"));
        assert_eq!(answer.status, status, "{asked} {}", answer.text());
    }
    let single = server.token(Role::Reader, "3");
    assert_eq!(server.get(&single, &format!("{EVENTS}?sort=position")).status, 200);
    assert_eq!(server.get(&single, &format!("{EVENTS}?sort=position&channel_id=all")).status, 200);
    assert_eq!(server.get(&narrow, &format!("{EVENTS}?sort=position")).status, 400);
    assert_eq!(server.get(&server.admin, &format!("{EVENTS}?sort=position")).status, 200, "`*` reads the default channel");
    server.stop();
}

#[test]
fn a_foreign_channel_looks_empty_and_is_never_403() {
    let server = TestServer::start();
    let foreign = server.append(r#"{"channel_id":2,"url":"/secret"}"#)["uuid"].as_str().unwrap().to_owned();
    let key = server.token(Role::Admin, "1");
    let list = server.get(&key, &remote("2")).expect(200);
    assert_eq!((&list["count"], results_of(&list).len()), (&0.into(), 0));
    assert_eq!(server.get(&key, &format!("{}?page=2", remote("2"))).status, 404);
    for path in [
        format!("{}{foreign}/", remote("2")),
        format!("{}{foreign}/", remote("1")),
        format!("{WAREHOUSE}{foreign}/"),
        format!("{EVENTS}/{foreign}"),
        format!("{EVENTS}/{foreign}?channel_id=2"),
        format!("{EVENTS}/{foreign}?channel_id=all"),
    ] {
        assert_eq!(server.get(&key, &path).status, 404, "{path}");
    }
    for path in [OMS.to_owned(), WAREHOUSE.to_owned(), format!("{OMS}?url=/secret"), format!("{WAREHOUSE}?uuid={foreign}")] {
        assert_eq!(server.get(&key, &path).expect(200)["count"], 0);
    }
    for query in ["group_by=action", "group_by=action&channel_id=2", "group_by=day&channel_id=all"] {
        assert_eq!(server.get(&key, &format!("{EVENTS}/summary?{query}")).expect(200)["total"], 0);
    }
    assert_eq!(server.post(&key, &remote("2"), r#"{"action":"A"}"#).status, 404);
    assert_eq!(server.post(&key, EVENTS, r#"{"channel_id":2}"#).status, 404);
    // The uuid of a foreign event is free here: that it is taken there would be news.
    let mine = server.post(&key, EVENTS, format!(r#"{{"uuid":"{foreign}","url":"/mine"}}"#)).expect(201);
    assert_eq!((&mine["channel_id"], &mine["duplicate"]), (&1.into(), &false.into()));
    server.stop();
}

#[test]
fn the_default_channel_is_searched_first_for_a_uuid() {
    let server = TestServer::with(|config| config.api.default_channel = "5".parse().unwrap());
    let uuid = "33333333-0000-4000-8000-000000000001";
    for channel in [9, 7, 5, 2] {
        server.append(&format!(r#"{{"uuid":"{uuid}","channel_id":{channel},"object_id":{channel}}}"#));
    }
    for (grant, found) in [("2,5,7,9", Some(5)), ("2,7,9", Some(2)), ("7,9", Some(7)), ("9", Some(9)), ("1", None), ("*", Some(5))]
    {
        let key = server.token(Role::Reader, grant);
        for path in [format!("{WAREHOUSE}{uuid}/"), format!("{EVENTS}/{uuid}")] {
            let answer = server.get(&key, &path);
            match found {
                Some(channel) => assert_eq!(answer.expect(200)["object_id"], channel, "{grant} {path}"),
                None => assert_eq!(answer.status, 404),
            }
        }
    }
    assert_eq!(server.get(&server.admin, &format!("{EVENTS}/{uuid}?channel_id=7,9")).expect(200)["object_id"], 7);
    assert_eq!(server.get(&server.admin, &format!("{EVENTS}/{uuid}?channel_id=all")).expect(200)["object_id"], 5);
    assert_eq!(server.get(&server.admin, &format!("{}{uuid}/", remote("9"))).expect(200)["object_id"], 9);
    server.stop();
}

#[test]
fn channels_lists_what_the_key_may_read() {
    let server = TestServer::start();
    interleaved(&server);
    server.append_all(&vec![r#"{"channel_id":2}"#.to_owned(); 3]);
    // A request that stores nothing makes no channel.
    assert_eq!(server.post(&server.admin, EVENTS, r#"[{"channel_id":50},{"url":5}]"#).status, 400);
    let shown = |grant: &str| -> Vec<(i64, i64)> {
        let list = server.get(&server.token(Role::Reader, grant), "/api/v1/channels").expect(200);
        let rows = results_of(&list).iter();
        rows.map(|row| (row["channel_id"].as_i64().unwrap(), row["events"].as_i64().unwrap())).collect()
    };
    assert_eq!(shown("*"), [(1, 10), (2, 13), (3, 10), (4, 10)]);
    assert_eq!(shown("2,4,9"), [(2, 13), (4, 10)]);
    assert_eq!(shown("9"), []);
    let list = server.get(&server.admin, "/api/v1/channels").expect(200);
    let newest = server.get(&server.admin, &format!("{EVENTS}?channel_id=2&sort=-position&limit=1")).expect(200);
    assert_eq!(list["results"][1]["last_recorded_at"], newest["results"][0]["recorded_at"]);
    server.stop();
}

#[test]
fn admins_manage_tokens_of_their_channels_only() {
    let server = TestServer::start();
    let admin = server.token(Role::Admin, "1,2");
    let make = |key: &str, channels: &str| {
        let body = format!(r#"{{"name":"for {}","role":"writer","channels":{channels}}}"#, channels.replace('"', ""));
        server.post(key, "/api/v1/tokens", body)
    };
    for channels in ["[3]", "[1,3]", "\"*\""] {
        let answer = make(&admin, channels);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("forbidden")), "{channels}");
    }
    let mine: Vec<Value> = ["[1]", "[2,1]"].into_iter().map(|channels| make(&admin, channels).expect(201)).collect();
    let foreign: Vec<Value> =
        ["[3]", "[2,3]", "\"*\""].into_iter().map(|channels| make(&server.admin, channels).expect(201)).collect();
    let keys: Vec<&str> = mine[1].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 7);
    assert_eq!((&mine[1]["channels"], &mine[1]["expires_at"]), (&serde_json::json!([1, 2]), &Value::Null));
    assert_eq!(mine[1]["key"].as_str().map(str::len), Some(64));
    let listed = |key: &str| -> Vec<Value> {
        let list = server.get(key, "/api/v1/tokens");
        assert!(!list.text().contains("\"key\""), "a key is shown once");
        for token in mine.iter().chain(&foreign) {
            assert!(!list.text().contains(token["key"].as_str().unwrap()));
        }
        results_of(&list.json()).iter().map(|token| token["id"].clone()).collect()
    };
    for token in &mine {
        assert!(listed(&admin).contains(&token["id"]));
    }
    for token in &foreign {
        assert!(!listed(&admin).contains(&token["id"]) && listed(&server.admin).contains(&token["id"]));
        let target = format!("/api/v1/tokens/{}", token["id"]);
        assert_eq!(server.ask(&Ask::new("DELETE", &target).key(&admin)).status, 404);
        assert_eq!(server.post(token["key"].as_str().unwrap(), &remote("3"), r#"{"action":"A"}"#).status, 201, "it is still good");
    }
    for token in &mine {
        let target = format!("/api/v1/tokens/{}", token["id"]);
        assert_eq!(server.ask(&Ask::new("DELETE", &target).key(&admin)).status, 204);
        assert_eq!(server.post(token["key"].as_str().unwrap(), OMS, "{}").status, 401);
    }
    server.stop();
}
