//! The Python script that compares lists and sums over HTTP with its own.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{TestServer, data};

fn run(server: &TestServer) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/compare_inventory.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(format!("http://{}", server.address)).arg(data("inventory-dev.ndjson.gz"));
    command.env("AUDIT_KEY", &server.admin).output().unwrap_or_else(|error| panic!("python3 is needed, see .ci/test: {error}"))
}

#[test]
fn the_script_loads_once_and_finds_logs_not_in_the_file() {
    let server = TestServer::start();
    let Output { status, stdout, stderr } = run(&server);
    assert_eq!((status.code(), String::from_utf8_lossy(&stderr).as_ref()), (Some(0), ""));
    let said = String::from_utf8(stdout).unwrap();
    assert!(said.starts_with("6000 rows loaded; "), "{said}");
    server.append(r#"{"table_name":"products","action":"CREATE","timestamp":"2020-01-01"}"#);
    let Output { status, stderr, .. } = run(&server);
    let errors = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(errors.starts_with("the list with {} differs:"), "{errors:.300}");
    assert_eq!(server.everything().0, [(1, 6001)]);
    server.stop();
}
