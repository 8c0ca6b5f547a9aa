//! Lists of channels: bounded where a client makes them, and read in parts where they are longer.

use audit_http::store::domain::{ChannelGrant, ChannelId, NewToken, Role};

use super::{ACTION_LOGS, EVENTS, INVENTORY, OMS, OMS_LOGS};
use crate::common::TestServer;

fn list(count: usize) -> String {
    (1..=count).map(|channel| channel.to_string()).collect::<Vec<_>>().join(",")
}

#[test]
fn a_token_has_at_most_a_thousand_channels() {
    let server = TestServer::start();
    let token = |channels: &str| format!(r#"{{"name":"n","role":"reader","channels":[{channels}]}}"#);
    // The longest list that fits into a body of this request, and one that does not.
    for count in [1_001, 11_000] {
        let refused = server.post(&server.admin, "/api/v1/tokens", token(&list(count))).expect(400);
        let error = &refused["errors"][0];
        let why = format!("channels must be at most 1000 channels (got {count}), or `*` for all");
        assert_eq!((&error["pointer"], &error["detail"]), (&"/channels".into(), &why.into()));
    }
    server.post(&server.admin, "/api/v1/tokens", token(&list(32_765))).expect(413);
    let made = server.post(&server.admin, "/api/v1/tokens", token(&list(1_000))).expect(201);
    server.post(&server.admin, "/api/v1/tokens", token(&format!("{},7,7,7", list(1_000)))).expect(201);
    let key = made["key"].as_str().unwrap().to_owned();
    server.append(r#"{"channel_id":1000,"action":"READ"}"#);
    for path in [EVENTS, OMS, OMS_LOGS, ACTION_LOGS] {
        assert_eq!(server.get(&key, path).status, 200, "{path}");
    }
    assert_eq!(server.get(&key, EVENTS).expect(200)["results"].as_array().unwrap().len(), 1);
    server.stop();
}

#[test]
fn a_read_names_at_most_a_thousand_channels() {
    let server = TestServer::start();
    server.append(r#"{"channel_id":1000,"action":"READ"}"#);
    for path in [EVENTS.to_owned(), format!("{EVENTS}/summary?group_by=day"), ACTION_LOGS.to_owned()] {
        let joint = if path.contains('?') { '&' } else { '?' };
        for count in [1_001, 5_000] {
            let refused = server.get(&server.admin, &format!("{path}{joint}channel_id={}", list(count))).expect(400);
            assert_eq!(refused["errors"][0]["detail"], "channel_id must name at most 1000 channels, or `all`", "{path}");
        }
    }
    let target = format!("{EVENTS}?count=true&channel_id={}", list(1_000));
    assert_eq!(server.get(&server.admin, &target).expect(200)["count"], 1);
    server.stop();
}

/// Of an earlier version, or made by a program that has the store: more channels than a statement takes values.
#[test]
fn a_token_of_forty_thousand_channels_reads_all_of_them() {
    let server = TestServer::start();
    let channels = ChannelGrant::Only((1..=40_000).filter_map(ChannelId::new).collect());
    let token = NewToken { name: "n".to_owned(), role: Role::Admin, channels, expires_at: None };
    let key = server.store.create_token(token).unwrap().1.reveal().to_owned();
    for channel in [1, 20_000, 40_000] {
        server.append(&format!(r#"{{"channel_id":{channel},"action":"READ","table_name":"t","user":7,"object_id":1}}"#));
    }
    for (target, found) in [
        (format!("{EVENTS}?count=true"), "\"count\":3"),
        (format!("{OMS}?limit=1000&page=1"), "\"count\":3"),
        (INVENTORY.to_owned(), "\"count\":3"),
        // So far behind that the database sorts all channels at once.
        (format!("{INVENTORY}?skip=10000"), "\"count\":0"),
        ("/api/v1/channels".to_owned(), "\"channel_id\":40000"),
        (format!("{ACTION_LOGS}?search=x"), "\"results\":[]"),
    ] {
        let answer = server.get(&key, &target);
        assert!(answer.status == 200 && answer.text().contains(found), "{target}: {} {:.300}", answer.status, answer.text());
    }
    server.stop();
}

/// The same list where so many channels have entries that the last resort is one statement over all of them.
#[test]
fn more_channels_with_entries_than_a_statement_takes_are_listed() {
    let server = TestServer::start();
    let events = (1..=1_200).map(|channel| format!(r#"{{"channel_id":{channel},"action":"READ"}}"#)).collect::<Vec<_>>();
    events.chunks(100).for_each(|events| server.append_all(events));
    let channels = ChannelGrant::Only((1..=1_200).filter_map(ChannelId::new).collect());
    let token = NewToken { name: "n".to_owned(), role: Role::Admin, channels, expires_at: None };
    let key = server.store.create_token(token).unwrap().1.reveal().to_owned();
    let page = server.get(&key, &format!("{INVENTORY}?skip=1100&limit=1000")).expect(200);
    assert_eq!(page["count"], 100);
    let deep = server.get(&key, &format!("{INVENTORY}?skip=5000")).expect(200);
    assert_eq!(deep["count"], 0);
    server.stop();
}
