//! A reader that asks for one event of nearly a megabyte by its uuid, again and again over many connections.

use std::time::Duration;

use crate::attack::{Attack, get};
use crate::bench::{On, Scenario, append, run};
use crate::common::http::Client;

const CLIENTS: usize = 150;
const BYTES: usize = 1_000_000;
const UUID: &str = "1f0e6a52-5d1e-4a4e-9c39-0c2f6f1f9a11";

/// An answer of a megabyte costs the client something too.
const PAUSE: Duration = Duration::from_millis(500);

struct LargeRecords;

impl Scenario for LargeRecords {
    fn prepare(&self, admin: &mut Client) {
        let event = format!("{{\"uuid\":\"{UUID}\",\"channel_id\":3,\"content\":\"{}\"}}\n", "x".repeat(BYTES));
        append(admin, "/api/v1/events", &event);
    }

    fn attack(&self, attack: &Attack) {
        let paths = [format!("/api/v1/events/{UUID}"), format!("/api/v1/data-warehouse/audit-events/{UUID}/")];
        attack.crowd(CLIENTS, PAUSE, |number| attack.exchange(&get(&paths[number % paths.len()], &attack.reader), b"").map(drop));
    }

    fn check(&self, attack: &Attack) {
        assert!(attack.statuses().contains_key(&200), "{:?}", attack.statuses());
    }
}

#[test]
fn large_records_of_one_reader_stop_nobody_on_sqlite() {
    run(On::Sqlite, &LargeRecords);
}

#[test]
fn large_records_of_one_reader_stop_nobody_on_postgres() {
    run(On::Postgres, &LargeRecords);
}
