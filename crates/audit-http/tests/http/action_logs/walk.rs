//! Walks by cursor: each action log once, searching or not, and no cursor goes over to the other stream.

use super::model::{Line, NATIVE, newest_first, places, serve};
use crate::common::{Ask, Client, TestServer, results_of};

fn walk(client: &mut Client, key: &str, query: &str) -> Vec<(i64, i64)> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.ask(&Ask::get(&format!("{NATIVE}?{query}{cursor}")).key(key)).expect(200);
        seen.extend(places(&page));
        let Some(next) = page["next_cursor"].as_str() else { return seen };
        assert!(!results_of(&page).is_empty(), "a page that goes on is not empty");
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn a_walk_sees_each_action_log_once_in_every_order() {
    let server = serve();
    let mut client = server.connect();
    for (filter, means) in [
        ("", (|_| true) as fn(&Line) -> bool),
        ("&level__gte=20", |line| line.level() >= 20),
        ("&search=registry", |line| line.has("registry")),
        ("&search=e&level__gte=30", |line| line.has("e") && line.level() >= 30),
        ("&search=select&app_name=django", |line| line.has("select") && line.str("app_name") == "django"),
    ] {
        for (channels, ids, limit) in [("1", &[1][..], 97), ("2", &[2], 500), ("all", &[1, 2], 331)] {
            let down = newest_first(Line::all().iter().filter(|line| ids.contains(&line.channel) && means(line)).collect());
            let up: Vec<_> = down.iter().rev().copied().collect();
            let query = format!("channel_id={channels}&limit={limit}{filter}");
            assert_eq!(walk(&mut client, &server.admin, &query), down, "{query}");
            assert_eq!(walk(&mut client, &server.admin, &format!("{query}&sort=created_at")), up, "{query}");
            if let [one] = ids {
                let lines = Line::all().iter().filter(|line| line.channel == *one && means(line)).map(Line::place);
                let lines: Vec<_> = lines.collect();
                assert_eq!(walk(&mut client, &server.admin, &format!("{query}&sort=position")), lines, "{query}");
                let back = walk(&mut client, &server.admin, &format!("{query}&sort=-position"));
                assert_eq!(back, lines.into_iter().rev().collect::<Vec<_>>(), "{query}");
            }
        }
    }
    server.stop();
}

#[test]
fn a_cursor_of_one_stream_is_none_of_the_other() {
    let server = TestServer::start();
    for n in 0..3 {
        server.append(&format!(r#"{{"user":{n}}}"#));
        assert_eq!(server.post(&server.admin, NATIVE, format!(r#"{{"level":{n},"message":"m"}}"#)).status, 201);
    }
    for (sort, other_sort) in [("", ""), ("&sort=position", "&sort=position"), ("&sort=timestamp", "&sort=created_at")] {
        let (events, logs) = (format!("/api/v1/events?limit=1{sort}"), format!("{NATIVE}?limit=1{other_sort}"));
        for (mine, other) in [(&events, &logs), (&logs, &events)] {
            let page = server.get(&server.admin, mine).expect(200);
            let cursor = page["next_cursor"].as_str().unwrap();
            assert_eq!(server.get(&server.admin, &format!("{mine}&cursor={cursor}")).status, 200);
            let refused = server.get(&server.admin, &format!("{other}&cursor={cursor}")).expect(400);
            assert_eq!(refused["errors"][0]["detail"].as_str().map(|why| &why[..31]), Some("cursor is not a cursor for this"));
        }
    }
    server.stop();
}
