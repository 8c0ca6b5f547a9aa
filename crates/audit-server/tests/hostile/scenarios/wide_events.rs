//! Lists of events whose `user` has tens of thousands of members: to look one up in a list of all takes a pass for each.

use std::time::Duration;

use crate::attack::{Attack, get};
use crate::bench::{On, Scenario, append, run};
use crate::common::http::Client;

/// A page of them is the largest that there is, nearly: to write it on a thread that answers others shows at once.
const CLIENTS: usize = 8;
const EVENTS: usize = 15;
const MEMBERS: usize = 75_000;

/// An answer of several MB costs the client something too.
const PAUSE: Duration = Duration::from_secs(1);

struct WideEvents;

impl Scenario for WideEvents {
    fn prepare(&self, admin: &mut Client) {
        let members: String = (0..MEMBERS).map(|number| format!("\"m{number}\":1,")).collect();
        for _ in 0..EVENTS {
            let event = format!(
                "{{\"channel_id\":3,\"user\":{{{members}\"pk\":7,\"username\":\"wide\"}},\"content\":{{\"new_data\":{{\"a\":1}}}}}}\n"
            );
            append(admin, "/api/v1/events", &event);
        }
    }

    fn attack(&self, attack: &Attack) {
        let paths = [
            "/api/v1/events?limit=15",
            "/api/v1/oms/settings/audit_events/?limit=15",
            "/api/v1/data-warehouse/audit-events/?limit=15",
            "/api/v1/events?sort=position&limit=15",
        ];
        attack.crowd(CLIENTS, PAUSE, |number| attack.exchange(&get(paths[number % paths.len()], &attack.reader), b"").map(drop));
    }

    fn check(&self, attack: &Attack) {
        assert!(attack.statuses().contains_key(&200), "{:?}", attack.statuses());
    }
}

#[test]
fn lists_of_wide_events_stop_nobody_on_sqlite() {
    run(On::Sqlite, &WideEvents);
}

#[test]
fn lists_of_wide_events_stop_nobody_on_postgres() {
    run(On::Postgres, &WideEvents);
}
