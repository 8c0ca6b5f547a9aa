//! Walks by cursor: each event once, however much arrives meanwhile.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use audit_http::store::domain::Role;

use super::model::{Line, newest_first};
use crate::common::{Ask, Client, Fixture, TestServer, results_of, uuids_of};

const EVENTS: &str = "/api/v1/events";

fn walk(client: &mut Client, key: &str, query: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.ask(&Ask::get(&format!("{EVENTS}?{query}{cursor}")).key(key)).expect(200);
        seen.extend(uuids_of(&page));
        let Some(next) = page["next_cursor"].as_str() else { return seen };
        assert!(!results_of(&page).is_empty(), "a page that goes on is not empty");
        assert!(next.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "base64url: {next}");
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn a_walk_sees_each_event_once_in_every_order() {
    let server = Fixture::get().serve(|_| {});
    let mut client = server.connect();
    for (channels, limit) in [("4", 7), ("6", 100), ("2,4,5,6", 97), ("5", 14), ("5", 13)] {
        let ids: Vec<i64> = channels.split(',').map(|id| id.parse().unwrap()).collect();
        let down = newest_first(Line::all().iter().filter(|line| ids.contains(&line.channel)).collect());
        let up: Vec<String> = down.iter().rev().cloned().collect();
        let query = format!("channel_id={channels}&limit={limit}");
        assert_eq!(walk(&mut client, &server.admin, &query), down, "{query}");
        assert_eq!(walk(&mut client, &server.admin, &format!("{query}&sort=timestamp")), up, "{query}");
        if let [one] = ids[..] {
            let lines: Vec<String> = Line::all().iter().filter(|line| line.channel == one).map(|line| line.uuid.clone()).collect();
            assert_eq!(walk(&mut client, &server.admin, &format!("{query}&sort=position")), lines);
            let back = walk(&mut client, &server.admin, &format!("{query}&sort=-position"));
            assert_eq!(back, lines.into_iter().rev().collect::<Vec<_>>());
        }
    }
    let updates: Vec<&Line> = Line::all().iter().filter(|line| line.channel == 1 && line.action() == Some("DELETE")).collect();
    assert_eq!(walk(&mut client, &server.admin, "action=DELETE&limit=3"), newest_first(updates));
    server.stop();
}

#[test]
fn the_page_size_may_change_on_the_way() {
    let server = Fixture::get().serve(|_| {});
    let wanted: Vec<String> = Line::all().iter().filter(|line| line.channel == 4).map(|line| line.uuid.clone()).collect();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for limit in [1, 50, 2, 1000] {
        let page = server.get(&server.admin, &format!("{EVENTS}?channel_id=4&sort=position&limit={limit}{cursor}")).expect(200);
        seen.extend(uuids_of(&page));
        cursor = page["next_cursor"].as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
    }
    assert_eq!(seen, wanted);
    server.stop();
}

/// Four clients append with timestamps all over the place while others walk forward by position.
#[test]
fn a_walk_by_position_sees_each_event_once_while_events_arrive() {
    let server = TestServer::start();
    let writer = server.token(Role::Writer, "1");
    let (done, acknowledged) = (AtomicBool::new(false), AtomicI64::new(0));
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|thread| {
                let (server, writer, acknowledged) = (&server, &writer, &acknowledged);
                scope.spawn(move || {
                    let mut client = server.connect();
                    for n in 0..60 {
                        let second = (n * 37 + thread * 11) % 60;
                        let event = format!(r#"{{"timestamp":"2023-10-16T09:00:{second:02}Z","user":{thread}}}"#);
                        let ask = if n % 5 == 0 {
                            Ask::post_lines(EVENTS, format!("{event}\n{event}"))
                        } else {
                            Ask::post(EVENTS, event)
                        };
                        assert_eq!(client.ask(&ask.key(writer)).status, 201);
                        acknowledged.fetch_add(if n % 5 == 0 { 2 } else { 1 }, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| follow(&server, &done, &acknowledged));
        }
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(acknowledged.load(Ordering::SeqCst), 4 * 72);
    server.stop();
}

/// Walks to the end again and again: from the last cursor, or from the last position where there is none.
fn follow(server: &TestServer, done: &AtomicBool, acknowledged: &AtomicI64) {
    let mut client = server.connect();
    let (mut seen, mut next_position) = (HashSet::new(), 0);
    loop {
        let finished = done.load(Ordering::SeqCst);
        let promised = acknowledged.load(Ordering::SeqCst);
        let mut cursor = String::new();
        let query = format!("{EVENTS}?channel_id=1&sort=position&limit=7&position__gte={next_position}");
        loop {
            let page = client.ask(&Ask::get(&format!("{query}{cursor}")).key(&server.admin)).expect(200);
            for event in results_of(&page) {
                assert_eq!(event["position"], next_position, "no gap, no repetition");
                next_position += 1;
                assert!(seen.insert(event["uuid"].as_str().unwrap().to_owned()));
            }
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert!(next_position >= promised, "what was acknowledged is seen");
        if finished {
            return assert_eq!(next_position, 4 * 72);
        }
    }
}
