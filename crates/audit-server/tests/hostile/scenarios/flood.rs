//! A writer that sends bodies of 30 kB, a hundred events each, as fast as it can over many connections.

use std::time::Duration;

use crate::attack::{Attack, head};
use crate::bench::{On, Scenario, run};

const CLIENTS: usize = 48;
const EVENTS: usize = 100;

/// Shorter than a batch takes, so that the writer always has the next ones waiting.
const PAUSE: Duration = Duration::from_millis(50);

struct Flood;

impl Scenario for Flood {
    fn attack(&self, attack: &Attack) {
        let event = format!("{{\"action\":\"FLOOD\",\"description\":\"{}\"}}\n", "x".repeat(260));
        let body = event.repeat(EVENTS);
        let head = head("POST", "/api/v1/events", &attack.writer, "application/x-ndjson", body.len());
        attack.crowd(CLIENTS, PAUSE, |_| attack.exchange(&head, body.as_bytes()).map(drop));
    }

    fn check(&self, attack: &Attack) {
        let statuses = attack.statuses();
        assert!(statuses.get(&201).is_some_and(|count| *count > CLIENTS), "the flood is served too: {statuses:?}");
    }
}

#[test]
fn a_flood_of_one_writer_stops_nobody_on_sqlite() {
    run(On::Sqlite, &Flood);
}

#[test]
fn a_flood_of_one_writer_stops_nobody_on_postgres() {
    run(On::Postgres, &Flood);
}
