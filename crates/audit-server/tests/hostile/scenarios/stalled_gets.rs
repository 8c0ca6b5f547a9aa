//! GETs whose bodies never end, of a key that may only read a channel in which there is nothing.

use crate::attack::{Attack, PAUSE, head};
use crate::bench::{On, Scenario, run};

const CLIENTS: usize = 64;

/// What is announced; all but the last byte of it is sent. The larger one is what a record may have, the smaller one what the body of
/// a GET may have.
const BYTES: [usize; 2] = [1024 * 1024, 64 * 1024];

struct StalledGets;

impl Scenario for StalledGets {
    fn attack(&self, attack: &Attack) {
        attack.crowd(CLIENTS, PAUSE, |number| {
            let bytes = BYTES[usize::from(number % 8 > 0)];
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
