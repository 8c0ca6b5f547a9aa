//! Serving, importing, exporting and everything else that the program does, with nothing of it on this machine's disk.

use std::fs;

use super::program_on;
use crate::common::http::Client;
use crate::common::run;
use crate::common::server::{KEY, Server};
use crate::postgres_server::Database;
use crate::{about, data};

fn start(directory: &std::path::Path, url: &str) -> Server {
    Server::run(program_on(directory, url).env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0"))
}

#[test]
fn the_url_selects_the_server_and_a_restart_finds_everything() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::empty());
    let server = start(directory.path(), &database.url());
    assert!(server.launch["database"].as_str().unwrap().starts_with("postgres://"), "{}", server.launch);
    let mut client = Client::connect(server.address, KEY).unwrap();
    let answer = client.post("/api/v1/events", "application/json", r#"{"object_id":7,"content":{"a":1.0}}"#).unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    let uuid = answer.json()["uuid"].as_str().unwrap().to_owned();
    server.kill();
    let server = start(directory.path(), &database.url());
    let mut client = Client::connect(server.address, KEY).unwrap();
    let event = client.get(&format!("/api/v1/events/{uuid}")).unwrap();
    assert!(event.status == 200 && event.body.contains(r#""content":{"a":1.0}"#), "{event:?}");
    assert_eq!(client.get("/readyz").unwrap().status, 200);
    server.stop();
    let on_this_disk = fs::read_dir(directory.path().join("audit-data")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut on_this_disk: Vec<_> = on_this_disk.collect();
    on_this_disk.sort();
    assert_eq!(on_this_disk, ["checkpoints", "signing.key"], "no event is on this disk");
}

#[test]
fn metrics_tell_how_far_an_index_is_behind() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::empty());
    let server = start(directory.path(), &database.url());
    let run = |sql| database.client().batch_execute(sql).unwrap();
    let stop = "CREATE FUNCTION stopped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no segments today'; END $$;
                CREATE TRIGGER stopped BEFORE INSERT ON segments FOR EACH ROW EXECUTE FUNCTION stopped()";
    about::assert_the_lag_is_shown(&server, || run(stop), || run("DROP TRIGGER stopped ON segments"));
    server.stop();
}

/// A hundred megabytes are looked through, and a few are in memory at a time.
#[test]
fn a_search_of_many_records_takes_little_memory() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::empty());
    // A test build takes its time.
    let server = Server::run(
        program_on(directory.path(), &database.url())
            .env("AUDIT_ADMIN_TOKEN", KEY)
            .env("AUDIT_LISTEN", "127.0.0.1:0")
            .env("AUDIT_QUERY_TIMEOUT_SECONDS", "60"),
    );
    let rows = 50_000;
    let logs = format!(
        "INSERT INTO action_logs (channel_id, position, uuid, created_at, recorded_at, producer_id, level, seals, leaf_hash, message)
         SELECT 1, n, decode(md5(n::text), 'hex'), n, 0, 0, 20, decode('0100' || repeat('00', 16), 'hex'),
             decode(repeat('00', 32), 'hex'), '\"' || repeat(md5(n::text), 64) || '\"' FROM generate_series(0, {rows} - 1) AS n;
         INSERT INTO logs VALUES (1, 2, {rows}, 0)"
    );
    database.client().batch_execute(&logs).unwrap();
    let mut client = Client::connect(server.address, KEY).unwrap();
    let search = "/api/v1/action-logs?search=zzz&count=true&limit=1";
    assert_eq!(client.get("/api/v1/action-logs?limit=1").unwrap().status, 200);
    let before = server.peak_bytes();
    for path in [search, "/api/v1/oms/logs/action_log/?search=zzz", "/api/v1/action-logs/summary?group_by=level&search=zzz"] {
        let answer = client.get(path).unwrap();
        assert!(answer.status == 200 && answer.body.contains(":0"), "{path}: {answer:?}");
    }
    let grown = server.peak_bytes() - before;
    assert!(grown < 40 * 1024 * 1024, "{grown} bytes more for {} of messages", rows * 2048);
    server.stop();
}

#[test]
fn the_first_start_shows_a_key_once_and_two_servers_share_it() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::empty());
    let run_one = || Server::run(program_on(directory.path(), &database.url()).env("AUDIT_LISTEN", "127.0.0.1:0"));
    let (one, two) = (run_one(), run_one());
    let addresses = [one.address, two.address];
    let key = {
        // Ended in order, it says what it said.
        let out = one.stop();
        out.lines().map(str::trim).find(|line| line.len() == 64).unwrap_or_else(|| panic!("{out}")).to_owned()
    };
    let mut client = Client::connect(addresses[1], &key).unwrap();
    assert_eq!(client.get("/api/v1/tokens").unwrap().json()["results"].as_array().unwrap().len(), 1);
    assert!(!two.stop().contains(&key));
}

#[test]
fn repeated_imports_store_real_events_once_byte_for_byte() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::empty());
    let ask =
        |arguments: &[&str]| run(program_on(directory.path(), &database.url()).env("AUDIT_MASKING", "none").args(arguments)).ok();
    let file = data::file();
    assert_eq!(ask(&["import", file.to_str().unwrap()]), "11256 imported, 0 duplicates, 0 skipped\n");
    assert_eq!(ask(&["import", file.to_str().unwrap()]), "0 imported, 11256 duplicates, 0 skipped\n");
    let (source, export) = (data::unpack(&file), ask(&["export"]));
    data::assert_gapless(&export);
    let stored = data::by_uuid(&export);
    assert_eq!(stored.len(), data::EVENTS);
    for line in source.lines() {
        let sent = data::members(line);
        data::assert_came_back(&sent, &stored[&(sent["channel_id"], sent["uuid"])]);
    }
    assert!(ask(&["rebuild"]).starts_with("the search index of all logs is rebuilt\n"));
    assert!(ask(&["token", "create", "--name", "a", "--role", "admin", "--channels", "*"]).trim().len() == 64);
    let doctor = run(program_on(directory.path(), &database.url()).arg("doctor").env("AUDIT_LISTEN", "127.0.0.1:0")).ok();
    let role = database.role();
    let excess = format!(
        "note  database role: `{role}` is a superuser, `{role}` owns the tables: it could change or delete entries of the log. CREATE ROLE"
    );
    for said in [
        "ok    data directory: not used: the database is on a server",
        "ok    database: `postgres://",
        "ok    schema and writing: the schema is that of this version",
        &excess,
        "ok    administrator: 1 valid admin key(s)",
        "note  disk space: not checked: the disk of a database server is not visible from here",
    ] {
        assert!(doctor.contains(said), "{said}: {doctor}");
    }
}
