//! Each tile has one path, and each log has one. Everything else is a problem.

use super::{Auditor, append_many, assert_problem};
use crate::common::SigningServer;

/// More than one full tile.
fn server() -> SigningServer {
    let server = SigningServer::start();
    append_many(&server, 300);
    server.post(&server.admin, "/api/v1/action-logs", r#"{"level":20,"message":"m"}"#).expect(201);
    server.sign();
    server
}

#[test]
fn another_spelling_of_a_tile_is_not_found() {
    let server = server();
    let mut auditor = Auditor::new(&server);
    for path in ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44", "tile/entries/000"] {
        assert_eq!(auditor.get(&format!("/log/1/events/{path}")).status, 200, "{path}");
    }
    for path in [
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/+0/000",
        "tile/-1/000",
        "tile/64/000",
        "tile/256/000",
        "tile/0/x000/000",
        "tile/0/x000/001.p/44",
        "tile/0/000/000",
        "tile/0/X000/000",
        "tile/0/x000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/65537",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/000.P/1",
        "tile/0/000/",
        "tile/0//000",
        "tile//0/000",
        "tile/0/000%20",
        "tile/0/000%00",
        "tile/0/%C3%A9",
        "tile/0/%FF",
        "tile/0/000%252ep/1",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/Entries/000",
        "tile/entries",
        "tile/entries/0",
        "tile/entries/000/",
        "tile/data/000",
        "tile/0/../0/000",
        "tile/0/%2e%2e/0/000",
        "Tile/0/000",
        "tiles/0/000",
        "checkpoint/",
        "consistency/",
        "",
    ] {
        assert_problem(&auditor.get(&format!("/log/1/events/{path}")), 404, "not_found");
    }
    server.stop();
}

/// RFC 3986, 6.2.2.2: an escape of a character that needs none is the same path. The tile is the same, too.
#[test]
fn an_escaped_dot_or_digit_is_the_same_path() {
    let server = server();
    let mut auditor = Auditor::new(&server);
    let tile = auditor.bytes("/log/1/events/tile/0/000.p/7");
    for path in ["/log/1/events/tile/0/000%2ep/7", "/log/1/events/tile/0/000%2Ep/%37", "/log/%31/event%73/tile/0/000.p/7"] {
        assert_eq!(auditor.bytes(path), tile, "{path}");
    }
    server.stop();
}

#[test]
fn a_log_that_has_no_entries_or_no_such_name_is_not_found() {
    let server = server();
    let mut auditor = Auditor::new(&server);
    assert_eq!(auditor.trusted.len(), 2);
    assert_eq!(auditor.checkpoint("1/events").size(), 300);
    assert_eq!(auditor.checkpoint("1/action-logs").size(), 1);
    for log in [
        "2/events",
        "0/events",
        "01/events",
        "+1/events",
        "-1/events",
        "-1/checkpoints",
        "1/checkpoints",
        "1/Events",
        "1/action_logs",
        "1/event",
        "x/events",
        "9223372036854775807/events",
        "9223372036854775808/events",
        "%201/events",
        "1%00/events",
    ] {
        for what in ["checkpoint", "consistency?from=0", "tile/0/000.p/1", "tile/entries/000.p/1"] {
            assert_problem(&auditor.get(&format!("/log/{log}/{what}")), 404, "not_found");
        }
    }
    for path in [
        "/log",
        "/log/",
        "/log/vkey/",
        "/log/1",
        "/log/1/events",
        "/log/1/events/vkey",
        "/log/root",
        "/log/root/events/checkpoint",
        "/log/-1/checkpoints/checkpoint",
    ] {
        assert_problem(&auditor.get(path), 404, "not_found");
    }
    server.stop();
}

/// A misspelled parameter would silently mean another request.
#[test]
fn parameters_that_do_not_exist_are_refused() {
    let server = server();
    let mut auditor = Auditor::new(&server);
    for path in ["/log/vkey", "/log/1/events/checkpoint", "/log/1/events/tile/0/000", "/log/1/events/tile/entries/000"] {
        let answer = auditor.get(&format!("{path}?size=3"));
        assert_problem(&answer, 400, "invalid_query");
        assert_eq!(answer.json()["errors"][0]["parameter"], "size", "{}", answer.text());
    }
    server.stop();
}
