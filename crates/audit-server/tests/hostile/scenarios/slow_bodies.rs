//! One key that fills the memory for bodies: with two large ones, and with ever smaller ones for what is left. Each is there but for
//! its last byte.

use crate::attack::{Attack, PAUSE, head};
use crate::bench::{On, Scenario, run};

const LARGE: usize = 2;
const LARGE_BYTES: usize = 30 * 1024 * 1024;

/// The last ones are smaller than an event of the honest client.
const SMALLER_BYTES: [usize; 4] = [128 * 1024, 8 * 1024, 1024, 100];
const CLIENTS: usize = 160;

struct SlowBodies;

impl Scenario for SlowBodies {
    fn attack(&self, attack: &Attack) {
        attack.crowd(CLIENTS, PAUSE, |number| {
            let bytes = if number < LARGE { LARGE_BYTES } else { SMALLER_BYTES[number % SMALLER_BYTES.len()] };
            let head = head("POST", "/api/v1/events", &attack.writer, "application/json", bytes);
            attack.exchange(&head, &vec![b' '; bytes - 1]).map(drop)
        });
    }

    fn check(&self, attack: &Attack) {
        assert!(attack.statuses().contains_key(&503), "the key has its quarter, and no more: {:?}", attack.statuses());
    }
}

#[test]
fn one_key_with_slow_bodies_stops_nobody_on_sqlite() {
    run(On::Sqlite, &SlowBodies);
}

#[test]
fn one_key_with_slow_bodies_stops_nobody_on_postgres() {
    run(On::Postgres, &SlowBodies);
}
