//! Tests that the clients bring along, in their own languages.

use std::process::Command;

use crate::common::Ended;
use crate::common::server::{KEY, Server};
use crate::tools::{clients, finish, node_with_express, python_with, tool};

/// Runs Python's `unittest` on a file; a file without tests fails.
#[track_caller]
fn unittest(python: &mut Command, module: &str) {
    let ended = finish(python.current_dir(clients().join("tests")).args(["-m", "unittest", module]));
    let ran = ended.stderr.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse::<usize>().ok());
    assert!(ended.code == Some(0) && ran.is_some_and(|ran| ran > 0), "{}", shown(&ended));
}

fn shown(ended: &Ended) -> String {
    format!("exit code {:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr)
}

#[test]
fn the_python_client_does_by_itself_what_it_says() {
    unittest(&mut tool("python3"), "test_audit_logging");
}

#[test]
fn what_forked_workers_say_is_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mut python = python_with("forks", &["gunicorn==23.0.0", "celery==5.5.3"]);
    unittest(python.env("AUDIT_URL", format!("http://{}", server.address)).env("AUDIT_KEY", KEY), "test_forks");
    server.stop();
}

#[test]
fn what_a_django_project_changes_is_in_the_log() {
    for version in ["4.2", "5.2"] {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(directory.path());
        let django = format!("django~={version}.0");
        let packages = [django.as_str(), "djangorestframework==3.16.1", "django-otp==1.7.5"];
        for module in ["test_audit_django", "test_audit_django_bulk"] {
            let mut python = python_with(&format!("django-{version}-rest-otp"), &packages);
            unittest(python.env("AUDIT_URL", format!("http://{}", server.address)).env("AUDIT_KEY", KEY), module);
        }
        server.stop();
    }
}

#[test]
fn what_an_express_application_is_asked_is_in_the_log() {
    for version in ["^4", "^5"] {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(directory.path());
        let mut node = node_with_express(version);
        node.env("AUDIT_URL", format!("http://{}", server.address)).env("AUDIT_KEY", KEY);
        let ended = finish(node.args(["--test", "--test-reporter=tap"]).arg(clients().join("tests/test_audit_express.js")));
        let passed = ended.stdout.lines().find_map(|line| line.strip_prefix("# pass ")?.parse::<usize>().ok());
        assert!(ended.code == Some(0) && passed.is_some_and(|passed| passed > 0), "{}", shown(&ended));
        server.stop();
    }
}
