//! A database that fails: the caller gets the error, and nobody gets a receipt for what is not on disk.

use std::time::{Duration, Instant};

use audit_store::{AppendError, AppendRequest, NotStored, PendingReceipts, Prepared};

use crate::common::{ActionLogs, Kind, Scratch, blob, checked_logs, event, of_database, uuid};

fn guilty() -> Prepared {
    event(&format!(r#"{{"uuid":"{}"}}"#, uuid(13)))
}

/// From now on the database refuses the guilty event. `how` is what a trigger can do: fail the statement or the transaction.
fn poison(scratch: &Scratch, how: &str) {
    let guilty = blob(uuid(13).as_bytes());
    let sqlite = format!(
        "CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.uuid = {guilty} BEGIN SELECT RAISE({how}, 'poisoned'); END"
    );
    let postgres = format!(
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poisoned'; END $$;
         CREATE TRIGGER poison BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.uuid = {guilty}) EXECUTE FUNCTION refuse()"
    );
    scratch.raw().execute(&of_database(sqlite, postgres));
}

/// One writer, so that everything goes through the same hands.
fn scratch() -> Scratch {
    Scratch::with(|config| config.writers = 1)
}

/// Queues requests while the writer cannot commit, so that they become one batch.
fn as_one_batch(scratch: &Scratch, requests: Vec<Vec<Prepared>>) -> Vec<PendingReceipts> {
    let lock = scratch.lock();
    let first = scratch.store.append(AppendRequest::new([ActionLogs::entry("")])).unwrap();
    // The writer has taken the first one as soon as it waits for the lock; the others queue behind it.
    std::thread::sleep(Duration::from_millis(50));
    let pending: Vec<_> = requests.into_iter().map(|events| scratch.store.append(AppendRequest::new(events)).unwrap()).collect();
    drop(lock);
    first.wait().unwrap();
    pending
}

#[test]
fn a_database_error_fails_only_the_request_that_causes_it() {
    for how in ["ABORT", "FAIL", "ROLLBACK"] {
        let scratch = scratch();
        scratch.append_json("{}");
        poison(&scratch, how);
        let shared = event(&format!(r#"{{"uuid":"{}","user":1}}"#, uuid(1)));
        let requests = vec![
            vec![event("{}"), event(r#"{"channel_id":2}"#)],
            vec![event("{}"), shared.clone(), guilty(), event(r#"{"channel_id":3}"#)],
            vec![shared.clone(), event("{}")],
            vec![event("{}"), shared],
        ];
        let outcomes: Vec<_> = as_one_batch(&scratch, requests).into_iter().map(PendingReceipts::wait).collect();
        assert!(
            matches!(&outcomes[1], Err(AppendError::NotStored(NotStored::Database(why))) if why.contains("poisoned")),
            "{how}: {:?}",
            outcomes[1]
        );
        let positions = |index: usize| -> Vec<(i64, bool)> {
            outcomes[index].as_ref().unwrap().iter().map(|receipt| (receipt.position, receipt.duplicate)).collect()
        };
        assert_eq!(positions(0), [(1, false), (0, false)], "{how}");
        assert_eq!(positions(2), [(2, false), (3, false)], "{how}");
        assert_eq!(positions(3), [(4, false), (2, true)], "{how}");
        assert_eq!(checked_logs(&scratch.store).len(), 6, "{how}");

        scratch.raw().execute(of_database("DROP TRIGGER poison", "DROP TRIGGER poison ON events"));
        let retried = scratch.append(vec![guilty()]);
        assert_eq!((retried[0].position, retried[0].duplicate), (5, false), "{how}");
    }
}

#[test]
fn requests_of_a_batch_are_one_commit_even_if_they_repeat() {
    let scratch = scratch();
    let repeated = || vec![event("{}"), event(&format!(r#"{{"uuid":"{}","user":1}}"#, uuid(1)))];
    let pending = as_one_batch(&scratch, vec![repeated(), repeated(), repeated()]);
    let receipts: Vec<_> = pending.into_iter().flat_map(|pending| pending.wait().unwrap()).collect();
    assert_eq!(receipts.iter().map(|receipt| receipt.position).collect::<Vec<_>>(), [0, 1, 2, 1, 3, 1]);
    assert!(receipts.iter().all(|receipt| receipt.recorded_at == receipts[0].recorded_at));
}

/// One wait for the lock, not one for each request of the batch: with a thousand queued, that would be hours.
#[test]
fn a_locked_database_fails_a_batch_once_and_the_writer_recovers() {
    let scratch = Scratch::new();
    let lock = scratch.lock();
    let start = Instant::now();
    let first = scratch.store.append(AppendRequest::new([event("{}")])).unwrap();
    let error = first.wait().unwrap_err();
    assert!(matches!(&error, AppendError::NotStored(NotStored::Database(why)) if why.contains("locked")), "{error}");
    assert!((9..15).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    let second = scratch.store.append(AppendRequest::new([event("{}")])).unwrap();
    drop(lock);
    assert_eq!(second.wait().unwrap()[0].position, 0);
    assert_eq!(checked_logs(&scratch.store).len(), 1);
}

#[test]
fn a_tampered_event_fails_only_its_own_retry() {
    let scratch = scratch();
    scratch.append(vec![guilty()]);
    let unguard = of_database("DROP TRIGGER events_only_erase;", "");
    scratch.raw().execute(&format!("{unguard} UPDATE events SET seals = {} WHERE position = 0", blob(&[0])));
    let requests = vec![vec![event("{}")], vec![guilty()], vec![event("{}")]];
    let outcomes: Vec<_> = as_one_batch(&scratch, requests).into_iter().map(PendingReceipts::wait).collect();
    assert!(
        matches!(&outcomes[1], Err(AppendError::NotStored(NotStored::Database(why))) if why.contains("position 0 of channel 1 (events) was changed"))
    );
    let positions = [0, 2].map(|index| outcomes[index].as_ref().unwrap()[0].position);
    assert_eq!(positions, [1, 2]);
}
