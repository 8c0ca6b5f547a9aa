//! One reader that asks for more than there is, beside others that do their work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use audit_http::store::domain::Role;

use super::append_searched;
use crate::common::{Answer, Ask, TestServer};

/// Requests of the crowd, each on a connection of its own.
const CROWD: usize = 200;

/// Of an append, a look-up or a health check beside the crowd; in a test build, on a machine that others use too.
const PATIENCE: Duration = Duration::from_secs(2);

fn search(key: &str) -> Ask {
    Ask::get("/api/v1/action-logs?search=not%20not&count=true").key(key)
}

/// Is over when the test is, and also when it fails.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An answer that says when to come back.
fn is_put_off(answer: &Answer) -> bool {
    answer.status == 503 && answer.header("Retry-After").is_some()
}

#[test]
fn searches_delay_neither_appends_nor_other_readers() {
    let server = TestServer::start();
    append_searched(&server.store, 600);
    let (crowd, writer) = (server.token(Role::Reader, "*"), server.token(Role::Writer, "1"));
    let other = server.token(Role::Reader, "*");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = AtEnd(&over);
        let asking: Vec<_> = (0..CROWD)
            .map(|_| {
                scope.spawn(|| {
                    let answer = server.ask(&search(&crowd));
                    assert!(answer.status == 200 || is_put_off(&answer), "{}", answer.text());
                    answer.status
                })
            })
            .collect();
        let honest = scope.spawn(|| {
            let (mut client, mut slowest, mut rounds) = (server.connect(), Duration::ZERO, 0);
            while !over.load(Ordering::Relaxed) || rounds < 3 {
                for (ask, status) in [
                    (Ask::post("/api/v1/events", r#"{"action":"honest"}"#).key(&writer), 201),
                    (Ask::get("/api/v1/events?limit=1").key(&other), 200),
                    (Ask::get("/readyz"), 200),
                ] {
                    let start = Instant::now();
                    client.ask(&ask).expect(status);
                    slowest = slowest.max(start.elapsed());
                }
                rounds += 1;
            }
            slowest
        });
        // Another reader's search has a place of its own, whatever other keys wait.
        assert_eq!(server.ask(&search(&other)).expect(200)["count"], 0);
        let statuses: Vec<u16> = asking.into_iter().map(|asking| asking.join().unwrap()).collect();
        over.store(true, Ordering::Relaxed);
        assert!(statuses.contains(&200) && statuses.contains(&503), "some are answered, and most are told to come back");
        let slowest = honest.join().unwrap();
        assert!(slowest < PATIENCE, "{slowest:?}");
    });
    server.stop();
}
