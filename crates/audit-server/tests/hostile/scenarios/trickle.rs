//! Bodies that arrive byte by byte.

use std::time::Duration;

use crate::attack::{Attack, PAUSE, head};
use crate::bench::{On, Scenario, run};

/// With half a MiB each: as much as the budget.
const CLIENTS: usize = 128;

struct Trickle;

impl Scenario for Trickle {
    /// Longer than a body may be that slow, and much shorter than a body may take.
    const SECONDS: u64 = 16;

    fn attack(&self, attack: &Attack) {
        let half = vec![b' '; 512 * 1024];
        attack.crowd(CLIENTS, PAUSE, |_| {
            let mut stream = attack.connect()?;
            let head = head("POST", "/api/v1/oms/settings/audit_events/", &attack.writer, "application/json", 1024 * 1024);
            attack.send(&mut stream, head.as_bytes())?;
            attack.send(&mut stream, &half)?;
            loop {
                attack.pause(Duration::from_millis(500));
                attack.send(&mut stream, b" ")?;
                if attack.is_over() || attack.has_answer(&mut stream)? {
                    return attack.status(&mut stream).map(drop);
                }
            }
        });
    }

    fn check(&self, attack: &Attack) {
        assert!(attack.statuses().contains_key(&408), "{:?}", attack.statuses());
    }
}

#[test]
fn a_slow_trickle_stops_nobody_on_sqlite() {
    run(On::Sqlite, &Trickle);
}

#[test]
fn a_slow_trickle_stops_nobody_on_postgres() {
    run(On::Postgres, &Trickle);
}
