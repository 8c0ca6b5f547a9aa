//! Large bodies that are refused before they are there: with a key that does not exist, and larger than a request may be.

use std::time::Duration;

use crate::attack::{Attack, PAUSE, head};
use crate::bench::{On, Scenario, run};

const CLIENTS: usize = 8;
const MIB: usize = 1024 * 1024;

struct EarlyAnswers;

impl Scenario for EarlyAnswers {
    /// Time for two of them.
    const SECONDS: u64 = 8;

    fn attack(&self, attack: &Attack) {
        let body = vec![b'x'; 33 * MIB];
        attack.crowd(CLIENTS, PAUSE, |number| {
            let (key, bytes) = if number % 2 == 0 { ("wrong", 26 * MIB) } else { (attack.writer.as_str(), body.len()) };
            let mut stream = attack.connect()?;
            attack.send(&mut stream, head("POST", "/api/v1/events", key, "application/json", bytes).as_bytes())?;
            // Reads nothing before all is sent, as the simplest clients do, and has a line of 10 MiB/s.
            for piece in body[..bytes].chunks(MIB) {
                attack.send(&mut stream, piece)?;
                attack.pause(Duration::from_millis(100));
            }
            attack.status(&mut stream).map(drop)
        });
    }

    fn check(&self, attack: &Attack) {
        let (statuses, failures) = (attack.statuses(), attack.failures());
        assert!(statuses.contains_key(&401) && statuses.contains_key(&413) && statuses.len() == 2, "{statuses:?}");
        assert!(failures.is_empty(), "each of them could read its answer: {failures:?}");
    }
}

#[test]
fn early_answers_to_large_bodies_arrive_on_sqlite() {
    run(On::Sqlite, &EarlyAnswers);
}

#[test]
fn early_answers_to_large_bodies_arrive_on_postgres() {
    run(On::Postgres, &EarlyAnswers);
}
