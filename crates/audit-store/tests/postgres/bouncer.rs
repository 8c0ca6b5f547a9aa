//! pgbouncer in transaction mode, in front of a server.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use tempfile::TempDir;

use super::Server;
use super::keeper::{Keeper, hand_over, unprivileged};

/// A pooler that gives every transaction whichever server connection is free, of two.
pub(crate) struct Bouncer {
    sockets: PathBuf,
    // Dropped in this order: what runs ends before its directory goes.
    _keeper: Keeper,
    _directory: TempDir,
}

impl Bouncer {
    pub(crate) fn start(server: &Server) -> Bouncer {
        let directory = tempfile::Builder::new().prefix("audit-pg-").tempdir_in("/tmp").unwrap();
        hand_over(directory.path());
        let place = directory.path().display();
        // `auth_type = any` logs everybody in as the one user of the connection string.
        let settings = format!(
            "[databases]\n* = user=audit_super host={}\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = {place}\n\
             unix_socket_mode = 0777\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 200\n\
             ignore_startup_parameters = extra_float_digits\nlogfile = {place}/log\npidfile = {place}/bouncer.pid\n",
            server.sockets().display()
        );
        let file = directory.path().join("bouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let keeper = Keeper::of(directory.path());
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().find(|path| PathBuf::from(path).exists());
        let program = program.unwrap_or_else(|| panic!("these tests need pgbouncer (Debian: apt-get install pgbouncer)"));
        let mut command = Command::new(program);
        command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = unprivileged(&mut command).spawn().unwrap();
        std::thread::spawn(move || child.wait_with_output());
        let bouncer = Bouncer { sockets: directory.path().to_owned(), _keeper: keeper, _directory: directory };
        let end = Instant::now() + Duration::from_secs(30);
        while let Err(error) = Client::connect(&bouncer.url("postgres"), NoTls) {
            let log = std::fs::read_to_string(bouncer.sockets.join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "pgbouncer does not start: {error}: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        bouncer
    }

    pub(crate) fn url(&self, database: &str) -> String {
        let place = self.sockets.display().to_string().replace('/', "%2F");
        format!("postgres://audit_super@/{database}?host={place}&port=6432")
    }
}
