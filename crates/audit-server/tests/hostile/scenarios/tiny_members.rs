//! Bodies that take many times their size once they are parsed: of the smallest members, and of the smallest events.

use std::time::Duration;

use crate::attack::{Attack, head};
use crate::bench::{On, Scenario, run};

const CLIENTS: usize = 60;

/// Every one of them keeps a processor busy, which the honest client needs too.
const PAUSE: Duration = Duration::from_secs(3);
const MIB: usize = 1024 * 1024;

/// Each ends with what is no event, so that it is parsed whole and nothing is stored.
struct TinyMembers;

impl Scenario for TinyMembers {
    fn attack(&self, attack: &Attack) {
        let members = |count: usize| format!("{{{}}}", vec!["\"\":1"; count].join(","));
        let list = |element: &str, count: usize| format!("[{}1]", format!("{element},").repeat(count));
        let native = "/api/v1/events";
        let bodies = [
            ("/api/v1/data-warehouse/audit-events/", members(MIB / 5 - 1)),
            (native, members(MIB / 5 - 1)),
            ("/api/v1/audit/logs", members(MIB / 5 - 1)),
            (native, list(&members(9_999), 4)),
            (native, list(r#"{"url":""}"#, 3_000)),
            (native, list(&format!("{{\"user\":{}}}", members(100_000)), 1)),
            (native, list(&format!("{{\"content\":{}}}", members(100_000)), 1)),
        ];
        attack.crowd(CLIENTS, PAUSE, |number| {
            let (path, body) = &bodies[number % bodies.len()];
            attack.exchange(&head("POST", path, &attack.writer, "application/json", body.len()), body.as_bytes()).map(drop)
        });
    }

    fn check(&self, attack: &Attack) {
        let statuses = attack.statuses();
        assert!(statuses.contains_key(&400) && !statuses.contains_key(&201), "{statuses:?}");
    }
}

#[test]
fn bodies_of_tiny_members_take_no_memory_on_sqlite() {
    run(On::Sqlite, &TinyMembers);
}

#[test]
fn bodies_of_tiny_members_take_no_memory_on_postgres() {
    run(On::Postgres, &TinyMembers);
}
