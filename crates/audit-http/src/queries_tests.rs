use std::time::Duration;

use super::*;

/// A query that does nothing. The flag says whether a client waits for it.
struct Idle(Arc<AtomicBool>);

impl Query for Idle {
    fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn run(self: Box<Self>) {}
}

/// Asks for a place for a query of a key. Returns whether it has the place at once, and the flag
/// that a client waits for it.
fn ask(queries: &Queries, key: i64) -> (Result<bool, TooMany>, Arc<AtomicBool>) {
    let wanted = Arc::new(AtomicBool::new(true));
    let admitted = queries.admit(key, Box::new(Idle(Arc::clone(&wanted))));
    (admitted.map(|admitted| admitted.is_some()), wanted)
}

fn keys(admitted: Vec<Admitted>) -> Vec<i64> {
    admitted.into_iter().map(|admitted| admitted.key).collect()
}

const STARTS: Result<bool, TooMany> = Ok(true);
const WAITS: Result<bool, TooMany> = Ok(false);

#[test]
fn a_key_has_half_of_the_places_and_the_others_the_rest() {
    let queries = Queries::new(4);
    for (key, outcome) in [(1, STARTS), (1, STARTS), (1, WAITS), (2, STARTS), (3, STARTS), (4, WAITS)] {
        assert_eq!(ask(&queries, key).0, outcome, "{key}");
    }
    assert_eq!(keys(queries.leave(2)), [4]);
    assert_eq!(keys(queries.leave(3)), [0; 0]);
    assert_eq!(keys(queries.leave(1)), [1]);
}

#[test]
fn small_answers_get_a_key_no_more_than_half_of_the_places() {
    let queries = Queries::new(8);
    drop(queries.hold(1, 1));
    let asked: Vec<_> = (0..5).map(|_| ask(&queries, 1).0).collect();
    assert_eq!(asked, [STARTS, STARTS, STARTS, STARTS, WAITS]);
}

#[test]
fn keys_with_too_many_waiting_queries_are_refused() {
    let queries = Queries::new(1);
    assert_eq!(ask(&queries, 1).0, STARTS);
    let waiting: Vec<_> = (0..WAITING_OF_A_KEY_MAX).map(|_| ask(&queries, 1)).collect();
    assert!(waiting.iter().all(|(outcome, _)| *outcome == WAITS));
    assert_eq!(ask(&queries, 1).0, Err(TooMany));
    for (_, wanted) in &waiting[1..] {
        wanted.store(false, Ordering::Relaxed);
    }
    assert_eq!(ask(&queries, 1).0, WAITS);
    assert_eq!(keys(queries.leave(1)), [1]);
    assert_eq!(keys(queries.leave(1)), [1]);
    assert_eq!(keys(queries.leave(1)), [0; 0]);
    assert!(queries.lock().keys.is_empty());
}

#[test]
fn places_go_to_the_keys_in_turn() {
    let queries = Queries::new(1);
    for key in [1, 1, 1, 1, 2, 3] {
        ask(&queries, key).0.unwrap();
    }
    let (mut running, mut order) = (1, Vec::new());
    while let [next] = keys(queries.leave(running))[..] {
        order.push(next);
        running = next;
    }
    assert_eq!(order, [1, 2, 3, 1, 1]);
}

#[test]
fn a_key_that_does_not_take_its_answers_waits_until_it_does() {
    let queries = Queries::new(4);
    let held = queries.hold(1, ANSWER_BYTES_OF_A_KEY_MAX);
    assert_eq!([ask(&queries, 1).0, ask(&queries, 2).0], [WAITS, STARTS]);
    assert_eq!(keys(queries.leave(2)), [0; 0]);
    let other = queries.hold(2, ANSWER_BYTES_OF_A_KEY_MAX);
    assert_eq!(ask(&queries, 3).0, STARTS, "whatever others hold, a key has one query");
    assert_eq!(ask(&queries, 2).0, WAITS, "it has its share, and so have all together");
    assert_eq!(ask(&queries, 3).0, WAITS, "but not two");
    let bytes = other.bytes;
    std::mem::forget(other);
    assert_eq!(keys(queries.release(2, bytes)), [2, 3]);
    for key in [2, 3, 3] {
        assert_eq!(keys(queries.leave(key)), [0; 0], "{key}");
    }
    let bytes = held.bytes;
    std::mem::forget(held);
    assert_eq!(keys(queries.release(1, bytes)), [1]);
    assert_eq!(keys(queries.leave(1)), [0; 0]);
    assert!(queries.lock().keys.is_empty());
}

#[tokio::test]
async fn what_waits_runs_when_its_place_is_free_also_after_a_panic() {
    let queries = Queries::new(1);
    let mut first = queries.ask(1, || -> () { panic!("a query that fails") }).unwrap();
    let mut others: Vec<_> = (0..3).map(|number| queries.ask(number, move || number).unwrap()).collect();
    assert!(first.outcome().await.is_err());
    for (number, other) in others.iter_mut().enumerate() {
        assert_eq!(other.outcome().await, Ok(number as i64));
        assert!(other.is_over() && other.has_started());
    }
    // The thread that sent the last outcome leaves its place after it has sent the outcome.
    let all_left = async {
        while !queries.lock().keys.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), all_left).await.is_ok());
}

#[tokio::test]
async fn what_was_given_up_while_it_waited_does_not_run() {
    let queries = Queries::new(1);
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let mut running = queries.ask(1, move || wait.recv()).unwrap();
    let mut given_up = queries.ask(1, || unreachable!("nobody waits for it")).unwrap();
    let mut next = queries.ask(1, || 7).unwrap();
    assert!(!given_up.give_up());
    go_on.send(()).unwrap();
    assert_eq!(running.outcome().await.unwrap(), Ok(()));
    assert_eq!(next.outcome().await, Ok(7));
    assert!(!given_up.has_started());
}
