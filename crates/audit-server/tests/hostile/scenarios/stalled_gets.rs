//! GETs whose bodies never end, of a key that may only read a channel in which there is nothing.

use std::time::Duration;

use crate::attack::{Attack, head};
use crate::bench::{On, Scenario, run};

/// What is announced; all but the last byte of it is sent. The first would fill the budget of appends if a GET might have as much as a
/// record; the others are as large as the body of a GET may be.
const BODIES: [(usize, usize); 2] = [(64, 1024 * 1024), (32, 64 * 1024)];

/// The large ones cost the processor something.
const PAUSE: Duration = Duration::from_secs(2);

struct StalledGets;

impl Scenario for StalledGets {
    fn attack(&self, attack: &Attack) {
        attack.crowd(BODIES[0].0 + BODIES[1].0, PAUSE, |number| {
            let (_, bytes) = BODIES[usize::from(number >= BODIES[0].0)];
            let head = head("GET", "/api/v1/oms/settings/audit_events/", &attack.reader, "application/json", bytes);
            attack.exchange(&head, &vec![b' '; bytes - 1]).map(drop)
        });
    }

    fn check(&self, attack: &Attack) {
        assert!(attack.statuses().contains_key(&413), "the larger bodies are refused: {:?}", attack.statuses());
        assert!(attack.statuses().contains_key(&503), "so are those beyond the room of the key: {:?}", attack.statuses());
    }
}

#[test]
fn stalled_gets_with_bodies_stop_nobody_on_sqlite() {
    run(On::Sqlite, &StalledGets);
}

#[test]
fn stalled_gets_with_bodies_stop_nobody_on_postgres() {
    run(On::Postgres, &StalledGets);
}
