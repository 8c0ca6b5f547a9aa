//! Records that no checkpoint has yet, and servers that do not sign.

use super::{Auditor, EVENT, assert_problem};
use crate::common::{Ask, SigningFiles, TestServer};

const EVENTS: &str = "/api/v1/events";
const ACTION_LOGS: &str = "/api/v1/action-logs";

fn uuid_of(server: &TestServer, path: &str) -> String {
    let body = if path == EVENTS { EVENT } else { r#"{"level":20,"message":"m"}"# };
    server.post(&server.admin, path, body).expect(201)["uuid"].as_str().unwrap().to_owned()
}

#[test]
fn an_event_has_no_proof_before_a_checkpoint_has_it() {
    let (server, files) = (TestServer::start(), SigningFiles::new());
    for (path, log) in [(EVENTS, "1/events"), (ACTION_LOGS, "1/action-logs")] {
        let mut signed: Vec<String> = Vec::new();
        for position in 0..4 {
            let uuid = uuid_of(&server, path);
            let target = format!("{path}/{uuid}/proof");
            for accept in ["application/json", "text/plain"] {
                let answer = server.ask(&Ask::get(&target).key(&server.admin).header("Accept", accept));
                assert_problem(&answer, 503, "not_signed");
                let detail = format!("No signed checkpoint of the log {log} has position {position} yet.");
                assert!(answer.json()["detail"].as_str().unwrap().starts_with(&detail), "{}", answer.text());
            }
            // The receipt can be checked before.
            assert_eq!(server.get(&server.admin, &format!("{path}/{uuid}/leaf")).status, 200);
            // Those before it have a proof as before.
            let mut auditor = Auditor::new(&server);
            for target in &signed {
                assert_eq!(auditor.verify(log, target).0.tree_size, position);
            }
            files.sign(&server);
            let mut auditor = Auditor::new(&server);
            assert_eq!(auditor.verify(log, &target).0.position, position);
            signed.push(target);
        }
    }
    server.stop();
}

#[test]
fn a_server_that_does_not_sign_says_so() {
    let server = TestServer::start();
    for (path, log) in [(EVENTS, "1/events"), (ACTION_LOGS, "1/action-logs")] {
        let target = format!("{path}/{}/proof", uuid_of(&server, path));
        assert_problem(&server.get(&server.admin, &target), 503, "not_signed");
        for what in ["checkpoint", "consistency?from=0", "tile/0/000.p/1", "tile/entries/000.p/1", "tile/0/000"] {
            assert_problem(&server.get(&server.admin, &format!("/log/{log}/{what}")), 404, "not_found");
        }
    }
    assert_eq!(Auditor::new(&server).trusted.len(), 0);
    server.stop();
}
