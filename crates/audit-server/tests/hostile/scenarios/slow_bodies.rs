//! One key that fills the memory for bodies with large ones, and keeps them there with some bytes a second.

use std::time::Duration;

use crate::attack::{Attack, PAUSE, head};
use crate::bench::{On, Scenario, run};

const MIB: usize = 1024 * 1024;

/// The largest requests, and many of the largest events.
const LARGE: usize = 3;
const CLIENTS: usize = 80;

/// So much is kept back, and sent at twice the least rate.
const REST: usize = 64 * 1024;
const PIECE: usize = 4 * 1024;
const PIECE_EVERY: Duration = Duration::from_secs(1);

struct SlowBodies;

impl Scenario for SlowBodies {
    fn attack(&self, attack: &Attack) {
        attack.crowd(CLIENTS, PAUSE, |number| {
            let (path, bytes) =
                if number < LARGE { ("/api/v1/events", 32 * MIB) } else { ("/api/v1/data-warehouse/audit-events/", MIB) };
            let mut stream = attack.connect()?;
            attack.send(&mut stream, head("POST", path, &attack.writer, "application/json", bytes).as_bytes())?;
            attack.send(&mut stream, &vec![b' '; bytes - REST])?;
            for _ in 0..REST / PIECE - 1 {
                attack.pause(PIECE_EVERY);
                attack.send(&mut stream, &[b' '; PIECE])?;
            }
            attack.status(&mut stream).map(drop)
        });
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
