//! Which role the program runs as.

use super::program_on;
use crate::common::run;
use crate::common::server::{KEY, Server};
use crate::postgres_server::{Database, create_role};

const APPLICATION: &str = "audit_test_served";

#[test]
fn production_refuses_a_powerful_role_before_it_makes_anything() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::empty());
    let ended = run(program_on(directory.path(), &database.url()).env("AUDIT_PRODUCTION", "1").env("AUDIT_LISTEN", "127.0.0.1:0"));
    let sentence = ended.sentence();
    assert!(sentence.starts_with(&format!("the role `{}` of the database `postgres://", database.role())), "{sentence}");
    assert!(sentence.contains("is a superuser") && sentence.contains("docs/operations.md, Roles"), "{sentence}");
    let tables = database.client().query("SELECT 1 FROM pg_class WHERE relname = 'events'", &[]).unwrap();
    assert!(tables.is_empty(), "nothing was made");
}

#[test]
fn the_server_runs_as_a_role_that_the_owner_granted() {
    create_role(APPLICATION);
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::empty());
    let as_application = database.url_as(APPLICATION);
    let early = run(program_on(directory.path(), &as_application).env("AUDIT_LISTEN", "127.0.0.1:0"));
    assert!(early.sentence().contains("run `audit-server migrate` as the owner"), "{early:?}");

    let granted = run(program_on(directory.path(), &database.url()).args(["migrate", "--grant-to", APPLICATION])).ok();
    assert!(
        granted
            .ends_with(&format!("the role `{APPLICATION}` can read and append, and cannot change or delete entries of the log\n")),
        "{granted}"
    );
    let again = run(program_on(directory.path(), &as_application).arg("migrate")).ok();
    assert!(again.contains("is up to date: nothing was changed"), "{again}");

    let mut command = program_on(directory.path(), &as_application);
    let server = Server::run(command.env("AUDIT_PRODUCTION", "1").env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0"));
    assert_eq!(server.launch["mode"], "production");
    let mut client = crate::common::http::Client::connect(server.address, KEY).unwrap();
    assert_eq!(client.post("/api/v1/events", "application/json", r#"{"action":"A"}"#).unwrap().status, 201);
    server.signal("TERM");
    let (status, _, log) = server.wait();
    assert!(status.success() && !log.contains("WARN"), "{log}");
    let doctor = run(program_on(directory.path(), &as_application).arg("doctor").env("AUDIT_LISTEN", "127.0.0.1:0")).ok();
    let role = "ok    database role: it can read and append, and cannot change or delete entries; it could append false ones";
    assert!(doctor.contains(role), "{doctor}");
}

#[test]
fn in_development_the_role_is_a_warning() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::empty());
    let mut command = program_on(directory.path(), &database.url());
    let server = Server::run(command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0"));
    server.signal("TERM");
    let (_, _, log) = server.wait();
    for what in ["is a superuser", "owns the tables"] {
        let warning = format!("the database role `{}` {what}: it could change or delete entries of the log", database.role());
        assert!(log.contains(&warning), "{warning}: {log}");
    }
}

#[test]
fn an_embedded_database_has_no_roles_to_grant_to() {
    let directory = tempfile::tempdir().unwrap();
    let ended = run(crate::common::program(directory.path()).args(["migrate", "--grant-to", "somebody"]));
    assert!(ended.sentence().contains("is not a PostgreSQL database and has no roles"), "{ended:?}");
    let nobody = Database::empty();
    let ended = run(program_on(directory.path(), &nobody.url()).args(["migrate", "--grant-to", "audit_test_nobody"]));
    assert!(ended.sentence().contains("role \"audit_test_nobody\" does not exist"), "{ended:?}");
}
