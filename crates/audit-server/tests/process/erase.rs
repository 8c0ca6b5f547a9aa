//! Values are erased while the server is killed, and by the command line.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::common::{Ended, eventually, program, run};

const EVENTS: usize = 20_000;
const ROUNDS: u64 = 12;

/// Of every five events one is the person's.
fn fill(path: &Path) {
    let event = |number: usize| match number % 5 {
        0 => format!(
            r#"{{"action":"UPDATE","object_id":{number},"user":{{"pk":4711,"username":"ermengarde"}},"description":"ermengarde {number}"}}"#
        ),
        _ => format!(r#"{{"action":"READ","object_id":{number},"user":{{"pk":7}}}}"#),
    };
    let lines: String = (0..EVENTS).map(|number| event(number) + "\n").collect();
    std::fs::write(path.join("events.ndjson"), lines).unwrap();
    run(program(path).args(["import", "events.ndjson"])).ok();
    std::fs::remove_file(path.join("events.ndjson")).unwrap();
}

fn get(server: &Server, target: &str) -> Value {
    Client::connect(server.address, KEY).unwrap().get(target).unwrap().json()
}

/// Whether a text is in a file of the database.
fn is_in_files(path: &Path, text: &str) -> bool {
    let has = |name: &str| {
        let bytes = std::fs::read(path.join("audit-data").join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(text)
    };
    ["audit.db", "audit.db-wal"].into_iter().any(has)
}

fn verified(path: &Path, server: Server) -> Ended {
    let keys = Client::connect(server.address, KEY).unwrap().get("/log/vkey").unwrap().body;
    let key = keys.lines().find(|key| key.contains("/1/events+")).unwrap().to_owned();
    server.stop();
    run(program(path).args(["export", "--bundle", "--channel", "1", "--output", "all.bundle"])).ok();
    run(program(path).args(["verify", "--vkey", &key, "all.bundle"]))
}

#[test]
fn an_erasure_survives_every_kill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fill(path);
    assert!(is_in_files(path, "ermengarde"));
    let body = json!({"channel_id": 1, "user": 4711, "reason": "ticket 12"}).to_string();
    for round in 0..ROUNDS {
        let server = Server::start(path);
        let mut client = Client::connect(server.address, KEY).unwrap();
        let sender = std::thread::spawn({
            let body = body.clone();
            move || client.post("/api/v1/erasures", "application/json", &body).is_ok()
        });
        std::thread::sleep(Duration::from_millis(5 + round * 23));
        server.kill();
        sender.join().unwrap();
    }
    let server = Server::start(path);
    let list = eventually(|| {
        let list = get(&server, "/api/v1/erasures?channel_id=1");
        let results = list["results"].as_array().unwrap().clone();
        let is_done = !results.is_empty() && results.iter().all(|erasure| erasure["finished_at"].is_string());
        // Every kill may have come before the first entry.
        if results.is_empty() {
            Client::connect(server.address, KEY).unwrap().post("/api/v1/erasures", "application/json", &body).unwrap();
        }
        is_done.then_some(results)
    });
    let list = list.unwrap_or_else(|| panic!("the erasure does not end: {}", server.log()));
    let entries: i64 = list.iter().map(|erasure| erasure["entries"].as_i64().unwrap()).sum();
    assert_eq!(entries as usize, EVENTS / 5, "each entry is erased once: {list:?}");
    assert_eq!(get(&server, "/api/v1/events?count=true&user=4711")["count"], 0);
    assert_eq!(get(&server, "/api/v1/events?count=true&search=ermengarde")["count"], 0);
    assert!(!is_in_files(path, "ermengarde"));
    let log = server.log();
    assert!(!log.contains("ermengarde") && !log.contains("ERROR"), "{log}");
    let ended = verified(path, server);
    let deep = run(program(path).args(["verify", "--deep"]));
    assert!(deep.code == Some(0) && deep.stdout.contains(&format!(" {} erased, 0 tampered", EVENTS / 5)), "{deep:?}");
    let said = ended.ok();
    let wanted = format!("{} erased", EVENTS / 5);
    assert!(said.contains(&wanted), "{said}");
}

#[test]
fn the_command_line_erases_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fill(path);
    let erase = |more: &[&str]| run(program(path).args(["erase", "--channel", "1", "--reason", "ticket 12"]).args(more));
    let slots = "events of channel 1, slots user, description";
    let user = ["--user", "4711", "--slots", "user,description"];
    let dry = erase(&[user.as_slice(), &["--dry-run"]].concat()).ok();
    assert_eq!(dry, format!("would erase values of 4000 entries at positions 0 to 19995: {slots}\n"));
    assert!(is_in_files(path, "ermengarde"), "a dry run erases nothing");
    let ended = erase(&user);
    assert_eq!(ended.ok(), format!("erased values of 4000 entries: {slots}\n"));
    assert!(!is_in_files(path, "ermengarde"));
    assert_eq!(erase(&user).ok(), format!("nothing to erase: {slots}\n"));
    let export = run(program(path).args(["export", "--channel", "1"])).ok();
    let says = export.lines().last().unwrap();
    assert!(says.contains(r#""action":"AUDIT.ERASE""#) && says.contains(r#""reason":"ticket 12""#), "{says}");
    for (arguments, sentence) in [
        (&["--user", "7", "--slots", "usr"][..], "--slots: usr is not a slot of this stream; slots are subject, user, "),
        (&["--uuid", "00000000-0000-4000-8000-000000000001"], "the log has no entry 00000000-0000-4000-8000-000000000001"),
        (&["--user", "7", "--stream", "action-logs"], "--user is known of events only"),
        (&["--user", "ticket", "--slots", "user"], "--reason must not have the id of the user"),
    ] {
        let ended = erase(arguments);
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(ended.sentence().starts_with(sentence), "{}", ended.sentence());
    }
    assert_eq!(erase(&[]).code, Some(2), "a user or a uuid is required");
}
