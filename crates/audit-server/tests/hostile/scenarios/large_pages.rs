//! Pages of a thousand events of nearly a megabyte each, for clients of which half never take their answer.

use std::time::Duration;

use crate::attack::{Attack, get};
use crate::bench::{On, Scenario, append, run};
use crate::common::http::Client;

const CLIENTS: usize = 32;
const EVENTS: usize = 60;
const BYTES: usize = 1_000_000;

/// A page that is read costs the server the reading of 16 MiB.
const PAUSE: Duration = Duration::from_secs(2);

struct LargePages;

impl Scenario for LargePages {
    fn prepare(&self, admin: &mut Client) {
        let event = format!("{{\"channel_id\":3,\"content\":\"{}\"}}\n", "x".repeat(BYTES));
        for _ in 0..EVENTS / 20 {
            append(admin, "/api/v1/events", &event.repeat(20));
        }
    }

    fn attack(&self, attack: &Attack) {
        let paths = [
            "/api/v1/events?limit=1000",
            "/api/v1/oms/settings/audit_events/?limit=1000",
            "/api/v1/data-warehouse/audit-events/?limit=15",
        ];
        attack.crowd(CLIENTS, PAUSE, |number| {
            let request = get(paths[number / 2 % paths.len()], &attack.reader);
            if number % 2 == 0 {
                return attack.exchange(&request, b"").map(drop);
            }
            let mut stream = attack.connect()?;
            attack.send(&mut stream, request.as_bytes())?;
            // Until the end, and takes nothing.
            attack.pause(Duration::from_secs(60));
            Ok(())
        });
    }

    fn check(&self, attack: &Attack) {
        let statuses = attack.statuses();
        assert!(statuses.contains_key(&200) || statuses.contains_key(&503), "{statuses:?}");
        assert!(statuses.contains_key(&413), "a page by number that is too large is refused: {statuses:?}");
    }
}

#[test]
fn large_pages_that_nobody_takes_stop_nobody_on_sqlite() {
    run(On::Sqlite, &LargePages);
}

#[test]
fn large_pages_that_nobody_takes_stop_nobody_on_postgres() {
    run(On::Postgres, &LargePages);
}
