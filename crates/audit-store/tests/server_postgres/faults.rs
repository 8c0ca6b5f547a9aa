//! Connections that break and servers that die: what was acknowledged is there, once, and nothing needs a restart of ours.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use audit_store::domain::uuid::Uuid;
use audit_store::{AppendError, AppendRequest, NotStored, Receipt, Store, StoreConfig, StoreError, Unknown};

use crate::common::{Scratch, append, checked_logs, event, uuid};
use crate::postgres_server::{Database, Server};

/// Appends until it is told to stop; a request that was not acknowledged is sent again with the same uuids. Returns the receipts, and
/// how often an outcome was not known.
fn send(store: &Store, client: u128, done: &AtomicBool) -> (BTreeMap<Uuid, Receipt>, u32) {
    let (mut receipts, mut failures) = (BTreeMap::new(), 0);
    for request in 0.. {
        let uuids: Vec<Uuid> = (0..4).map(|n| uuid(client * 1_000_000 + request * 10 + n)).collect();
        let entry = |(channel, uuid): (usize, &Uuid)| event(&format!(r#"{{"uuid":"{uuid}","channel_id":{}}}"#, channel % 3));
        loop {
            match store.append(AppendRequest::new(uuids.iter().enumerate().map(entry))).unwrap().wait() {
                Ok(of_request) => {
                    receipts.extend(of_request.into_iter().map(|receipt| (receipt.uuid, receipt)));
                    break;
                }
                Err(AppendError::NotStored(NotStored::Database(_)) | AppendError::Unknown(Unknown::Unconfirmed(_))) => {
                    failures += 1;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => panic!("{error}"),
            }
        }
        if done.load(Ordering::SeqCst) {
            break;
        }
    }
    (receipts, failures)
}

/// Runs clients of two stores while something is done to their server; returns how often an outcome was not known.
fn under_load(stores: [&Store; 2], harm: impl FnOnce(), recovered: impl FnOnce()) -> u32 {
    let (done, failures) = (AtomicBool::new(false), AtomicU32::new(0));
    let receipts = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..6u128)
            .map(|client| {
                let (store, done) = (stores[client as usize % 2], &done);
                // The clients of both stores send the same: each is the other's retry.
                scope.spawn(move || send(store, 1 + client / 2, done))
            })
            .collect();
        harm();
        recovered();
        done.store(true, Ordering::SeqCst);
        let mut all: Vec<(Uuid, Receipt)> = Vec::new();
        for client in clients {
            let (receipts, failed) = client.join().unwrap();
            all.extend(receipts);
            failures.fetch_add(failed, Ordering::SeqCst);
        }
        all
    });
    let stored: BTreeMap<Uuid, _> = checked_logs(stores[0]).into_iter().map(|event| (event.entry.uuid, event)).collect();
    for (uuid, receipt) in &receipts {
        let event = &stored[uuid];
        assert_eq!(
            Receipt { duplicate: receipt.duplicate, ..Receipt::of_duplicate(&event.entry) },
            *receipt,
            "acknowledged, and elsewhere"
        );
    }
    assert!(receipts.len() > 100, "there was load: {}", receipts.len());
    let mut firsts: Vec<Uuid> = receipts.iter().filter(|(_, receipt)| !receipt.duplicate).map(|(uuid, _)| *uuid).collect();
    firsts.sort_unstable();
    assert!(firsts.windows(2).all(|pair| pair[0] != pair[1]), "two were told that they were the first with an event");
    assert!(!firsts.is_empty());
    let failures = failures.into_inner();
    println!("{} acknowledged, {failures} times not known at first, {} in the log", receipts.len(), stored.len());
    failures
}

#[test]
fn connections_ended_again_and_again_lose_and_double_nothing() {
    let scratch = Scratch::new();
    let other = scratch.open_again();
    let raw = scratch.raw();
    let end_all = || {
        let start = Instant::now();
        let mut ended = 0;
        while start.elapsed() < Duration::from_secs(4) {
            let sql = "SELECT COUNT(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> '') ended";
            ended += raw.strings(sql)[0].parse::<u32>().unwrap();
            std::thread::sleep(Duration::from_millis(30));
        }
        assert!(ended > 20, "{ended}");
    };
    under_load([&scratch.store, &other], end_all, || {});
}

#[test]
fn a_server_that_dies_under_load_keeps_acknowledged_entries() {
    let server = Server::start();
    server.create("audit");
    let config = StoreConfig::new(server.url("audit"));
    let (one, two) = (Store::open(&config).unwrap(), Store::open(&config).unwrap());
    let restarts = || {
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(1500));
            server.stop_immediate();
            // Away long enough for somebody to notice.
            std::thread::sleep(Duration::from_millis(300));
            server.start_again();
        }
    };
    let failures = under_load([&one, &two], restarts, || std::thread::sleep(Duration::from_secs(1)));
    assert!(failures > 0, "no client noticed: the test saw too little");
    // Idle connections of both stores died too; reads need no restart.
    assert!(one.check().is_ok() && two.tokens().is_ok());
    append(&one, vec![event("{}")]);
}

#[test]
fn a_server_that_is_away_is_said_to_be_away() {
    let server = Server::start();
    server.create("audit");
    let store = Store::open(StoreConfig::new(server.url("audit"))).unwrap();
    append(&store, vec![event("{}")]);
    assert!(store.check().is_ok());
    server.stop_immediate();
    let error = store.append(AppendRequest::new([event("{}")])).unwrap().wait().unwrap_err();
    assert!(matches!(error, AppendError::NotStored(NotStored::Database(_))), "{error}");
    let start = Instant::now();
    let error = store.check().unwrap_err();
    assert!(matches!(error, StoreError::Pool(_) | StoreError::Unreachable(_)), "{error}");
    assert!(start.elapsed() < Duration::from_secs(15));
    let token = audit_store::domain::NewToken {
        name: "t".to_owned(),
        role: audit_store::domain::Role::Reader,
        channels: crate::common::only(1),
        expires_at: None,
    };
    assert!(matches!(store.create_token(token.clone()).unwrap_err(), StoreError::Unreachable(_)));
    server.start_again();
    // It may be taken for away a moment longer: a refused connection is remembered for a second, then tried again.
    let start = Instant::now();
    while let Err(error) = store.check() {
        assert!(start.elapsed() < Duration::from_secs(15), "{error}");
        std::thread::sleep(Duration::from_millis(50));
    }
    store.create_token(token).unwrap();
    append(&store, vec![event("{}")]);
    assert_eq!(checked_logs(&store).len(), 2);
}

#[test]
fn connections_that_died_while_idle_are_replaced() {
    let server = Server::start();
    server.create("audit");
    let store = Store::open(StoreConfig::new(server.url("audit"))).unwrap();
    let key = audit_store::domain::TokenKey::from_text("0123456789abcdef-admin");
    let ask = || {
        store.check().unwrap();
        assert!(store.find_token(&key).unwrap().is_none());
        append(&store, vec![event("{}")]);
    };
    for _ in 0..3 {
        ask();
        server.restart_immediate();
    }
    ask();
    assert_eq!(checked_logs(&store).len(), 4);
}

/// What is read for a step is read without the lock that an append needs, however long it takes.
#[test]
fn a_log_that_cannot_be_indexed_is_appended_to() {
    let scratch = Scratch::new();
    let events = || (0..64).map(|_| event("{}")).collect::<Vec<_>>();
    append(&scratch.store, events());
    scratch.store.index().unwrap();
    let administrator = scratch.raw();
    administrator.execute("BEGIN; LOCK TABLE postings, segments, segment_times IN ACCESS EXCLUSIVE MODE");
    std::thread::scope(|scope| {
        let (appended, is_appended) = std::sync::mpsc::channel();
        let (store, raw) = (&scratch.store, scratch.raw());
        scope.spawn(move || {
            for _ in 0..3 {
                append(store, events());
                // Until the indexer tries it.
                std::thread::sleep(Duration::from_millis(500));
            }
            appended.send(()).unwrap();
        });
        let in_time = is_appended.recv_timeout(Duration::from_secs(10));
        administrator.execute("COMMIT");
        in_time.expect("appends wait for a step of the index");
        let start = Instant::now();
        let indexed = || raw.strings("SELECT CAST(sum(size) AS TEXT) FROM segments");
        while indexed() != ["256"] {
            assert!(start.elapsed() < Duration::from_secs(30), "{:?}", indexed());
            std::thread::sleep(Duration::from_millis(20));
        }
    });
}

/// Somebody keeps one head: requests of that log are refused when it does not come, and nobody else's.
#[test]
fn a_log_that_is_locked_takes_no_other_log_along() {
    let scratch = Scratch::with(|config| config.writers = 1);
    let request = |channel: i64| AppendRequest::new([event(&format!(r#"{{"channel_id":{channel}}}"#))]);
    for channel in [3, 5, 7] {
        scratch.store.append(request(channel)).unwrap().wait().unwrap();
    }
    let prompt = scratch.raw();
    prompt.execute("BEGIN; SELECT * FROM logs WHERE channel_id = 3 FOR UPDATE");
    let start = Instant::now();
    let pending: Vec<_> = [5, 3, 7, 3, 5].map(|channel| (channel, scratch.store.append(request(channel)).unwrap())).into();
    for (channel, pending) in pending {
        match pending.wait() {
            Ok(receipts) => assert!(channel != 3 && !receipts[0].duplicate),
            Err(error) => assert!(channel == 3 && error.to_string().contains("log 3/1 is locked by another program"), "{error}"),
        }
    }
    assert!(start.elapsed() < Duration::from_secs(25), "it was waited for once or twice: {:?}", start.elapsed());
    prompt.execute("ROLLBACK");
    scratch.store.append(request(3)).unwrap().wait().unwrap();
    assert_eq!(checked_logs(&scratch.store).len(), 7);
}

/// Two servers revoke a token at once: one of them did it.
#[test]
fn a_token_is_revoked_once() {
    let scratch = Scratch::new();
    let other = scratch.open_again();
    for round in 1..=20 {
        let channels = crate::common::only(1);
        let role = audit_store::domain::Role::Reader;
        let token = audit_store::domain::NewToken { name: "t".to_owned(), role, channels, expires_at: None };
        let id = scratch.store.create_token(token).unwrap().0.id;
        let all = audit_store::domain::ChannelGrant::All;
        let revoked = std::thread::scope(|scope| {
            let both = [&scratch.store, &other].map(|store| scope.spawn(|| store.revoke_token(id, all.clone()).unwrap()));
            both.map(|one| one.join().unwrap())
        });
        assert_eq!(revoked.iter().filter(|done| **done).count(), 1, "round {round}");
    }
}

/// A trigger ends the connection of the first commit, after everything was inserted: the outcome is not known, and was none.
#[test]
fn a_commit_that_is_lost_is_settled_by_uuid_and_written_once() {
    let database = Database::empty();
    let store = Store::open(StoreConfig::new(database.url())).unwrap();
    append(&store, vec![event("{}")]);
    database
        .client()
        .batch_execute(
            "CREATE SEQUENCE times;
             CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('times') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
                 RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER die AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()",
        )
        .unwrap();
    let receipts = append(&store, vec![event("{}"), event(&format!(r#"{{"uuid":"{}"}}"#, uuid(1)))]);
    assert_eq!(receipts.iter().map(|receipt| (receipt.position, receipt.duplicate)).collect::<Vec<_>>(), [(1, false), (2, false)]);
    assert_eq!(checked_logs(&store).len(), 3);
}

/// Tokens take the next number, and servers may take it at the same time. A trigger waits between the look for the number and its use,
/// so that a server that only tried again would lose every attempt.
#[test]
fn tokens_of_several_servers_have_numbers_of_their_own() {
    let scratch = Scratch::new();
    let stores: Vec<Store> = (0..8).map(|_| scratch.open_again()).collect();
    scratch.raw().execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$;
         CREATE TRIGGER wait BEFORE INSERT ON tokens FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| {
                for _ in 0..5 {
                    let (name, channels) = ("t".to_owned(), crate::common::only(1));
                    let role = audit_store::domain::Role::Reader;
                    store.create_token(audit_store::domain::NewToken { name, role, channels, expires_at: None }).unwrap();
                }
                let key = audit_store::domain::TokenKey::from_text("0123456789abcdef-admin");
                store.ensure_admin(key).unwrap().unwrap();
            });
        }
    });
    let ids: Vec<i64> = scratch.store.tokens().unwrap().iter().map(|token| token.id).collect();
    assert_eq!(ids, (1..=41).collect::<Vec<_>>());
}
