//! Pages by number of more bytes than are built in memory: refused with the limit that fits. And pages whose events have very many
//! members, which keep nobody else waiting.

use std::time::{Duration, Instant};

use super::{MIB, append_events};
use crate::common::{TestServer, results_of};

const OMS: &str = "/api/v1/oms/settings/audit_events/";
const DATA_WAREHOUSE: &str = "/api/v1/data-warehouse/audit-events/";
const INVENTORY: &str = "/api/v1/audit/logs";

fn large_event() -> String {
    let frame = r#"{"content_type":1,"content":""}"#.len();
    format!(r#"{{"content_type":1,"content":"{}"}}"#, "x".repeat(MIB - frame))
}

#[test]
fn a_page_that_is_too_large_says_which_limit_fits() {
    let server = TestServer::start();
    append_events(&server.store, 40, &large_event());
    let why = "The page has more than 16 MiB. Ask for smaller pages: limit=16 fits here.";
    for path in [OMS, DATA_WAREHOUSE] {
        for query in ["limit=1000", "limit=17", "limit=20&page=2", "limit=1000&sort=object_id", "limit=1000&content_type=1"] {
            assert_eq!(server.get(&server.admin, &format!("{path}?{query}")).expect(413)["detail"], why, "{path} {query}");
        }
        for (query, shown) in [("limit=16", 16), ("limit=16&page=last", 8), ("", 10)] {
            let page = server.get(&server.admin, &format!("{path}?{query}")).expect(200);
            assert_eq!((results_of(&page).len(), page["count"].as_i64()), (shown, Some(40)), "{path} {query}");
        }
    }
    for query in ["", "limit=1000", "limit=17&skip=3"] {
        let refused = server.get(&server.admin, &format!("{INVENTORY}?{query}")).expect(413);
        assert_eq!((&refused["status"], &refused["code"], &refused["message"]), (&"error".into(), &413.into(), &why.into()));
    }
    let logs = server.get(&server.admin, &format!("{INVENTORY}?limit=16&skip=30")).expect(200);
    assert_eq!(logs["count"], 10);
    server.stop();
}

#[test]
fn the_limit_that_fits_is_that_of_the_records_at_hand() {
    let server = TestServer::start();
    append_events(&server.store, 30, &large_event());
    append_events(&server.store, 200, r#"{"content_type":2}"#);
    let small = server.get(&server.admin, &format!("{OMS}?limit=200&content_type=2")).expect(200);
    assert_eq!(results_of(&small).len(), 200);
    // Of many small ones and a few large ones, as many as the large ones leave room for.
    let mixed = server.get(&server.admin, &format!("{OMS}?limit=215")).expect(200);
    assert_eq!(results_of(&mixed).len(), 215);
    let refused = server.get(&server.admin, &format!("{OMS}?limit=230")).expect(413);
    assert!(refused["detail"].as_str().unwrap().ends_with("limit=16 fits here."), "{refused}");
    server.stop();
}

#[test]
fn a_walk_ends_its_pages_early_and_loses_nothing() {
    let server = TestServer::start();
    append_events(&server.store, 40, &large_event());
    append_events(&server.store, 40, r#"{"user":null}"#);
    for sort in ["timestamp", "-timestamp"] {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = server.get(&server.admin, &format!("/api/v1/events?limit=1000&sort={sort}{cursor}")).expect(200);
            seen.extend(results_of(&page).iter().map(|event| event["position"].as_i64().unwrap()));
            pages += 1;
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..80).collect::<Vec<_>>());
        assert_eq!(pages, 3, "{sort}");
    }
    server.stop();
}

/// Far more than a worker is ever held up for, and far less than it was when it wrote the pages itself.
const PATIENCE: Duration = Duration::from_secs(2);

#[test]
fn pages_of_events_with_very_many_members_keep_nobody_waiting() {
    let server = TestServer::with(|config| config.workers = Some(1));
    let members: Vec<String> = (0..70_000).map(|n| format!("\"{n:x}\":1")).collect();
    append_events(&server.store, 15, &format!(r#"{{"user":{{"pk":7,{}}}}}"#, members.join(",")));
    let users = |answer: &serde_json::Value| results_of(answer).iter().filter(|event| event["user"]["pk"] == 7).count();
    std::thread::scope(|scope| {
        let asks = [OMS, DATA_WAREHOUSE, INVENTORY, "/api/v1/events"];
        let lists = asks.map(|path| {
            let server = &server;
            scope.spawn(move || server.get(&server.admin, &format!("{path}?limit=15")))
        });
        let mut slowest = Duration::ZERO;
        while !lists.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let start = Instant::now();
            server.get(&server.admin, "/healthz").expect(200);
            slowest = slowest.max(start.elapsed());
        }
        let [oms, data_warehouse, inventory, native] = lists.map(|list| list.join().unwrap().expect(200));
        assert_eq!(results_of(&oms).iter().filter(|event| event["user"] == 7).count(), 15);
        assert_eq!((users(&data_warehouse), users(&native)), (15, 15));
        assert!(inventory["logs"].as_array().unwrap().iter().all(|log| log["user_id"] == "7"));
        assert!(slowest < PATIENCE, "{slowest:?}");
    });
    server.stop();
}

/// To find the members that are shown takes one pass over all of them, however many they are. The data warehouse shows fourteen of a
/// user, the inventory two: compared with each other, it does not matter how quick the machine is.
#[test]
fn members_are_found_in_one_pass() {
    let server = TestServer::start();
    let members: Vec<String> = (0..60_000).map(|n| format!("\"{n:x}\":1")).collect();
    append_events(&server.store, 6, &format!(r#"{{"user":{{"pk":7,{}}}}}"#, members.join(",")));
    let quickest = |path: &str| {
        let timed = || {
            let start = Instant::now();
            server.get(&server.admin, &format!("{path}?limit=6")).expect(200);
            start.elapsed()
        };
        std::iter::repeat_with(timed).take(5).min().unwrap()
    };
    let (two, fourteen) = (quickest(INVENTORY), quickest(DATA_WAREHOUSE));
    assert!(fourteen < two * 4, "two members of a user: {two:?}, fourteen: {fourteen:?}");
    server.stop();
}
