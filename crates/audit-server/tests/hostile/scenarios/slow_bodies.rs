//! One key that fills the memory for bodies: with two large ones, with smaller ones for the rest, and with the smallest for what
//! these leave. Each is there but for its last byte.

use crate::attack::{Attack, PAUSE, head};
use crate::bench::{On, Scenario, run};

const KIB: usize = 1024;

/// How many, and of how many bytes.
const LARGE: (usize, usize) = (2, 30 * 1024 * KIB);
const SMALL: (usize, usize) = (80, 64 * KIB);
const SMALLEST: (usize, usize) = (120, KIB);

struct SlowBodies;

impl Scenario for SlowBodies {
    fn attack(&self, attack: &Attack) {
        attack.crowd(LARGE.0 + SMALL.0 + SMALLEST.0, PAUSE, |number| {
            let (_, bytes) = match number {
                number if number < LARGE.0 => LARGE,
                number if number < LARGE.0 + SMALL.0 => SMALL,
                _ => SMALLEST,
            };
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
