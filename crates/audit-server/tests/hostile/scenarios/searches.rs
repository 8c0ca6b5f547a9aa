//! A reader that searches a whole log for what is not in it, over two hundred connections. Each record has the words, in another order, so
//! that each has to be looked at. A third of its clients hang up at once, so that nobody waits for what the server looks for.

use std::time::Duration;

use crate::attack::{Attack, PAUSE, get};
use crate::bench::{On, Scenario, append, run};
use crate::common::http::Client;

const CLIENTS: usize = 220;
const RECORDS: usize = 60_000;

/// Of one request.
const RECORDS_PER_REQUEST: usize = 10_000;

struct Searches;

impl Scenario for Searches {
    fn prepare(&self, admin: &mut Client) {
        let record = format!("{{\"channel_id\":3,\"level\":20,\"message\":\"{}\"}}\n", "a line of a log ".repeat(8));
        for _ in 0..RECORDS / RECORDS_PER_REQUEST {
            append(admin, "/api/v1/action-logs", &record.repeat(RECORDS_PER_REQUEST));
        }
    }

    fn attack(&self, attack: &Attack) {
        let paths = [
            "/api/v1/action-logs?search=line%20log&count=true",
            "/api/v1/oms/logs/action_log/?search=line%20log",
            "/api/v1/action-logs/summary?group_by=level&search=line%20log",
        ];
        attack.crowd(CLIENTS, PAUSE, |number| {
            let request = get(paths[number % paths.len()], &attack.reader);
            if number % 3 > 0 {
                return attack.exchange(&request, b"").map(drop);
            }
            let mut stream = attack.connect()?;
            attack.send(&mut stream, request.as_bytes())?;
            attack.pause(Duration::from_millis(50));
            Ok(())
        });
    }

    fn check(&self, attack: &Attack) {
        let statuses = attack.statuses();
        assert!(statuses.contains_key(&200), "some are served: {statuses:?}");
        assert!(statuses.contains_key(&503), "what is more than the key may have waiting is refused: {statuses:?}");
    }
}

#[test]
fn searches_of_one_reader_stop_nobody_on_sqlite() {
    run(On::Sqlite, &Searches);
}

#[test]
fn searches_of_one_reader_stop_nobody_on_postgres() {
    run(On::Postgres, &Searches);
}
