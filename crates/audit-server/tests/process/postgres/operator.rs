//! An operator who follows `docs/operations.md` to the letter: the roles are made, the server is started by the lines of the page, and
//! the guards hold what the page says.

use std::path::Path;
use std::process::Command;

use crate::common::http::Client;
use crate::common::run;
use crate::common::server::{KEY, Server};
use crate::forged::{FORGE, append_ten, assert_noticed};
use crate::postgres_server::Server as Postgres;

const PAGE: &str = include_str!("../../../../../docs/operations.md");

/// The blocks for a shell under a heading of the page.
fn blocks(heading: &str) -> Vec<String> {
    let section = PAGE.split_once(&format!("\n{heading}\n")).unwrap().1;
    let section = section.split("\n### ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    blocks.map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
}

/// The page's server is called `db`; the test's listens on a socket.
struct Operator {
    postgres: Postgres,
    directory: tempfile::TempDir,
    socket: String,
}

impl Operator {
    fn new() -> Operator {
        let postgres = Postgres::start();
        let socket = postgres.url("postgres").split_once("?host=").unwrap().1.to_owned();
        Operator { postgres, directory: tempfile::tempdir().unwrap(), socket }
    }

    /// Lines of the page, with the place of this test's server.
    fn here(&self, lines: &str) -> String {
        lines.replace("@db/audit", &format!("@/audit?host={}", self.socket))
    }

    /// A shell of the operator, who is a superuser of the database server unless a URL says otherwise.
    fn shell(&self, lines: &str) -> Command {
        let mut command = Command::new("sh");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AUDIT_")) {
            command.env_remove(name);
        }
        let programs = Path::new(env!("CARGO_BIN_EXE_audit-server")).parent().unwrap();
        command.env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()));
        command.env("PGHOST", self.socket.replace("%2F", "/")).env("PGUSER", "audit_super").env("PGDATABASE", "postgres");
        command.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0");
        command.args(["-ec", &self.here(lines)]).current_dir(self.directory.path());
        command
    }

    #[track_caller]
    fn runs(&self, lines: &str) -> String {
        run(&mut self.shell(lines)).ok()
    }

    /// SQL as a role of the page.
    fn sql(&self, role: &str, sql: &str) -> crate::common::Ended {
        let url = self.here(&format!("postgres://{role}@db/audit"));
        run(self.shell("exec psql \"$0\" -v ON_ERROR_STOP=1 -qtAc \"$1\"").args([&url, sql]))
    }
}

/// A line of the page that starts the server, as one that becomes it.
fn becoming(line: &str) -> String {
    let settings = line.trim_end().strip_suffix(" audit-server").unwrap();
    format!("export {settings}; exec audit-server")
}

#[test]
fn the_roles_of_the_page_guard_the_log_as_the_page_says() {
    let operator = Operator::new();
    let [roles, migrate, serve] = <[String; 3]>::try_from(blocks("### Set up")).unwrap();
    operator.runs(&roles);
    let migrated = operator.runs(&migrate);
    let can = "the role `audit_app` can read and append, and cannot change or delete entries of the log\n";
    assert!(migrated.ends_with(can), "{migrated}");
    let server = Server::run(&mut operator.shell(&becoming(&serve)));
    assert_eq!(server.launch["mode"], "production");
    let mut client = Client::connect(server.address, KEY).unwrap();
    let uuids = append_ten(&mut client);

    // What changed the row before: the role of the server has no right to it, nor to less.
    for sql in [FORGE, "UPDATE events SET extra = NULL", "DELETE FROM events", "TRUNCATE events", "DROP TABLE events"] {
        let refused = operator.sql("audit_app:another", sql);
        let said = ["permission denied for table events", "must be owner of table events"];
        assert!(refused.code != Some(0) && said.iter().any(|said| refused.stderr.contains(said)), "{sql}: {refused:?}");
    }
    let event = client.get(&format!("/api/v1/events/{}", uuids[5])).unwrap();
    assert!(event.status == 200 && event.body.contains(r#""content":{"quantity":1}"#), "{event:?}");
    let settings = serve.trim_end().strip_suffix(" audit-server").unwrap();
    let doctor = format!("{settings} audit-server doctor");
    let good = "ok    database role: it can read and append, and cannot change or delete entries; it could append false ones, \
                move heads and change the search index (docs/operations.md, Roles)\n";
    let said = operator.runs(&doctor);
    assert!(said.contains(good), "{said}");

    // Nothing binds the owner. The server notices.
    assert_eq!(operator.sql("audit_owner:one", FORGE).code, Some(0));
    assert_noticed(&server, &mut client, &uuids);
    server.stop();

    // A role that was set up by an earlier version, and what the page says to do about it.
    assert_eq!(operator.sql("audit_owner:one", "GRANT UPDATE (content, user_json, seals) ON events TO audit_app").code, Some(0));
    let excess = "`audit_app` may UPDATE events (3 columns): it could change or delete entries of the log";
    let found = run(&mut operator.shell(&doctor));
    assert!(found.code == Some(1) && found.stdout.contains(&format!("FAIL  database role: {excess}")), "{found:?}");
    let refused = run(&mut operator.shell(&becoming(&serve)));
    assert!(
        refused.sentence().contains("may UPDATE events (3 columns): it could change or delete entries of the log"),
        "{refused:?}"
    );
    operator.runs(&migrate);
    assert!(operator.runs(&doctor).contains(good));
    drop(operator.postgres);
}
